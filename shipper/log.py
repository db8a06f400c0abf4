"""The agent's own log: one line a fact, readable on a terminal, JSON elsewhere.

Facts that a program wants stand in `fields`; a line never holds a header value or a secret, since
nothing of the kind is passed to it. The text of an unexpected error could be anything, and is
left out: its kind and where it came up are told. Whatever repeats itself, the lines are bounded.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

_COLOURS = {"WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[31m"}
_RESET = "\x1b[0m"


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, message and the fields."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        fields: dict[str, Any] = getattr(record, "fields", {})
        line = {
            "time": _rfc3339(record.created),
            "level": record.levelname.lower(),
            "event": getattr(record, "event", "note"),
            "message": record.getMessage(),
            **fields,
        }
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            line["exception"] = type(error).__name__
            line["trace"] = [_place(frame) for frame in traceback.extract_tb(error.__traceback__)]
        return json.dumps(line, ensure_ascii=True, default=str)


class Readable(logging.Formatter):
    """Time, level and message; colour where it means something and someone looks."""

    def __init__(self, *, colour: bool) -> None:
        """`colour` is for terminals."""
        super().__init__()
        self._colour = colour

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        level = record.levelname.lower()
        if self._colour and record.levelname in _COLOURS:
            level = f"{_COLOURS[record.levelname]}{level}{_RESET}"
        clock = time.strftime("%H:%M:%S", time.localtime(record.created))
        line = f"{clock} {level}: {record.getMessage()}"
        if record.exc_info and record.exc_info[1]:
            error = record.exc_info[1]
            frame = traceback.extract_tb(error.__traceback__)[-1]
            line += f": {type(error).__name__} ({_place(frame)})"
        return line


def _place(frame: traceback.FrameSummary) -> str:
    """Where it came up; not the line's text."""
    return f"{frame.filename}:{frame.lineno} {frame.name}"


class Bounded(logging.Filter):
    """Passes so many lines at once, and then one each second.

    Debugging lines are not bounded, and neither are named events, which are few by their nature.
    How many were left out stands in the next one that passes.
    """

    def __init__(self, most: int = 100, clock: Callable[[], float] = time.monotonic) -> None:
        """`most` lines at once."""
        super().__init__()
        self._most = self._left = float(most)
        self._clock = clock
        self._at = clock()
        self._held = 0

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is written."""
        if record.levelno < logging.INFO or hasattr(record, "event"):
            return True
        now = self._clock()
        self._left = min(self._most, self._left + now - self._at)
        self._at = now
        if self._left < 1:
            self._held += 1
            return False
        self._left -= 1
        if self._held:
            record.msg = f"{record.getMessage()} ({self._held} lines before this were left out)"
            record.args = ()
            self._held = 0
        return True


def _rfc3339(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03}Z"


def set_up(level: str, form: str) -> logging.Logger:
    """The logger "shipper", writing to standard error; `form` is auto, text or json."""
    terminal = sys.stderr.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Bounded())
    handler.setFormatter(JsonLines() if as_json else Readable(colour=terminal))
    logger = logging.getLogger("shipper")
    logger.handlers[:] = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
    return logger


def say(
    logger: logging.Logger, event: str, message: str, level: int = logging.INFO, **fields: object
) -> None:
    """Log a named event with its fields."""
    logger.log(level, "%s", message, extra={"event": event, "fields": fields})

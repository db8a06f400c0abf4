"""The agent's own log: one line a fact, readable on a terminal, JSON elsewhere.

Facts that a program wants stand in `fields`; a line never holds a header value or a secret, since
nothing of the kind is passed to it.
"""

import json
import logging
import sys
import time
import traceback
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
            line["exception"] = "".join(traceback.format_exception(record.exc_info[1]))
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
            line += f": {_in_short(record.exc_info[1])}"
        return line


def _in_short(error: BaseException) -> str:
    """Which error and where it came up; all of it stands in the JSON form."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({frame.filename}:{frame.lineno})"


def _rfc3339(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1000):03}Z"


def set_up(level: str, form: str) -> logging.Logger:
    """The logger "shipper", writing to standard error; `form` is auto, text or json."""
    terminal = sys.stderr.isatty()
    as_json = form == "json" or (form == "auto" and not terminal)
    handler = logging.StreamHandler(sys.stderr)
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

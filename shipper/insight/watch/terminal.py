"""A terminal's last line, which says how things are, and lines that pass above it.

Where nobody looks (standard error is no terminal) there is no such line, and lines just pass.
"""

import logging
import shutil
import sys
import threading
from typing import TextIO

_CLEAR = "\r\x1b[2K"


class Terminal:
    """Standard error, and what else is written to the same terminal. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._there = sys.stderr.isatty()
        self._last = ""

    def last(self, text: str) -> None:
        """What the last line says from now on, cut to the width; nothing: there is none."""
        with self._lock:
            self._last = text
            self._draw()

    def above(self, line: str, to: TextIO) -> None:
        """A line, written to a stream."""
        with self._lock:
            if self._there:
                sys.stderr.write(_CLEAR)
                sys.stderr.flush()
            to.write(line)
            to.flush()
            self._draw()

    def take(self, logger: logging.Logger) -> None:
        """Have what a logger writes to standard error pass above."""
        for handler in logger.handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(_Above(self))

    def _draw(self) -> None:
        if self._there:
            width = shutil.get_terminal_size().columns - 1
            sys.stderr.write(f"{_CLEAR}{self._last[:width]}")
            sys.stderr.flush()


class _Above:
    """Standard error, as a log's handler writes to it: a whole line at once."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal

    def write(self, line: str) -> None:
        self._terminal.above(line, sys.stderr)

    def flush(self) -> None:
        """Nothing is kept back."""

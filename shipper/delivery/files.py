"""Records as JSON lines to standard output or a file, for tail, grep and jq.

A record is acknowledged when the kernel has taken its line. What can't be written now (a full
disk, a directory that is gone) stays with the sink, and then with the caller: nothing is dropped.
"""

import contextlib
import logging
import os
import stat
import sys
import time
from collections import deque
from pathlib import Path

from shipper.contract.record import EncodedRecord
from shipper.delivery.lines import Lines
from shipper.delivery.sink import Backpressure, Counters, Log, ReaderGone, Settled
from shipper.errors import ConfigError

#: Lines are written together up to this many bytes; more than that is not held.
_BATCH_BYTES = 1 << 18

_RETRY_S = 0.05


class _LineSink:
    """What both have in common: lines gathered, written whole, counted when written."""

    def __init__(self, fd: int, name: str, log: Log) -> None:
        self.counters = Counters()
        self._fd = fd
        self._name = name
        self._lines = Lines(log)
        self._open: deque[Settled | None] = deque()
        self._unwritten = bytearray()
        self._closed = False

    @property
    def in_flight(self) -> int:
        """Records whose line is not wholly written."""
        return len(self._open)

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Take one record's line; `Backpressure` while what was taken can't be written."""
        if self._closed or len(self._unwritten) >= _BATCH_BYTES:
            self._write()
        if self._closed or len(self._unwritten) >= _BATCH_BYTES:
            self.counters.refused += 1
            raise Backpressure
        # Between JSON's tokens a line break means no more than a space, and elsewhere none is raw.
        self._unwritten += record.value.replace(b"\n", b" ") + b"\n"
        self._open.append(settled)
        self.counters.submitted += 1

    def poll(self, timeout_s: float) -> int:
        """Write what was gathered; waits only while that is refused, or nothing is there."""
        settled = self._write()
        if not settled and timeout_s > 0:
            time.sleep(min(timeout_s, _RETRY_S) if self._open else timeout_s)
            settled = self._write()
        return settled

    def flush(self, timeout_s: float) -> int:
        """Write all lines; those that could not be written in time are left."""
        deadline = time.monotonic() + timeout_s
        self._write()
        while self._open and time.monotonic() < deadline:
            time.sleep(_RETRY_S)
            self._write()
        return len(self._open)

    def close(self) -> None:
        """Write once more and let go; what can't be written has failed as `closed`."""
        if self._closed:
            return
        with contextlib.suppress(ReaderGone):
            self._write()
        self._closed = True
        self._fail("closed")

    def _ready(self) -> None:
        """Called before lines are written, at a line's begin."""

    def _write(self) -> int:
        """Write as much as the kernel takes now; the number of lines that are out."""
        if self._closed or not self._unwritten:
            return 0
        before = len(self._open)
        try:
            if self._at_line_start:
                self._ready()
            self._push()
        except BrokenPipeError:
            self._reader_gone()
        except BlockingIOError:
            pass
        except OSError as e:
            self._lines.say(
                logging.ERROR,
                "write",
                f"can't write to {self._name} ({e.strerror}): records are kept, trying on",
            )
        else:
            self._lines.forget("write")
        return before - len(self._open)

    _at_line_start = True

    def _push(self) -> None:
        while self._unwritten:
            count = os.write(self._fd, self._unwritten)
            written = self._unwritten[:count]
            del self._unwritten[:count]
            self._at_line_start = written.endswith(b"\n")
            for _ in range(written.count(b"\n")):
                self._settle()

    def _settle(self) -> None:
        settled = self._open.popleft()
        self.counters.acknowledged += 1
        if settled is not None:
            settled(None)

    def _fail(self, reason: str) -> None:
        """Nobody is called back: these records have not arrived."""
        if self._open:
            self.counters.failed[reason] += len(self._open)
            self._open.clear()

    def _reader_gone(self) -> None:
        self._closed = True
        self._unwritten.clear()
        self._fail("reader_gone")
        raise ReaderGone(f"who read {self._name} has closed it")


class StdoutSink(_LineSink):
    """JSON lines on standard output. `ReaderGone` when the pipe's other end was closed."""

    def __init__(self, *, log: Log, fd: int | None = None) -> None:
        super().__init__(sys.stdout.fileno() if fd is None else fd, "standard output", log)

    def _reader_gone(self) -> None:
        # The interpreter flushes its own stream at exit; let that go nowhere instead of failing.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._fd)
        os.close(nowhere)
        super()._reader_gone()


class FileSink(_LineSink):
    """JSON lines appended to a file, mode 0600, opened again when it was rotated away."""

    def __init__(self, path: str | Path, *, log: Log) -> None:
        self._path = Path(path)
        try:
            fd = self._open_file()
        except OSError as e:
            raise ConfigError(
                f"can't write to {path} ({e.strerror})",
                "give a file in a directory that this user may write to",
            ) from None
        super().__init__(fd, str(path), log)

    def close(self) -> None:
        """Write once more and close the file."""
        if not self._closed:
            super().close()
            os.close(self._fd)

    def _open_file(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        fd = os.open(self._path, flags, 0o600)
        _end_torn_line(fd)
        return fd

    def _ready(self) -> None:
        """Follow a rotation: another file stands under the name, or none."""
        try:
            there = self._path.stat()
        except FileNotFoundError:
            there = None
        ours = os.fstat(self._fd)
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            fresh = self._open_file()
            os.close(self._fd)
            self._fd = fresh


def _end_torn_line(fd: int) -> None:
    """End a line that a crash tore, so that ours does not continue it."""
    status = os.fstat(fd)
    whole = not stat.S_ISREG(status.st_mode) or status.st_size == 0
    if not whole and os.pread(fd, 1, status.st_size - 1) != b"\n":
        os.write(fd, b"\n")

"""Dead letters in a file, one JSON line each, for when Kafka can't take them.

Several workers append to one file, and `shipper dead-letters` takes out what it has sent again; a
lock on the file keeps them apart. The file is its owner's alone, and bounded: the oldest letters
stay, since they tell how it began.
"""

import base64
import fcntl
import json
import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.errors import InputError

#: Its name in the spool's folder.
DEAD_LETTERS = "dead-letters.jsonl"
#: Most bytes of the file unless told otherwise.
MOST_BYTES = 64 << 20


class Kept(NamedTuple):
    """One letter of the file; `line` is how it stands there, `why` what Kafka said of it."""

    letter: EncodedRecord
    why: str
    line: bytes


class DeadFile:
    """The file at `path`, which need not exist."""

    def __init__(self, path: str | Path, most_bytes: int = MOST_BYTES) -> None:
        self._path = Path(path)
        self._most = most_bytes
        #: Letters that found no room; they are lost, and counted here alone.
        self.dropped = 0

    def keep(self, letter: EncodedRecord, why: str) -> bool:
        """Append a letter and force it to the disk; False when there is no room for it.

        Raises `OSError`, also while another process holds the file (`BlockingIOError`): then
        nothing was written that counts.
        """
        line = _line(letter, why)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._locked(os.O_RDWR | os.O_CREAT | os.O_APPEND, fcntl.LOCK_NB) as fd:
            size = os.fstat(fd).st_size
            if size + len(line) > self._most:
                self.dropped += 1
                return False
            if size and os.pread(fd, 1, size - 1) != b"\n":
                line = b"\n" + line  # the end of a line that a crash tore off
            _append(fd, size, line)
        return True

    def read(self) -> Iterator[Kept]:
        """The letters, oldest first; none when there is no file.

        Raises `InputError` when the file can't be read. A line that is no letter (torn by a
        crash) is passed over.
        """
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as e:
            raise InputError(
                f"can't read the dead letters in {self._path} ({e.strerror})",
                "run it as the agent's user or as root",
            ) from None
        for line in data.splitlines():
            kept = _letter(line)
            if kept is not None:
                yield kept

    def remove(self, lines: Collection[bytes]) -> None:
        """Take these lines out, in one step; what was appended meanwhile stays. Raises OSError."""
        gone = set(lines)
        with self._locked(os.O_RDWR, 0) as fd:
            data = Path(f"/proc/self/fd/{fd}").read_bytes()
            left = b"".join(line + b"\n" for line in data.splitlines() if line not in gone)
            fresh = self._path.with_name(f".{self._path.name}.new")
            status = os.fstat(fd)
            new = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                os.fchown(new, status.st_uid, status.st_gid)
                with os.fdopen(new, "wb", closefd=False) as out:
                    out.write(left)
                os.fsync(new)
            finally:
                os.close(new)
            fresh.rename(self._path)
            _sync(self._path.parent)

    @contextmanager
    def _locked(self, flags: int, wait: int) -> Iterator[int]:
        """The file, open and ours: the one that stands under the name when the lock is held."""
        while True:
            fd = os.open(self._path, flags | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | wait)
                if self._stands(fd):
                    yield fd
                    return
            finally:
                os.close(fd)

    def _stands(self, fd: int) -> bool:
        ours = os.fstat(fd)
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (ours.st_dev, ours.st_ino)


def _append(fd: int, size: int, line: bytes) -> None:
    """The whole line on the disk, or `OSError` and the file as it was."""
    try:
        while line:
            line = line[os.write(fd, line) :]
        os.fdatasync(fd)
    except OSError:
        with suppress(OSError):  # a device has no length
            os.ftruncate(fd, size)
        raise


def _sync(folder: Path) -> None:
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _line(letter: EncodedRecord, why: str) -> bytes:
    told: dict[str, Any] = {
        "topic": letter.topic,
        "key": _text(letter.key),
        "timestamp_ms": letter.timestamp_ms,
        "headers": [[name, _text(value)] for name, value in letter.headers],
        "why": why,
        "value": _text(letter.value),
    }
    return json.dumps(told, ensure_ascii=False).encode() + b"\n"


def _letter(line: bytes) -> Kept | None:
    try:
        told = json.loads(line)
        letter = EncodedRecord(
            topic=str(told["topic"]),
            key=_bytes(told["key"]),
            value=_bytes(told["value"]),
            timestamp_ms=int(told["timestamp_ms"]),
            headers=tuple((str(name), _bytes(value)) for name, value in told["headers"]),
            partition_key=b"",
            sequence=UNNUMBERED,
        )
        return Kept(letter, str(told["why"]), line)
    except (ValueError, TypeError, KeyError):
        return None


def _text(value: bytes) -> str | dict[str, str]:
    """As text; what is none is marked as base64."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _bytes(value: str | dict[str, str]) -> bytes:
    return value.encode() if isinstance(value, str) else base64.b64decode(value["base64"])

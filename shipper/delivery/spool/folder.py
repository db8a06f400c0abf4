"""The spool's root: one locked folder a worker and incarnation, and those that nobody holds.

The lock is the kernel's (flock(2)) and ends with its process, however that ends. An unlocked
folder is a dead one's: whoever locks it sends what it holds. Making a folder, taking one
and removing it exclude each other, by a lock on the root itself.
"""

import contextlib
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Self

from shipper.delivery.spool.state import State
from shipper.errors import ConfigError

_LOCK: Final = "lock"
_STATE: Final = "state"
#: What the folders are called, for one that was made and did not come to be locked.
_NAME: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-\d+")


class Folder:
    """One locked folder with its state."""

    def __init__(self, path: Path, lock: int) -> None:
        """`lock` is the descriptor of its lock; OSError where the state can't be used."""
        self.path = path
        self._lock = lock
        try:
            self.state = State(path / _STATE)
        except OSError:
            os.close(lock)
            raise

    @property
    def name(self) -> str:
        """`<ephemeral id>-<worker>`."""
        return self.path.name

    @classmethod
    def make(cls, root: Path, name: str) -> Self:
        """A new one; ConfigError where it can't be made."""
        path = root / name
        try:
            with _alone(root):
                path.mkdir(mode=0o700)
                lock = _locked(path)
            if lock is None:
                raise ConfigError(f"the spool folder {path} is in use", "start the agent once")
            return cls(path, lock)
        except OSError as e:
            raise ConfigError(
                f"spool.path: can't use {root} ({e.strerror})",
                "give a folder that agent.user may write to, with room, or an empty one for none",
            ) from None

    @classmethod
    def open(cls, path: Path) -> Self | None:
        """That of a dead one; None where somebody holds it. OSError."""
        with _alone(path.parent):
            lock = _locked(path)
        return None if lock is None else cls(path, lock)

    def close(self) -> None:
        """Let go: somebody else may adopt it."""
        self.state.close()
        os.close(self._lock)

    def remove(self) -> None:
        """All in it is settled, and that is said."""
        # The state goes behind what it speaks of, and the lock last: until then nobody adopts it.
        with contextlib.suppress(OSError):
            for path in self.path.iterdir():
                if path.name not in {_STATE, _LOCK}:
                    shutil.rmtree(path) if path.is_dir() else path.unlink()
            with _alone(self.path.parent):
                for name in (_STATE, _LOCK):
                    (self.path / name).unlink()
                self.path.rmdir()
        self.close()


def folders(root: Path) -> list[Path]:
    """Those of agents, dead or alive, the oldest first; nothing else below the root is touched."""
    paths: list[Path] = []
    with contextlib.suppress(OSError):
        paths.extend(sorted(root.iterdir(), key=_age))
    return [path for path in paths if _ours(path)]


def _ours(path: Path) -> bool:
    try:
        if path.is_symlink() or not path.is_dir():
            return False
        return _NAME.fullmatch(path.name) is not None or (path / _LOCK).is_file()
    except OSError:
        return False


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


@contextlib.contextmanager
def _alone(root: Path) -> Iterator[None]:
    """Nobody else makes or adopts a folder meanwhile."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _locked(path: Path) -> int | None:
    """The descriptor of the lock, or None where somebody holds it."""
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last holder may have removed it between our opening and our locking it.
        if os.fstat(lock).st_ino == (path / _LOCK).stat().st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None

"""The spool's root: one locked folder a worker and incarnation, and those that nobody holds.

The lock is the kernel's (flock(2)) and ends with its process, however that ends. An unlocked
folder is a dead one's: whoever locks it sends what it holds.
"""

import contextlib
import fcntl
import os
import shutil
from pathlib import Path
from typing import Final, Self

from shipper.delivery.spool.state import State
from shipper.errors import ConfigError

_LOCK: Final = "lock"
_STATE: Final = "state"


class Folder:
    """One locked folder with its state."""

    def __init__(self, path: Path, lock: int, state: State) -> None:
        self.path = path
        self.state = state
        self._lock = lock

    @property
    def name(self) -> str:
        """`<ephemeral id>-<worker>`."""
        return self.path.name

    @classmethod
    def make(cls, root: Path, name: str) -> Self:
        """A new one; ConfigError where it can't be made."""
        path = root / name
        try:
            path.mkdir(mode=0o700)
            lock = _locked(path)
            if lock is None:
                raise ConfigError(f"the spool folder {path} is in use", "start the agent once")
            return cls(path, lock, State(path / _STATE))
        except OSError as e:
            raise ConfigError(
                f"spool.path: can't use {root} ({e.strerror})",
                "give a folder that agent.user may write to, with room, or an empty one for none",
            ) from None

    @classmethod
    def adopt(cls, root: Path) -> list[Self]:
        """Those that nobody holds, oldest first; what can't be opened is left alone."""
        adopted = []
        with contextlib.suppress(OSError):
            for path in sorted(root.iterdir(), key=_age):
                with contextlib.suppress(OSError):
                    if not path.is_dir() or (lock := _locked(path)) is None:
                        continue
                    adopted.append(cls(path, lock, State(path / _STATE)))
        return adopted

    def close(self) -> None:
        """Let go: somebody else may adopt it."""
        self.state.close()
        os.close(self._lock)

    def remove(self) -> None:
        """All in it is settled, and that is said."""
        # The lock goes last: who waits for it finds nothing.
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()


def _age(path: Path) -> float:
    with contextlib.suppress(OSError):
        return path.stat().st_mtime
    return 0.0


def _locked(path: Path) -> int | None:
    """The descriptor of the lock, or None where somebody holds it."""
    lock = os.open(path / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last holder may have removed it between our opening and our locking it.
        if os.fstat(lock).st_ino == (path / _LOCK).stat().st_ino:
            return lock
    except OSError:
        pass
    os.close(lock)
    return None

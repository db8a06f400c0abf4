"""Tells the service manager how the agent stands: sd_notify(3), a datagram of text.

Without `$NOTIFY_SOCKET` nobody is told, and nothing is different.
"""

import os
import socket
import time
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Final

_MICROSECONDS: Final = 1_000_000
#: Seconds that a start which goes on asks for, again and again.
_EXTENSION: Final = 30
#: Seconds for what may not get lost: the manager's socket holds as little as ten datagrams.
_PATIENCE: Final = 5.0


class Notifier:
    """The connection to the service manager; `watchdog_s` is how often it wants to hear of us."""

    def __init__(self, environ: MutableMapping[str, str]) -> None:
        """Takes the variables out of `environ`: our children are not to speak for us."""
        path = environ.pop("NOTIFY_SOCKET", "")
        wanted = environ.pop("WATCHDOG_USEC", "")
        meant = environ.pop("WATCHDOG_PID", "") in {"", str(os.getpid())}
        self._status = ""
        self._socket: socket.socket | None = None
        self.watchdog_s = int(wanted) / _MICROSECONDS if meant and wanted.isdecimal() else None
        if path:
            made = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            with suppress(OSError):
                made.connect("\0" + path[1:] if path.startswith("@") else path)
                self._socket = made

    def ready(self, status: str) -> None:
        """Started; or reloaded."""
        self._status = status
        self._tell("READY=1", f"STATUS={status}", patience=_PATIENCE)

    def status(self, status: str) -> None:
        """What `systemctl status` shows, where it is new."""
        if status != self._status:
            self._status = status
            self._tell(f"STATUS={status}")

    def starting(self) -> None:
        """Not ready, but neither is it stuck."""
        self._tell(f"EXTEND_TIMEOUT_USEC={_EXTENSION * _MICROSECONDS}")

    def reloading(self) -> None:
        """A reload begins; `ready` ends it."""
        now = time.monotonic_ns() // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}", patience=_PATIENCE)

    def stopping(self) -> None:
        """No more is captured: the rest is delivered."""
        self._tell("STOPPING=1", "STATUS=delivering what is left", patience=_PATIENCE)

    def alive(self) -> None:
        """To the watchdog."""
        self._tell("WATCHDOG=1")

    def keep(self, name: str, descriptor: int) -> None:
        """Have it passed to the next start. It is not looked at whether it is still of use."""
        kept = ("FDSTORE=1", f"FDNAME={name}", "FDPOLL=0")
        self._tell(*kept, descriptors=(descriptor,), patience=_PATIENCE)

    def forget(self, name: str) -> None:
        """What was kept under this name is not needed any more."""
        self._tell("FDSTOREREMOVE=1", f"FDNAME={name}", patience=_PATIENCE)

    @property
    def listened_to(self) -> bool:
        """Whether there is a service manager."""
        return self._socket is not None

    def _tell(self, *lines: str, descriptors: tuple[int, ...] = (), patience: float = 0.0) -> None:
        if self._socket is not None:
            self._socket.settimeout(patience)
            with suppress(OSError):
                socket.send_fds(self._socket, ["\n".join(lines).encode()], descriptors)

"""The agent that runs: offers what it has to one that comes, and does what that one asks."""

import errno
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from shipper.capture import Estate
from shipper.errors import ConfigError, PrivilegeError
from shipper.handover.wire import SUFFIX, check_peer, heard, tell

_BACKLOG: Final = 1


class Asked(NamedTuple):
    """The next agent goes on: with our tables, or with its own from `at` on (ns, boot clock)."""

    pid: int
    at: int | None


class Offer:
    """A socket of its own in `folder`, until it is closed. One agent at a time is spoken with.

    Made while the agent still has its privileges, so that who connects can see whose it is.
    """

    def __init__(self, folder: Path) -> None:
        """Binds; ConfigError where that is not possible. Nobody is answered before `turn`."""
        self._next: socket.socket | None = None
        self._pid = 0
        self._path = folder / f"{time.clock_gettime_ns(time.CLOCK_BOOTTIME):020d}{SUFFIX}"
        kind = socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK
        self._listening = socket.socket(socket.AF_UNIX, kind)
        before = os.umask(0o177)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._listening.bind(str(self._path))
            self._listening.listen(_BACKLOG)
        except OSError as error:
            self._listening.close()
            raise ConfigError(
                f"agent.hand_over: cannot listen in {folder}: {error.strerror}",
                "give a folder that only root can write to, or an empty one for none",
            ) from error
        finally:
            os.umask(before)

    def turn(self, estate: Callable[[], Estate], allowed: frozenset[int]) -> Asked | None:
        """What was asked since, and by whom; `estate` tells what there is to be had.

        Only `allowed` users may have it: PrivilegeError tells of another who asked.
        """
        if self._next is None and not self._admit(estate, allowed):
            return None
        try:
            found = None if self._next is None else heard(self._next)
        except BlockingIOError:
            return None
        if found is None:
            self._hang_up()
            return None
        message, _ = found
        if "turn" in message:
            return Asked(self._pid, None)
        return Asked(self._pid, int(message["at"])) if "at" in message else None

    def agree(self, at: int | None) -> None:
        """All workers know of this moment; None: they did not in time."""
        if self._next is not None:
            tell(self._next, agreed=at)

    def over(self) -> None:
        """What was open here has ended."""
        if self._next is not None:
            tell(self._next, over=True)

    def hang_up(self) -> None:
        """Nobody is spoken with any more, and nobody else can come."""
        self._hang_up()
        self._listening.close()

    def withdraw(self) -> None:
        """The path goes too, where we may still take it away; else the next start does it."""
        with suppress(OSError):
            self._path.unlink()

    def _admit(self, estate: Callable[[], Estate], allowed: frozenset[int]) -> bool:
        try:
            channel, _ = self._listening.accept()
        except OSError as error:
            if error.errno in {errno.EAGAIN, errno.ECONNABORTED}:
                return False
            raise
        try:
            self._pid = check_peer(channel, allowed)
        except PrivilegeError:
            channel.close()
            raise
        channel.setblocking(False)  # noqa: FBT003 - its only parameter
        self._next = channel
        had = estate()
        tell(channel, list(had.descriptors.values()), estate=had.told())
        return True

    def _hang_up(self) -> None:
        if self._next is not None:
            self._next.close()
            self._next = None

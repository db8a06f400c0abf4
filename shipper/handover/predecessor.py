"""The agent that comes: meets the one that runs."""

import socket
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipper.capture import Estate
from shipper.errors import PrivilegeError, UnavailableError
from shipper.handover.wire import SUFFIX, check_peer, heard, tell

#: Seconds within which the one before has to answer; it looks a few times a second.
_PATIENCE: Final = 10.0
#: How far ahead the moment lies that both are to agree on (ns), and how often that is tried.
_AHEAD: Final = 500_000_000
_TRIES: Final = 5


class Predecessor:
    """The agent that still runs, at the other end of a socket."""

    def __init__(self, channel: socket.socket, pid: int, estate: Estate) -> None:
        self.pid = pid
        self.estate = estate
        self._channel = channel

    def begin_turn(self) -> None:
        """Its tables are ours, and the turn has begun."""
        tell(self._channel, turn=True)

    def agree(self, at: int) -> bool:
        """Whether all its workers know of this moment (ns, boot clock), which has not come yet."""
        tell(self._channel, at=at)
        while True:
            try:
                found = heard(self._channel)
            except TimeoutError:
                return False
            if found is None:
                return True  # it has ended: nobody else tells anything
            message, _ = found
            if "agreed" in message:
                return bool(message["agreed"] == at)

    def over(self) -> bool:
        """Whether what was open there has ended, or the agent has."""
        self._channel.setblocking(False)  # noqa: FBT003 - its only parameter
        try:
            found = heard(self._channel)
        except BlockingIOError:
            return False
        return found is None or "over" in found[0]

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


def meet(folder: Path, allowed: frozenset[int], busy_s: float) -> Predecessor | None:
    """The agent that was last to begin of those that listen in `folder`; None when none does.

    One that has an agent before it itself may need `busy_s` until that has ended. Raises
    PrivilegeError for a stranger's socket, UnavailableError for one that does not answer.
    """
    for path in sorted(folder.glob(f"*{SUFFIX}"), reverse=True):
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.settimeout(_PATIENCE + busy_s)
        try:
            channel.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            channel.close()
            with suppress(OSError):
                path.unlink()  # of one that has ended
            continue
        try:
            found = _introduced(channel, allowed)
        except (OSError, ValueError, KeyError) as error:
            channel.close()
            raise UnavailableError(
                f"an agent listens at {path} and hands nothing over", "end it, and try again"
            ) from error
        except PrivilegeError:
            channel.close()
            raise
        if found is not None:
            return found
        channel.close()
    return None


def _introduced(channel: socket.socket, allowed: frozenset[int]) -> Predecessor | None:
    pid = check_peer(channel, allowed)
    found = heard(channel)
    if found is None:
        return None
    message, descriptors = found
    channel.settimeout(_PATIENCE)
    return Predecessor(channel, pid, Estate.of(message["estate"], descriptors, running=True))


def agreed_moment(predecessor: Predecessor, tell_workers: Callable[[int], None]) -> int | None:
    """A moment (ns, boot clock) from which on requests are ours; None where there was no agreeing.

    Ours know it first: what they throw away until then is told by the agent before.
    """
    for attempt in range(1, _TRIES + 1):
        at = time.clock_gettime_ns(time.CLOCK_BOOTTIME) + _AHEAD * attempt
        tell_workers(at)
        if predecessor.agree(at):
            return at
    return None

"""What the agent and a worker say to one another, over one socket that keeps messages apart.

The worker tells JSON, since it reads what strangers sent and is not trusted with more. The agent
tells objects of ours (pickled); the end of the socket is the end of the agent.
"""

import json
import pickle
import socket
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from shipper.errors import ConfigError
from shipper.record import RecordSettings
from shipper.volume import VolumeSettings

_LONGEST: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Finish:
    """Nothing more will be captured: drain, deliver and end."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """From the next exchange on these hold; `number` is told back when they do."""

    number: int
    settings: RecordSettings
    volume: VolumeSettings
    log_level: str


@dataclass(frozen=True, slots=True)
class Part:
    """Another agent goes on: end when nothing is open any more that is still ours.

    With `at` (ns, boot clock) it captures beside us: ours is what began before that.
    """

    at: int | None


@dataclass(frozen=True, slots=True)
class Begin:
    """What begins from `at` on (ns, boot clock) is ours; until then nothing was."""

    at: int


Order = Finish | Renewal | Part | Begin


class AgentsEnd:
    """The agent's end of the socket to one worker."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        channel.settimeout(0)

    def order(self, order: Order) -> None:
        """Tell the worker; it may be gone. ConfigError for what is too long to be told."""
        try:
            self._channel.send(pickle.dumps(order))
        except (BlockingIOError, ConnectionError):
            return  # it is seen to have ended, or not to answer
        except OSError as error:
            raise ConfigError(
                f"the settings of records are too long to be told to a worker ({error.strerror})",
                "give fewer header names and patterns",
            ) from error

    def told(self) -> Iterator[dict[str, Any]]:
        """What the worker has said since."""
        with suppress(BlockingIOError, ConnectionError):
            while data := self._channel.recv(_LONGEST):
                yield json.loads(data)

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


class WorkersEnd:
    """The worker's end."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel

    def tell(self, **message: object) -> None:
        """Say something; a busy agent is not waited for, and it may be gone."""
        with suppress(OSError):
            self._channel.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)

    def order(self) -> Order | None:
        """What the agent wants, once; None when it has said nothing."""
        try:
            data = self._channel.recv(_LONGEST, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None
        except OSError:
            data = b""
        if not data:
            return Finish()
        order: Order = pickle.loads(data)  # noqa: S301 - from our parent alone, over its socket
        return order

    def close(self) -> None:
        """Hang up."""
        self._channel.close()


def ends() -> tuple[AgentsEnd, WorkersEnd]:
    """A new socket, both its ends."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    return AgentsEnd(ours), WorkersEnd(theirs)

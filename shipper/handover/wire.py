"""Messages between two agents: one JSON object each, descriptors beside it."""

import json
import os
import socket
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

from shipper.errors import PrivilegeError

#: of the sockets in the folder; what stands before it tells when each was made
SUFFIX: Final = ".sock"
_LONGEST: Final = 1 << 16
_MOST: Final = 253  # SCM_MAX_FD
_CREDENTIALS: Final = struct.Struct("=3i")  # struct ucred, unix(7)


def tell(channel: socket.socket, descriptors: Sequence[int] = (), **message: object) -> None:
    """Say something; who is gone is not told. It is never waited for."""
    data = json.dumps(message).encode()
    with suppress(OSError):
        socket.send_fds(channel, [data], list(descriptors), socket.MSG_DONTWAIT)


def heard(channel: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """The next message; None at the end. BlockingIOError, TimeoutError while there is none."""
    try:
        data, descriptors, _, _ = socket.recv_fds(channel, _LONGEST, _MOST)
    except ConnectionError:
        return None
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - its only parameter
    message = json.loads(data) if data else None
    return (message, list(descriptors)) if isinstance(message, dict) else None


def check_peer(channel: socket.socket, allowed: frozenset[int]) -> int:
    """The process at the other end. PrivilegeError unless its user is one of these."""
    packed = channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    pid, uid, _ = _CREDENTIALS.unpack(packed)
    if uid not in allowed:
        raise PrivilegeError(
            f"process {pid} of user {uid} is at the hand-over socket, and none of ours",
            "see who writes to the folder of agent.hand_over",
        )
    return int(pid)

"""The TCP connections of network namespaces, as the kernel lists them (sock_diag(7))."""

import ctypes
import socket
import struct
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

_NETLINK_SOCK_DIAG: Final = 4
_SOCK_DIAG_BY_FAMILY: Final = 20
_REQUEST_DUMP: Final = 0x301
_DONE, _ERROR = 3, 2
#: include/net/tcp_states.h: all but closed, listening and those not accepted yet
_STATES: Final = 1 << 1 | 1 << 2 | 1 << 4 | 1 << 5 | 1 << 8 | 1 << 9 | 1 << 11
_HEADER: Final = struct.Struct("=IHHII")
#: linux/inet_diag.h: inet_diag_req_v2, its socket all zeros
_QUESTION: Final = struct.Struct("=BBBBI48x")
#: inet_diag_msg: family, state, timer, retransmissions; ports, addresses, interface, cookie;
#: expires, both queues; user, inode
_ANSWER: Final = struct.Struct("=B3x2s2s16s16sIQ12xII")
_V4_MAPPED: Final = bytes(10) + b"\xff\xff"
_ROOM: Final = 1 << 17
_CLONE_NEWNET: Final = 0x40000000
_HERE: Final = Path("/proc/thread-self/ns/net")


class Held(NamedTuple):
    """One connection: its socket's cookie and inode, and both ends, addresses of 16 bytes."""

    cookie: int
    inode: int
    local: bytes
    local_port: int
    remote: bytes
    remote_port: int


def connections() -> Iterator[Held]:
    """Those of the network namespace that this thread is in. OSError when the kernel refuses."""
    for family in (socket.AF_INET, socket.AF_INET6):
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_SOCK_DIAG) as asked:
            question = _QUESTION.pack(family, socket.IPPROTO_TCP, 0, 0, _STATES)
            length = _HEADER.size + len(question)
            asked.send(_HEADER.pack(length, _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + question)
            while (part := asked.recv(_ROOM)) and (yield from _taken(part)):
                pass


def _taken(part: bytes) -> Generator[Held, None, bool]:
    """The connections of one answer; whether more come."""
    at = 0
    while at + _HEADER.size <= len(part):
        length, kind, *_ = _HEADER.unpack_from(part, at)
        if kind in {_DONE, _ERROR} or length < _HEADER.size:
            return False
        yield _held(*_ANSWER.unpack_from(part, at + _HEADER.size))
        at += length + 3 & ~3
    return True


def _held(  # noqa: PLR0913, PLR0917 - the fields of the struct
    family: int,
    local_port: bytes,
    remote_port: bytes,
    local: bytes,
    remote: bytes,
    _interface: int,
    cookie: int,
    _user: int,
    inode: int,
) -> Held:
    if family == socket.AF_INET:
        local, remote = _V4_MAPPED + local[:4], _V4_MAPPED + remote[:4]
    return Held(
        cookie,
        inode,
        local,
        int.from_bytes(local_port, "big"),
        remote,
        int.from_bytes(remote_port, "big"),
    )


@contextmanager
def inside(namespace: Path) -> Iterator[None]:
    """Have this thread in the network namespace of a file; OSError where it is closed to us."""
    libc = ctypes.CDLL(None, use_errno=True)
    with _HERE.open("rb") as home, namespace.open("rb") as there:
        if libc.setns(there.fileno(), _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter {namespace}")
        try:
            yield
        finally:
            if libc.setns(home.fileno(), _CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "cannot come back to the network namespace")

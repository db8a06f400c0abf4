"""What the running kernel offers, and what else is loaded into it that changes what we see.

Each is asked of the kernel itself, not of its version: distributions carry features back.
"""

import ctypes
import os
import platform
import re
import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from shipper.capture import loader, owners

_GET_NEXT_PROGRAM: Final = 11
_PROGRAM_BY_ID: Final = 13
_ABOUT_OBJECT: Final = 15
#: linux/bpf.h, enum bpf_prog_type: programs that may send data from socket to socket.
_SK_SKB: Final = 14
_SK_MSG: Final = 16
_UNPRIVILEGED: Final = Path("/proc/sys/kernel/unprivileged_bpf_disabled")
_PROTOCOLS: Final = Path("/proc/net/protocols")
_SOCKETS_COLUMN: Final = 2
_OPEN_TO_NOBODY: Final = (5, 19)


@dataclass(frozen=True, slots=True)
class Ability:
    """Whether the kernel has it; `without` tells what is less or slower where it has not."""

    name: str
    there: bool
    without: str


def abilities() -> Iterator[Ability]:
    """What is of use and not needed. LoaderError where loading is not permitted.

    Only what unprivileged processes may do is known by the kernel's version.
    """
    release = tuple(map(int, re.findall(r"\d+", platform.release())[:2]))
    yield Ability(
        "may_goto", loader.accepts(loader.MAY_GOTO), "long header blocks take several passes (6.9)"
    )
    yield Ability(
        "atomic exchange",
        loader.accepts(loader.EXCHANGE),
        "scratch memory is guarded by turns alone (5.12)",
    )
    yield Ability(
        "BTF",
        bool(owners.definitions()),
        "of processes only what helpers tell (CONFIG_DEBUG_INFO_BTF)",
    )
    yield Ability(
        "maps without privileges",
        release >= _OPEN_TO_NOBODY or _said(_UNPRIVILEGED) == "0",
        "a reload can't change networks and cgroups of filters (5.19)",
    )


def redirecting() -> dict[str, int] | None:
    """How many loaded programs may send data past the hooks, by kind; None: not to be known."""
    found: Counter[str] = Counter()
    kinds = {_SK_SKB: "sk_skb", _SK_MSG: "sk_msg"}
    try:
        for kind in _loaded():
            if kind in kinds:
                found[kinds[kind]] += 1
    except OSError:
        return None
    return dict(found)


def multipath_sockets() -> int:
    """How many MPTCP sockets this network namespace has (proc(5), net/protocols)."""
    lines = _said(_PROTOCOLS).splitlines()
    rows = [line.split() for line in lines if line.startswith("MPTCP")]
    return sum(int(row[_SOCKETS_COLUMN]) for row in rows)


def _loaded() -> Iterator[int]:
    """The type of every program that is loaded; needs CAP_SYS_ADMIN."""
    number = 0
    while True:
        attributes = ctypes.create_string_buffer(struct.pack("=III", number, 0, 0), 12)
        if not _ask(_GET_NEXT_PROGRAM, attributes):
            return
        (number,) = struct.unpack_from("=I", attributes, 4)
        try:
            descriptor = loader.bpf(_PROGRAM_BY_ID, struct.pack("=III", number, 0, 0))
        except FileNotFoundError:
            continue  # it went meanwhile
        try:
            about = ctypes.create_string_buffer(256)
            asked = struct.pack("=IIQ", descriptor, len(about), ctypes.addressof(about))
            loader.bpf(_ABOUT_OBJECT, asked)
            yield struct.unpack_from("=I", about)[0]
        finally:
            os.close(descriptor)


def _ask(command: int, attributes: "ctypes.Array[ctypes.c_char]") -> bool:
    """Ask what writes its answer over the question; False when there is no more."""
    libc = ctypes.CDLL(None, use_errno=True)
    number = loader.SYSCALL_BPF[os.uname().machine]
    if libc.syscall(number, command, attributes, len(attributes)) >= 0:
        return True
    error = ctypes.get_errno()
    if error == 2:  # noqa: PLR2004 - ENOENT
        return False
    raise OSError(error, os.strerror(error))


def _said(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""

"""Which BPF programs and links exist, asked of the kernel itself (linux/bpf.h)."""

import ctypes
import errno
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from shipper.capture.loader import bpf

_PROG_GET_FD_BY_ID = 13
_LINK_GET_FD_BY_ID = 30
_PROG_GET_NEXT_ID = 11
_LINK_GET_NEXT_ID = 31


class Objects(NamedTuple):
    """Ids of programs and of links."""

    programs: frozenset[int]
    links: frozenset[int]

    def alive(self) -> "Objects":
        """Those of them that still exist."""
        return Objects(
            frozenset(i for i in self.programs if _exists(_PROG_GET_FD_BY_ID, i)),
            frozenset(i for i in self.links if _exists(_LINK_GET_FD_BY_ID, i)),
        )


NONE = Objects(frozenset(), frozenset())


def _exists(command: int, number: int) -> bool:
    try:
        os.close(bpf(command, struct.pack("=III", number, 0, 0)))
    except OSError as error:
        if error.errno == errno.ENOENT:
            return False
        raise
    return True


def _all(command: int) -> frozenset[int]:
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = ctypes.create_string_buffer(12)
    found: set[int] = set()
    last = 0
    while True:
        struct.pack_into("=III", attributes, 0, last, 0, 0)
        if libc.syscall(321 if os.uname().machine == "x86_64" else 280, command, attributes, 12):
            return frozenset(found)
        (last,) = struct.unpack_from("=I", attributes, 4)
        found.add(last)


def everything() -> Objects:
    """All programs and links of this host, those of others too."""
    return Objects(_all(_PROG_GET_NEXT_ID), _all(_LINK_GET_NEXT_ID))


def held_by(*pids: int | str) -> Objects:
    """What these processes hold descriptors of, by their fdinfo."""
    programs: set[int] = set()
    links: set[int] = set()
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            try:
                fields = dict(_fields(entry.read_text().splitlines()))
            except FileNotFoundError:
                continue
            if "prog_id" in fields:
                programs.add(int(fields["prog_id"]))
            if "link_id" in fields:
                links.add(int(fields["link_id"]))
    return Objects(frozenset(programs), frozenset(links))


def _fields(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name, value.strip()

"""Which BPF programs, links and maps exist, asked of the kernel itself (linux/bpf.h)."""

import ctypes
import os
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

_PROG_GET_NEXT_ID = 11
_MAP_GET_NEXT_ID = 12
_LINK_GET_NEXT_ID = 31


class Objects(NamedTuple):
    """Ids of programs, of links, and of maps."""

    programs: frozenset[int] = frozenset()
    links: frozenset[int] = frozenset()
    maps: frozenset[int] = frozenset()

    def alive(self) -> "Objects":
        """Those of them that still exist.

        Their ids are only listed. Who opens one while it goes may keep it for ever: a second last
        descriptor of a program array, closed before the kernel has emptied the array because of
        the first, takes a reference that nothing gives back (prog_array_map_clear, Linux 6.18).
        """
        now = everything()
        return Objects(self.programs & now.programs, self.links & now.links, self.maps & now.maps)

    def beyond(self, others: "Objects") -> "Objects":
        """Those that are none of the others."""
        return Objects(
            self.programs - others.programs, self.links - others.links, self.maps - others.maps
        )


NONE = Objects()


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
    """All of this host, those of others too."""
    return Objects(_all(_PROG_GET_NEXT_ID), _all(_LINK_GET_NEXT_ID), _all(_MAP_GET_NEXT_ID))


def held_by(*pids: int | str) -> Objects:
    """What these processes hold descriptors of, by their fdinfo."""
    found: dict[str, set[int]] = {"prog_id": set(), "link_id": set(), "map_id": set()}
    for pid in pids:
        for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
            try:
                fields = dict(_fields(entry.read_text().splitlines()))
            except FileNotFoundError:
                continue
            for kind in fields.keys() & found.keys():
                found[kind].add(int(fields[kind]))
    return Objects(*map(frozenset, found.values()))


def _fields(lines: Iterable[str]) -> Iterable[tuple[str, str]]:
    for line in lines:
        name, _, value = line.partition(":")
        yield name, value.strip()

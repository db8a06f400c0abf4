"""Connections that are older than the programs -> entries in the table of their sockets' processes.

Asked once, as root, right behind attaching: who holds which socket (/proc/PID/fd), and which cookie
or addresses it has (sock_diag). A socket that several processes hold is left to the programs: who
of them deals with it is seen when it reads. So is whatever a program has noted already.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from shipper.capture import diag
from shipper.capture.layout import PROCESS, mix
from shipper.capture.loader import update_map

_PROC: Final = Path("/proc")
#: linux/proc_ns.h: PROC_PID_INIT_INO
_HOST: Final = 0xEFFFFFFC
_SECOND: Final = 1_000_000_000
_CHECK: Final = struct.Struct("=Q")
#: struct owner_key of bpf/lib/owner.h, by addresses
_TUPLE: Final = struct.Struct("=16s16sHH4x")
#: linux/bpf.h: only where there is no entry yet
_NO_EXIST: Final = 1


def note(table: int, *, by_cookie: bool, cgroups: Path | None) -> int:
    """Write into the table behind a descriptor; the number of connections that were noted.

    One by addresses is of this network namespace alone. `cgroups` is the cgroup v2 root, if any.
    OSError where /proc or sock_diag is closed to us.
    """
    if (_PROC / "self/ns/pid").stat().st_ino != _HOST:
        return 0  # other pids than the programs see
    holders, networks = _holders()
    told: dict[Path, bytes] = {}
    noted = 0
    for held in _connections(networks, everywhere=by_cookie):
        folder = holders.get(held.inode)
        if folder is None:
            continue
        if folder not in told:
            told[folder] = _described(folder, cgroups)
        # Only now: the process that was described may have been another since.
        if not told[folder] or held.inode not in set(_sockets(folder)):
            continue
        key = _key(held, by_cookie=by_cookie)
        with suppress(FileExistsError):  # a program was faster
            update_map(table, key, _check(key) + told[folder], _NO_EXIST)
            noted += 1
    return noted


def _holders() -> tuple[dict[int, Path | None], dict[str, Path]]:
    """Who holds each socket, by its inode, None for several; a process of each network."""
    holders: dict[int, Path | None] = {}
    networks: dict[str, Path] = {}
    for folder in _PROC.iterdir():
        if not folder.name.isdecimal():
            continue
        with suppress(OSError):
            networks.setdefault(str((folder / "ns/net").readlink()), folder)
            for inode in set(_sockets(folder)):
                holders[inode] = None if inode in holders else folder
    return holders, networks


def _sockets(folder: Path) -> Iterator[int]:
    """The inodes of a process's sockets; none of one that has ended, or is closed to us."""
    with suppress(OSError):
        for entry in (folder / "fd").iterdir():
            with suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:["):
                    yield int(target[8:-1])


def _connections(networks: dict[str, Path], *, everywhere: bool) -> Iterator[diag.Held]:
    """Those of the networks that we may enter, or of ours."""
    ours = str((_PROC / "thread-self/ns/net").readlink())
    yield from list(diag.connections())
    for network, process in networks.items() if everywhere else ():
        if network != ours:
            yield from _elsewhere(process / "ns/net")


def _elsewhere(network: Path) -> list[diag.Held]:
    with suppress(OSError), diag.inside(network):
        return list(diag.connections())
    return []


def _key(held: diag.Held, *, by_cookie: bool) -> bytes:
    if by_cookie:
        return _CHECK.pack(held.cookie)
    return _TUPLE.pack(held.local, held.remote, held.local_port, held.remote_port)


def _check(key: bytes) -> bytes:
    """`check_of` of bpf/lib/owner.h."""
    if len(key) == _CHECK.size:
        return key
    value = 0
    for (word,) in reversed([*_CHECK.iter_unpack(key)]):
        value = mix(word ^ value)
    return _CHECK.pack(value)


def _described(folder: Path, cgroups: Path | None) -> bytes:
    """A struct process; empty for one that has ended."""
    try:
        status = dict(
            line.split(":\t", 1) for line in (folder / "status").read_text("latin-1").splitlines()
        )
        stat = (folder / "stat").read_bytes().rpartition(b")")[2].split()
        name = (folder / "comm").read_bytes().rstrip(b"\n")
    except (OSError, ValueError):
        return b""
    parent = int(stat[1])
    inner = status.get("NSpid", "").split()
    return PROCESS.pack(
        int(stat[19]) * _SECOND // os.sysconf("SC_CLK_TCK"),
        _cgroup(folder, cgroups),
        int(folder.name),
        int(inner[-1]) if len(inner) > 1 else 0,
        int(status["Uid"].split()[0]),
        parent,
        name,
        _name(parent),
    )


def _name(pid: int) -> bytes:
    with suppress(OSError):
        return (_PROC / str(pid) / "comm").read_bytes().rstrip(b"\n")
    return b""


def _cgroup(folder: Path, cgroups: Path | None) -> int:
    """The id of its cgroup of version 2; 0 where it is not known."""
    with suppress(OSError):
        for line in (folder / "cgroup").read_text("latin-1").splitlines():
            if line.startswith("0::") and cgroups is not None:
                return (cgroups / line[4:]).stat().st_ino
    return 0

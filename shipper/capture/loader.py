"""The loader: compiles, loads, attaches the kernel program, hands over descriptors, and ends.

It runs as a process of its own under the distribution's interpreter, because bcc is the
distribution's package and brings 125 MB of LLVM that the agent shall not hold. It is the only
place that imports bcc, and it imports nothing of ours. It is told what to do by one JSON object on
a Unix socket and answers with another, the descriptors beside it.

No kernel headers are needed: bcc is given a small tree of stand-ins over the system's user-space
headers (package linux-libc-dev).
"""

from __future__ import annotations

import array
import contextlib
import ctypes
import errno
import json
import os
import platform
import re
import resource
import signal
import socket
import struct
import sys
from pathlib import Path
from typing import Any

BPF_MAP_CREATE = 0
BPF_MAP_UPDATE_ELEM = 2
BPF_MAP_DELETE_ELEM = 3
BPF_PROG_LOAD = 5
BPF_RAW_TRACEPOINT_OPEN = 17
BPF_LINK_CREATE = 28
BPF_LINK_UPDATE = 29
MAP_TYPE_RINGBUF = 27
PROG_SOCKET_FILTER = 1
PROG_CGROUP_SKB = 8
PROG_RAW_TRACEPOINT = 17
PROG_CGROUP_SOCK_ADDR = 18
CGROUP_INGRESS = 0
CGROUP_EGRESS = 1
CGROUP_CONNECT4 = 10
CGROUP_CONNECT6 = 11
SO_ATTACH_BPF = 50
ETH_P_ALL = 0x0003
SOL_PACKET = 263
PACKET_FANOUT = 18
#: linux/if_packet.h: a group whose id the kernel chooses (4.12), by CPU, fragments put together
FANOUT_ALONE = 0x2000 | 0x8000 | 2
SYSCALL_BPF = {"x86_64": 321, "aarch64": 280}
#: A refused program makes the verifier speak: 158 MB were seen. The end of it is enough.
LOG_LIMIT = 4 << 20

#: Maps whose descriptors the agent needs, or has to hold so that they live.
MAPS = (
    "settings",
    "ports",
    "own_sockets",
    "counters",
    "cidrs",
    "cgroups",
    "sinks",
    "flows",
    "flow_template",
    "again",
    "rings",
    "twins",
    "holds",
    "scratch",
)

#: Programs of owner.c: at which connect() of a cgroup, and at which raw tracepoint.
CONNECTS = {"owner_connect4": CGROUP_CONNECT4, "owner_connect6": CGROUP_CONNECT6}
TRACES = {"owner_read": b"tcp_rcv_space_adjust", "owner_state": b"inet_sock_set_state"}

PT_REGS = {
    "x86_64": "r15,r14,r13,r12,bp,bx,r11,r10,r9,r8,ax,cx,dx,si,di,orig_ax,ip,cs,flags,sp,ss",
    "aarch64": "regs[31],sp,pc,pstate,orig_x0",
}
HEADERS = {
    "linux/kconfig.h": (
        "#define CONFIG_BPF 1\n#define CONFIG_BPF_SYSCALL 1\n#define CONFIG_64BIT 1\n"
    ),
    "linux/version.h": (
        "#ifndef LINUX_VERSION_CODE\n#define LINUX_VERSION_CODE 0x050a00\n#endif\n"
        "#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
    ),
    "linux/log2.h": "#ifndef _LINUX_LOG2_H\n#define _LINUX_LOG2_H\n#endif\n",
    "linux/types.h": (
        "#ifndef SHIPPER_LINUX_TYPES_H\n#define SHIPPER_LINUX_TYPES_H\n"
        "#include <uapi/linux/types.h>\n"
        + "".join(
            f"typedef __{sign}{bits} {sign}{bits};\n" for sign in "us" for bits in (8, 16, 32, 64)
        )
        + "typedef _Bool bool;\n#define true 1\n#define false 0\n"
        "typedef __kernel_size_t size_t;\ntypedef __kernel_ssize_t ssize_t;\n"
        "typedef unsigned long uintptr_t;\ntypedef __kernel_pid_t pid_t;\n"
        "#ifndef NULL\n#define NULL ((void *)0)\n#endif\n#endif\n"
    ),
    "asm/page.h": "#define PAGE_SIZE 4096\n",
    # bcc brings its own and includes it before everything else.
    "uapi/linux/bpf.h": "",
}


class LoaderError(Exception):
    """What went wrong and what to do, for the agent to say in one line."""

    def __init__(self, problem: str, remedy: str) -> None:
        super().__init__(problem)
        self.remedy = remedy


def stub_tree(root: Path, machine: str) -> None:
    """Lay out under `root` what bcc takes for the kernel's include folders."""
    if machine not in PT_REGS:
        raise LoaderError(f"the architecture {machine} is not supported", "use x86_64 or aarch64")
    include = root / "include"
    system = Path("/usr/include")
    files = dict(HEADERS)
    files["uapi/linux/ptrace.h"] = f"struct pt_regs {{ unsigned long {PT_REGS[machine]}; }};\n"
    for name, text in files.items():
        path = include / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    if not (system / "linux/types.h").exists():
        raise LoaderError(
            "the system's C headers are missing (/usr/include/linux)",
            "install the package linux-libc-dev",
        )
    for entry in (system / "linux").iterdir():
        link = include / "uapi/linux" / entry.name
        if not link.exists():
            link.symlink_to(entry)
    triplet = system / f"{machine}-linux-gnu" / "asm"
    (include / "uapi/asm").symlink_to(triplet if triplet.exists() else system / "asm")
    (include / "uapi/asm-generic").symlink_to(system / "asm-generic")


def fold(path: Path) -> str:
    """The program as one text: bcc rewrites map accesses in its main file only."""
    lines: list[str] = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        found = re.match(r'#include "(lib/\w+\.h)"$', line)
        if found:
            name = found.group(1)
            lines += [f'#line 1 "{name}"', (path.parent / name).read_text().rstrip()]
            lines.append(f'#line {number + 1} "{path.name}"')
        else:
            lines.append(line)
    return "\n".join(lines) + "\n"


def bpf(command: int, attributes: bytes) -> int:
    """Make the bpf system call; raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    result = libc.syscall(SYSCALL_BPF[platform.machine()], command, buffer, len(attributes))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def load_filter(instructions: list[tuple[int, int, int, int]]) -> int:
    """Load a socket filter of these (code, registers, offset, immediate); raises OSError."""
    packed = b"".join(struct.pack("=BBhi", *fields) for fields in instructions)
    code = ctypes.create_string_buffer(packed, len(packed))
    licence = ctypes.create_string_buffer(b"Dual BSD/GPL")
    attributes = struct.pack(
        "=IIQQ",
        PROG_SOCKET_FILTER,
        len(instructions),
        ctypes.addressof(code),
        ctypes.addressof(licence),
    )
    return bpf(BPF_PROG_LOAD, attributes.ljust(72, b"\0"))


def accepts(instructions: list[tuple[int, int, int, int]]) -> bool:
    """Whether the running kernel's verifier takes these (code, registers, offset, immediate)."""
    try:
        os.close(load_filter(instructions))
    except OSError as error:
        if error.errno == errno.EPERM:
            raise LoaderError(
                "loading BPF programs is not permitted",
                "run as root, or with CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON",
            ) from error
        return False
    return True


#: r0 = 0; exit
END = [(0xB7, 0, 0, 0), (0x95, 0, 0, 0)]
#: r0 = 0; `may_goto` over what follows (linux/bpf.h, BPF_JCOND). 6.12 refuses an offset of 0.
MAY_GOTO = [(0xB7, 0, 0, 0), (0xE5, 0, 1, 0), *END]
#: r1 = 0; *(u64 *)(r10 - 8) = r1; r1 = xchg(*(u64 *)(r10 - 8), r1) (linux/bpf.h, BPF_XCHG)
EXCHANGE = [(0xB7, 1, 0, 0), (0x7B, 0x1A, -8, 0), (0xDB, 0x1A, -8, 0xE1), *END]


def update_map(descriptor: int, key: bytes, value: bytes, flags: int = 0) -> None:
    """Set one element of a map; `flags` are those of linux/bpf.h."""
    k = ctypes.create_string_buffer(key, len(key))
    v = ctypes.create_string_buffer(value, len(value))
    pointers = struct.pack("=IIQQQ", descriptor, 0, ctypes.addressof(k), ctypes.addressof(v), flags)
    bpf(BPF_MAP_UPDATE_ELEM, pointers)


def delete_from_map(descriptor: int, key: bytes) -> None:
    """Take one element out of a map, if it is there."""
    k = ctypes.create_string_buffer(key, len(key))
    try:
        bpf(BPF_MAP_DELETE_ELEM, struct.pack("=IIQQQ", descriptor, 0, ctypes.addressof(k), 0, 0))
    except OSError as error:
        if error.errno != errno.ENOENT:
            raise


def create_ring(size: int) -> int:
    """A ring buffer of `size` bytes (a power of two of pages)."""
    return bpf(BPF_MAP_CREATE, struct.pack("=5I", MAP_TYPE_RINGBUF, 0, 0, size, 0).ljust(72, b"\0"))


def link_cgroup(program: int, cgroup: str, *attach_types: int) -> list[int]:
    """Attach to each of these by links: they go when their last holder goes."""
    target = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return [
            bpf(BPF_LINK_CREATE, struct.pack("=IIII", program, target, attach, 0).ljust(48, b"\0"))
            for attach in attach_types
        ]
    except OSError as error:
        raise LoaderError(
            f"cannot attach to the cgroup {cgroup}: {os.strerror(error.errno or 0)}",
            "this needs a cgroup v2 mount and CAP_NET_ADMIN",
        ) from error
    finally:
        os.close(target)


def take_over(inherited: dict[str, int], maps: dict[str, int]) -> None:
    """Put the maps of a running program in the place of those that bcc has just made.

    The program, which is not loaded yet, names its maps by the numbers of their descriptors.
    """
    for name, descriptor in maps.items():
        os.dup2(inherited[name], descriptor)


def swap_program(inherited: dict[str, int], program: int) -> None:
    """Have the links of a running program run this one instead; no packet passes between."""
    for name, link in inherited.items():
        if re.fullmatch(r"link\d+", name):  # not those of who notes processes
            bpf(BPF_LINK_UPDATE, struct.pack("=IIII", link, program, 0, 0).ljust(48, b"\0"))


def bind_everywhere(packets: socket.socket) -> None:
    """Bind to no device in particular, which Python's own bind can't say (packet(7))."""
    libc = ctypes.CDLL(None, use_errno=True)
    # sockaddr_ll: family, protocol in network order, interface 0, and nothing more
    place = struct.pack("=H", socket.AF_PACKET) + struct.pack("!H", ETH_P_ALL) + bytes(16)
    if libc.bind(packets.fileno(), place, len(place)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def join_fragments(packets: socket.socket) -> None:
    """Have the kernel put IPv4 fragments together before the filter sees them (packet(7)).

    It does so for the sockets of a fanout group, and only for them: so this one is a group of its
    own. Before 6.13 it takes no socket whose interface is down; then fragments are counted as such.
    """
    try:
        packets.setsockopt(SOL_PACKET, PACKET_FANOUT, struct.pack("=I", FANOUT_ALONE << 16))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise


def doorway(programs: int) -> int:
    """A filter that only calls the first of `programs` (a map that is held elsewhere).

    A socket is charged for its filter, eight bytes an instruction, and kernels before 6.8 let it
    have 20 KB (net.core.optmem_max): too little for the program itself.
    """
    # bpf_tail_call with the context in r1, the map in r2 and 0 in r3
    call = [(0x18, 0x12, 0, programs), (0, 0, 0, 0), (0xB7, 3, 0, 0), (0x85, 0, 0, 12)]
    return load_filter([*call, *END])


def open_interface(program: int, name: str) -> int:
    """A packet socket on one interface ("" for all) whose filter is the program."""
    packets = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    packets.setsockopt(socket.SOL_SOCKET, SO_ATTACH_BPF, program)
    try:
        if name:
            packets.bind((name, ETH_P_ALL))
        else:
            bind_everywhere(packets)
        join_fragments(packets)
    except OSError as error:
        raise LoaderError(
            f"cannot listen on the interface {name!r}: {os.strerror(error.errno or 0)}",
            "`ip link` lists the interfaces of this network namespace",
        ) from error
    return packets.detach()


def import_bcc() -> Any:  # noqa: ANN401 - bcc ships no types
    """Import bcc's BPF class, or say where to get it."""
    try:
        from bcc import BPF  # noqa: PLC0415 - LLVM is loaded with it: only when it is needed
    except ImportError as error:
        raise LoaderError(
            f"the BPF compiler collection (bcc) is missing: {error}",
            "install the package python3-bpfcc (PyPI's bcc is something else)",
        ) from error
    return BPF


def compiled(task: dict) -> Any:  # type: ignore[type-arg]  # noqa: ANN401 - bcc ships no types
    """The programs, compiled for what the running kernel can do."""
    may_goto = accepts(MAY_GOTO) and not task.get("bounded_loops")
    bpf_class = import_bcc()
    flags = [f"-DCPUS={task['cpus']}", f"-DFLOWS={task['flows']}", f"-DHOLDS={task['holds']}"]
    flags += ["-DHAVE_MAY_GOTO"] if may_goto else []
    flags += ["-DHAVE_EXCHANGE"] if accepts(EXCHANGE) else []
    flags += [f"-D{name}" for name in task["defines"]]
    # bcc asks for debugging information, which takes a fifth of the time and is for nobody here.
    flags += ["-g0"]
    # It also optimizes twice, in clang and then by passes of its own, which are enough: the program
    # is as large and as fast, in half the time. At -O2 clang would ask those for unrolled loops.
    flags += ["-O1", "-Xclang", "-disable-llvm-passes"]
    # Warnings are the tests' business; a user could do nothing about one.
    flags += task.get("flags", ["-Wno-everything"])
    os.environ["BCC_KERNEL_SOURCE"] = task["tree"]
    sources = [Path(task["source"])]
    if task.get("owners"):
        sources.append(sources[0].with_name("owner.c"))
    try:
        return bpf_class(text="".join(map(fold, sources)), cflags=flags)
    except Exception as error:
        raise LoaderError(
            f"the kernel program did not compile: {last_line()}",
            "reinstall python3-bpfcc and linux-libc-dev; report this if it stays",
        ) from error


def maps_of(table: Any, task: dict) -> dict[str, int]:  # type: ignore[type-arg]  # noqa: ANN401
    """The descriptors of its maps. bcc's own way would have it understand their structs."""
    from bcc.libbcc import lib  # noqa: PLC0415 - as above

    names = (*MAPS, "owners") if task.get("owners") else MAPS
    return {name: lib.bpf_table_fd(table.module, name.encode()) for name in names}


def load(task: dict) -> dict[str, int]:  # type: ignore[type-arg]
    """Compile, load and attach, or take the place of a running program; the descriptors by name."""
    table = compiled(task)
    maps, inherited = maps_of(table, task), task.get("inherited")
    if inherited:
        take_over(inherited, maps)
    program_type = PROG_CGROUP_SKB if task["hook"] == "cgroup" else PROG_SOCKET_FILTER
    try:
        program = table.load_func("packet_trace", program_type).fd
    except Exception as error:
        said = last_line()
        trusted = "!root" not in said
        remedy = "`shipper doctor` says what this kernel lacks" if trusted else "give CAP_PERFMON"
        raise LoaderError(f"the kernel refused the program: {said}", remedy) from error
    update_map(maps["again"], struct.pack("=I", 0), struct.pack("=I", program))
    if inherited:
        swap_program(inherited, program)
        return {"program": program}
    made = {"program": program, **maps}
    for index in task["rings"]:
        made[f"ring{index}"] = ring = create_ring(task["ring_bytes"])
        update_map(maps["rings"], struct.pack("=I", index), struct.pack("=I", ring))
    for map_name, key, value in task["elements"]:
        update_map(maps[map_name], bytes.fromhex(key), bytes.fromhex(value))
    return {**made, **attach(table, program, task, maps["again"])}


def attach(table: Any, program: int, task: dict, again: int) -> dict[str, int]:  # type: ignore[type-arg]  # noqa: ANN401
    """Attach the program to packets, and what notes the processes of sockets beside it."""
    made: dict[str, int] = {}
    if task["hook"] == "cgroup":
        links = link_cgroup(program, task["cgroup"], CGROUP_INGRESS, CGROUP_EGRESS)
        made.update((f"link{index}", link) for index, link in enumerate(links))
    if task.get("interfaces"):
        program = doorway(again)
    for index, interface in enumerate(task.get("interfaces", [])):
        made[f"packets{index}"] = open_interface(program, interface)
    if task.get("owners"):
        made.update(attach_owners(table, task))
    return made


def trace(name: bytes, program: int) -> int:
    """Attach to a raw tracepoint, for as long as the descriptor is held."""
    called = ctypes.create_string_buffer(name)
    return bpf(BPF_RAW_TRACEPOINT_OPEN, struct.pack("=QII", ctypes.addressof(called), program, 0))


def attach_owners(table: Any, task: dict) -> dict[str, int]:  # type: ignore[type-arg]  # noqa: ANN401
    """Attach what notes the processes of sockets, as far as this kernel lets us.

    Nothing of it is needed to capture: what is refused is missing from the answer.
    """
    made: dict[str, int] = {}
    for name, attach in CONNECTS.items() if "cgroup" in task else ():
        with contextlib.suppress(Exception):
            function = table.load_func(name, PROG_CGROUP_SOCK_ADDR, None, attach)
            made[f"link_{name}"], *_ = link_cgroup(function.fd, task["cgroup"], attach)
            made[name] = function.fd
    for name, event in TRACES.items() if task["traces"] else ():
        with contextlib.suppress(Exception):
            function = table.load_func(name, PROG_RAW_TRACEPOINT)
            made[f"link_{name}"] = trace(event, function.fd)
            made[name] = function.fd
    return made


def last_line() -> str:
    """The last telling line that bcc or the verifier wrote to our standard error."""
    sys.stderr.flush()
    try:
        size = os.fstat(2).st_size
        text = os.pread(2, 8192, max(0, size - 8192)).decode("utf-8", "replace")
    except OSError:
        return "no reason given"
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("processed ", "HINT"))]
    return (telling or ["no reason given"])[-1][:300]


def send(channel: socket.socket, answer: dict, descriptors: list[int]) -> None:  # type: ignore[type-arg]
    """One message: JSON, and the descriptors beside it."""
    beside = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))]
    channel.sendmsg([json.dumps(answer).encode()], beside if descriptors else [])


def main() -> int:
    """Do what the socket given as the first argument says."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    # Ctrl-C goes to the whole group: the agent decides, and ends us with it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LOG_LIMIT, LOG_LIMIT))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        # Before 5.11 maps are charged against this limit.
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)
    task = json.loads(channel.makefile("rb").readline())
    try:
        stub_tree(Path(task["tree"]), platform.machine())
        made = load(task)
    except LoaderError as error:
        send(channel, {"problem": str(error), "remedy": error.remedy}, [])
        return 1
    except OSError as error:
        remedy = "run as root, or with CAP_BPF, CAP_NET_ADMIN, CAP_NET_RAW and CAP_PERFMON"
        send(channel, {"problem": f"loading failed: {error.strerror}", "remedy": remedy}, [])
        return 1
    send(channel, {"names": list(made)}, list(made.values()))
    return 0


if __name__ == "__main__":
    sys.exit(main())

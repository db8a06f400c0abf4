"""What the kernel says a program costs: its statistics turned on, read, and their own share.

A *run* is one packet that a hook shows the program. The kernel reads the clock before and after it
(`kernel.bpf_stats_enabled`; here switched on by BPF_ENABLE_STATS, which ends with the process
whatever becomes of it, and leaves the setting alone). Found on 6.18:

- BPF_PROG_TEST_RUN counts as a run too.
- A tail call is a jump: where the program calls itself for the rest of a packet, all passes are
  one run, and their time is in it.
- The two readings of the clock are in every figure: `empty_program` shows how much that is.
"""

import contextlib
import ctypes
import os
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from shipper.capture import loader

_BPF_ENABLE_STATS = 32
_RETURN_ONE = struct.pack("=BBhiBBhi", 0xB7, 0, 0, 1, 0x95, 0, 0, 0)


class Runs(NamedTuple):
    """Runs of a program, and the time they took (ns)."""

    number: int
    time: int

    def since(self, before: "Runs") -> "Runs":
        """What came on top."""
        return Runs(self.number - before.number, self.time - before.time)


@contextlib.contextmanager
def switched_on() -> Iterator[None]:
    """Have the kernel count runs for as long as this lasts. OSError without CAP_SYS_ADMIN."""
    descriptor = loader.bpf(_BPF_ENABLE_STATS, struct.pack("=I", 0))
    try:
        yield
    finally:
        os.close(descriptor)


def of(program: int) -> Runs:
    """The runs so far of the program behind a descriptor of ours."""
    lines = Path(f"/proc/self/fdinfo/{program}").read_text().splitlines()
    values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return Runs(int(values["run_cnt"]), int(values["run_time_ns"]))


def during(program: int, work: Callable[[], object]) -> Runs:
    """The runs that some work caused."""
    before = of(program)
    work()
    return of(program).since(before)


def empty_program() -> int:
    """A descriptor of a cgroup program that lets the packet pass and does nothing else."""
    code = ctypes.create_string_buffer(_RETURN_ONE, len(_RETURN_ONE))
    licence = ctypes.create_string_buffer(b"Dual BSD/GPL")
    attributes = struct.pack(
        "=IIQQ",
        loader.PROG_CGROUP_SKB,
        len(_RETURN_ONE) // 8,
        ctypes.addressof(code),
        ctypes.addressof(licence),
    )
    return loader.bpf(loader.BPF_PROG_LOAD, attributes.ljust(72, b"\0"))


def link(program: int, cgroup: Path, direction: int) -> int:
    """Attach to one direction of a cgroup's sockets; the link goes with its descriptor."""
    target = os.open(cgroup, os.O_RDONLY | os.O_DIRECTORY)
    try:
        attributes = struct.pack("=IIII", program, target, direction, 0).ljust(48, b"\0")
        return loader.bpf(loader.BPF_LINK_CREATE, attributes)
    finally:
        os.close(target)

"""A process in; how often each kind of kernel program that it holds ran, and how long."""

import contextlib
from pathlib import Path
from typing import Final

from bench.run_statistics import Runs

#: enum bpf_prog_type of linux/bpf.h, of those that the agent may hold
_KINDS: Final = {
    "1": "socket filter",
    "2": "kprobe",
    "5": "tracepoint",
    "8": "cgroup_skb",
    "9": "cgroup_sock",
    "13": "sock_ops",
    "17": "raw tracepoint",
    "18": "cgroup_sock_addr",
    "26": "tracing",
}


def held_by(pid: int) -> dict[str, Runs]:
    """By kind, all programs that it has descriptors of, each once.

    Needs the kernel's statistics on; it keeps none of filters on packet sockets.
    """
    found: dict[str, tuple[str, Runs]] = {}
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            lines = entry.read_text().splitlines()
            values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if "run_cnt" in values:
                kind = _KINDS.get(values["prog_type"], f"program type {values['prog_type']}")
                runs = Runs(int(values["run_cnt"]), int(values["run_time_ns"]))
                found[values["prog_id"]] = kind, runs
    told: dict[str, Runs] = {}
    for kind, runs in found.values():
        before = told.get(kind, Runs(0, 0))
        told[kind] = Runs(before.number + runs.number, before.time + runs.time)
    return told

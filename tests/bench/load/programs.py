"""A process in; how often the kernel programs that it holds ran, and how long."""

import contextlib
from pathlib import Path

from bench.run_statistics import Runs


def held_by(pid: int) -> Runs:
    """Of all programs that it has descriptors of, each once; needs the kernel's statistics on."""
    found: dict[str, Runs] = {}
    for entry in Path(f"/proc/{pid}/fdinfo").iterdir():
        with contextlib.suppress(FileNotFoundError):
            lines = entry.read_text().splitlines()
            values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
            if "run_cnt" in values:
                runs = Runs(int(values["run_cnt"]), int(values["run_time_ns"]))
                found[values["prog_id"]] = runs
    return Runs(sum(one.number for one in found.values()), sum(one.time for one in found.values()))

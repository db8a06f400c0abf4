"""Nothing in; a cgroup out that stands for a host of its own.

Everything that a run starts lies in it, and the agent hooks there: without a filter it sees all
that such a host would show it, the pipeline's own traffic included, and nothing of what else runs
on this machine.
"""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from brokers.waiting import until_empty

from shipper.capture.cgroups import find_root

#: What a process that was killed takes to be gone from its cgroup (s), at most.
_GONE_S = 20.0


@contextlib.contextmanager
def apart() -> Iterator[Path]:
    """This process, and all that it starts meanwhile, in a cgroup of their own; it ends with it."""
    root = find_root().path
    before = root / _own().lstrip("/")
    made = root / f"shipper-e2e-{os.getpid()}"
    made.mkdir()
    try:
        _move(made)
        yield made
    finally:
        _move(before)
        # A Ctrl-C may come between the start of a server and what would have ended it.
        (made / "cgroup.kill").write_text("1")
        until_empty(made, _GONE_S)
        made.rmdir()


def _own() -> str:
    """The cgroup of this process, as a path below the root."""
    lines = Path("/proc/self/cgroup").read_text().splitlines()
    (path,) = [line.removeprefix("0::") for line in lines if line.startswith("0::")]
    return path


def _move(to: Path) -> None:
    (to / "cgroup.procs").write_text(str(os.getpid()))

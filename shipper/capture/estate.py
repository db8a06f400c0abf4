"""What one agent leaves to the next: the descriptors of a running capture, and what they are.

Tables, rings and links can be taken over when the next agent would have made the same: their
layout is told by a digest of the text that declares it, so that nobody can forget to change a
number. A program that differs is swapped; one that does not need not even be compiled.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from shipper.capture.loader import fold

#: What declares the tables, and the events in the rings; and whole programs that are not swapped.
_DECLARING = ("lib/event.h", "lib/maps.h", "lib/flow_key.h", "lib/turn.h", "lib/owner.h", "owner.c")
#: Of what the loader is told, all that tables, rings and links are made from.
_MAKING = (
    "hook",
    "cpus",
    "flows",
    "holds",
    "defines",
    "rings",
    "ring_bytes",
    "owners",
    "traces",
    "flags",
)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Estate:
    """`layout` and `program` are digests; `counters` is how the kernel's stood when it was left.

    `running`: whoever leaves it still reads, and goes on until what it has begun has ended.
    """

    layout: str
    program: str
    descriptors: dict[str, int]
    counters: dict[str, int] = field(default_factory=dict)
    running: bool = False

    def told(self) -> dict[str, Any]:
        """All but the descriptors themselves, to be written as JSON; their names in order."""
        return {
            "layout": self.layout,
            "program": self.program,
            "names": list(self.descriptors),
            "counters": self.counters,
        }

    @classmethod
    def of(cls, told: Mapping[str, Any], descriptors: Iterable[int], *, running: bool) -> "Estate":
        """The other way round. ValueError for what is none."""
        try:
            named = dict(zip(told["names"], descriptors, strict=True))
            counters = {str(name): int(count) for name, count in told["counters"].items()}
            return cls(str(told["layout"]), str(told["program"]), named, counters, running)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"no estate: {error!r}") from error

    def close(self) -> None:
        """Do without it."""
        for descriptor in self.descriptors.values():
            with suppress(OSError):
                os.close(descriptor)
        self.descriptors.clear()


def layout_of(task: Mapping[str, Any]) -> str:
    """The digest of what a loader's task makes."""
    source = Path(str(task["source"]))
    declared = [_bare((source.parent / name).read_text()) for name in _DECLARING]
    made = {name: task.get(name) for name in _MAKING}
    # Which network namespace is ours stands in the place, where that matters.
    made["flags"] = [flag for flag in task.get("flags", ()) if "THIS_NET" not in flag]
    return _digest([*declared, json.dumps([made, _place(task)], sort_keys=True)])


def program_of(task: Mapping[str, Any]) -> str:
    """The digest of the program that it loads."""
    loops = json.dumps([task["bounded_loops"], task["defines"]])
    return _digest([fold(Path(str(task["source"]))), loops])


def _place(task: Mapping[str, Any]) -> list[object]:
    """Where it is attached: paths and names may be the same and mean another."""
    place: list[object] = [task.get("interfaces"), Path("/proc/self/ns/net").stat().st_ino]
    if task["hook"] == "cgroup":
        place.clear()  # sockets of every network namespace
    if "cgroup" in task:
        place.append(Path(str(task["cgroup"])).stat().st_ino)
    return place


def _bare(text: str) -> str:
    return " ".join(_COMMENT.sub(" ", text).split())


def _digest(parts: list[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()

"""One way to start the agent's container -> what became of it: ready, records, end, leftovers."""

import json
import os
import subprocess
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from brokers.waiting import eventually
from live.bpf_objects import NONE, Objects, held_by

from shipper.errors import UnavailableError

from .engine import RUNTIME, ULIMITS, podman
from .rights import Rights

READY_S = 90.0
STOP_S = 45
CGROUP = Path("/sys/fs/cgroup")
#: where the loader lays out what it compiles with; the container's own
TEMPORARY = "/tmp"  # noqa: S108


@dataclass(slots=True)
class Seen:
    """What was seen of one start."""

    rights: Rights
    ready: bool = False
    #: what the agent said when it was not ready
    said: str = ""
    #: uid and capability masks of the agent and its workers, once it captures
    holds: list[str] = field(default_factory=list)
    host_records: int = 0
    other_records: int = 0
    asked: int = 0
    code: int | None = None
    left: list[str] = field(default_factory=list)
    ready_s: float = 0.0
    memory_mb: float = 0.0

    @property
    def works(self) -> bool:
        """Every request recorded, as nobody without capabilities, ended in order, nothing left."""
        everything = self.asked > 0 and self.host_records == self.other_records == self.asked
        return self.ready and everything and self.code == 0 and not self.left and self.powerless

    @property
    def powerless(self) -> bool:
        """Whether no process of it had any capability or was root."""
        return bool(self.holds) and all(
            line.endswith(" 0 0 0") and not line.startswith("0 ") for line in self.holds
        )

    @property
    def ok(self) -> bool:
        """Whether it did what was expected of it."""
        return self.works == self.rights.works


class Agent:
    """A container with the agent in it, from start to end."""

    def __init__(self, image: str, rights: Rights, settings: Iterable[str], spool: Path) -> None:
        self.seen = Seen(rights)
        self._name = f"shipper-agent-{os.getpid()}"
        self._objects: Objects = NONE
        self._pids: list[int] = []
        mount = "/host/cgroup" if rights.private_cgroup else "/sys/fs/cgroup"
        words = [
            "--pull=never", "--no-healthcheck", "--name", self._name, *ULIMITS, "--network=host",
            f"--cgroupns={'private' if rights.private_cgroup else 'host'}",
            "--volume", f"{CGROUP}:{mount}:ro", f"--tmpfs={TEMPORARY}",
            "--volume", f"{spool}:/var/lib/shipper", *rights.options(),
        ]  # fmt: skip
        sets = [word for one in settings for word in ("--set", one)]
        self._started = time.monotonic()
        podman("create", *words, image, "run", *sets)
        subprocess.run(
            ["podman", "--runtime", RUNTIME, "start", self._name], capture_output=True, check=False
        )

    def ready(self) -> bool:
        """Wait until it captures, or has ended; whether it captures."""
        eventually(lambda: self._heard("ready") is not None or self._ended(), "ready", READY_S)
        self.seen.ready = self._heard("ready") is not None
        self.seen.ready_s = time.monotonic() - self._started
        if self.seen.ready:
            self._pids = self._processes()
            self._objects = held_by(*self._pids)
            self.seen.holds = [_holds(pid) for pid in self._pids]
            self.seen.memory_mb = sum(map(_memory, self._pids))
        else:
            self.seen.said = self._log()[-1] if self._log() else "it said nothing"
        return self.seen.ready

    def stop(self) -> None:
        """End it as an operator does, and look at what is left of it."""
        podman("stop", "--time", str(STOP_S), self._name)
        state = json.loads(podman("inspect", "--format", "{{json .State}}", self._name))
        self.seen.code = int(state["ExitCode"])
        self.remove()
        try:
            eventually(lambda: self._objects.alive() == NONE, "no program, link or map", 10)
        except UnavailableError:
            self.seen.left.append("programs, links or maps")
        self.seen.left += [f"process {pid}" for pid in self._pids if Path(f"/proc/{pid}").exists()]

    def remove(self) -> None:
        """Remove the container, whatever it does."""
        subprocess.run(
            ["podman", "rm", "--force", "--time", "0", self._name], capture_output=True, check=False
        )

    def _log(self) -> list[str]:
        done = subprocess.run(
            ["podman", "logs", self._name], capture_output=True, text=True, check=False
        )
        return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]

    def _heard(self, event: str) -> dict[str, Any] | None:
        for line in self._log():
            if f'"event": "{event}"' in line:
                return dict(json.loads(line))
        return None

    def _ended(self) -> bool:
        return podman("inspect", "--format", "{{.State.Status}}", self._name).strip() not in (
            "running", "created", "initialized",
        )  # fmt: skip

    def _processes(self) -> list[int]:
        pid = int(podman("inspect", "--format", "{{.State.Pid}}", self._name))
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid, *map(int, children)]


def _holds(pid: int) -> str:
    """Effective uid, and effective, permitted and ambient capabilities, of a process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    masks = (f"{int(values[name], 16):x}" for name in ("CapEff", "CapPrm", "CapAmb"))
    return " ".join([values["Uid"].split("\t")[1], *masks])


def _memory(pid: int) -> float:
    """What a process holds for itself and its share of the rest (PSS), in megabytes."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024 / 1e6
    return 0.0

"""Settings -> a running capture: loaded and attached, or taken over from the agent before."""

import os
import shutil
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from shipper.capture import older, owners
from shipper.capture.cgroups import find_root
from shipper.capture.estate import Estate, layout_of, program_of
from shipper.capture.filters import elements
from shipper.capture.kernel import Kernel, possible_cpus, program_source, ring_number
from shipper.capture.loading import run_loader
from shipper.capture.settings import CaptureSettings
from shipper.errors import UnavailableError

_DEFINES = {"cgroup": ["FLOW_BY_COOKIE"], "interface": [], "replay": ["REPLAY"]}


def open_kernel(settings: CaptureSettings, estate: Estate | None = None) -> Kernel:
    """Load and attach the program. Needs privileges, for as long as this call takes.

    What another agent leaves is taken over where it fits; `Kernel.inherited` tells. Raises
    PrivilegeError, UnavailableError: each says what is missing and what to do.
    """
    if not shutil.which(settings.interpreter):
        raise UnavailableError(
            f"no Python interpreter at {settings.interpreter}",
            "install python3 and python3-bpfcc of the distribution",
        )
    root = _cgroup_root(settings) if settings.hook == "cgroup" else None
    task = _task(settings, root)
    layout_digest, program = layout_of(task), program_of(task)
    if estate is not None and estate.layout != layout_digest:
        estate.close()  # whoever holds it too goes on with it
        estate = None
    if estate is None:
        made = Estate(layout_digest, program, run_loader(settings, task))
        return _loaded(settings, task, made, root)
    if estate.program != program:
        loaded = run_loader(settings, task, estate.descriptors)
        os.close(estate.descriptors["program"])
        estate.descriptors.update(loaded)
    return Kernel(settings, replace(estate, program=program), root, inherited=True)


def _loaded(
    settings: CaptureSettings, task: dict[str, object], made: Estate, root: Path | None
) -> Kernel:
    kernel = Kernel(settings, made, root)
    if "owners" in kernel.descriptors:
        with suppress(OSError):  # then they are known once they read
            cgroups = Path(str(task["cgroup"])) if "cgroup" in task else None
            table = kernel.descriptors["owners"]
            older.note(table, by_cookie=settings.hook == "cgroup", cgroups=cgroups)
    return kernel


def _cgroup_root(settings: CaptureSettings) -> Path:
    found = find_root(settings.cgroup_root)
    if found.private and not settings.allow_private_cgroup:
        raise UnavailableError(
            f"{found.path} is the root of a private cgroup namespace: "
            "only this container's sockets would be seen",
            "run the container with the host's (--cgroupns=host, its /sys/fs/cgroup mounted), "
            "or set capture.allow_private_cgroup",
        )
    return found.path


def _task(settings: CaptureSettings, root: Path | None) -> dict[str, object]:
    """What the loader is told."""
    turns = 2 if settings.successor else 1
    task: dict[str, object] = {
        "hook": settings.hook,
        "source": str(program_source()),
        "cpus": possible_cpus(),
        "flows": settings.flows,
        "holds": settings.holds,
        "defines": _DEFINES[settings.hook],
        "rings": [ring_number(t, index) for t in range(turns) for index in range(settings.rings)],
        "ring_bytes": settings.ring_bytes,
        "bounded_loops": settings.bounded_loops,
        "elements": [
            (name, key.hex(), match.to_bytes(4, "little").hex())
            for (name, key), match in elements(settings, root).items()
        ],
    }
    if root is not None:
        task["cgroup"] = str(root)
    elif settings.hook == "interface":
        every = "all" in settings.interfaces or not settings.interfaces
        task["interfaces"] = [""] if every else list(settings.interfaces)
    if settings.owners and settings.hook != "replay":
        task.update(_owners(settings, root))
    return task


def _owners(settings: CaptureSettings, root: Path | None) -> dict[str, object]:
    """What the loader is told about noting whose sockets they are."""
    numbers = owners.definitions()
    if root is None and not numbers:
        return {}  # only a cookie tells whose a socket is without them
    told: dict[str, object] = {
        "owners": True,
        "traces": bool(numbers),
        "flags": [
            "-Wno-everything",
            f"-DOWNERS={settings.flows}",
            *(f"-D{name}={number}" for name, number in numbers.items()),
        ],
    }
    if root is None:
        with suppress(UnavailableError):
            found = find_root(settings.cgroup_root)
            if settings.allow_private_cgroup or not found.private:
                told["cgroup"] = str(found.path)
    return told

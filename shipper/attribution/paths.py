"""The path of a cgroup -> which container, pod and unit it belongs to.

A path tells this by the names that container runtimes and systemd give their directories. Each
form below names where it comes from; a name of no known form says nothing, and no form matches
by chance: a container's id is 64 hexadecimal digits.

    /kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod<uid>.slice/crio-<id>.scope
    /kubepods/besteffort/pod<uid>/<id>            (no runtime named: any with the cgroupfs driver)
    /system.slice/docker-<id>.scope               /docker/<id>
    /machine.slice/libpod-<id>.scope/container    /system.slice/web.service/libpod-payload-<id>
    /user.slice/user-1000.slice/user@1000.service/app.slice/editor.service

Where containers are nested, the innermost is meant: that is what the process itself runs in.
"""

import re
from typing import Final, NamedTuple


class Place(NamedTuple):
    """What a path tells; "" where it does not tell.

    `pod` is the pod's id as the kubelet has it: a UID of the API server, or, for a static pod,
    the hash of its manifest (32 digits without hyphens).
    """

    container: str = ""
    runtime: str = ""
    pod: str = ""
    service: str = ""


NOWHERE: Final = Place()

_ID: Final = "(?P<id>[0-9a-f]{64})"

#: Names of a container's directory, by runtime. What only watches over a container (conmon) is
#: none. Sources: `libcontainer/cgroups/systemd` of runc (<prefix>-<id>.scope), and the prefix
#: that each gives: moby `daemon/oci_linux.go`, containerd `internal/cri/server/podsandbox` and
#: `pkg/cri/util`, cri-o `internal/config/cgmgr`, podman `libpod/container_internal_linux.go`,
#: nerdctl `pkg/cmd/container`.
_NAMED: Final = tuple(
    (re.compile(form), runtime)
    for form, runtime in (
        (rf"docker-{_ID}\.scope", "docker"),
        (rf"cri-containerd-{_ID}\.scope", "containerd"),
        (rf"nerdctl-{_ID}\.scope", "containerd"),
        # systemd's form, taken literally by a runtime that was told to use cgroupfs
        (rf"[^/:]+:cri-containerd:{_ID}", "containerd"),
        (rf"[^/:]+:docker:{_ID}", "docker"),
        (rf"crio-{_ID}(?:\.scope)?", "cri-o"),
        (rf"[^/:]+:crio:{_ID}", "cri-o"),
        (rf"libpod-(?:payload-)?{_ID}(?:\.scope)?", "podman"),
    )
)
_BARE: Final = re.compile(_ID)
#: podman's `--cgroups=split` (Quadlet): the container lives in the unit that started it
_SPLIT: Final = re.compile(r"libpod-payload-[0-9a-f]{64}")

#: A pod's directory: `pkg/kubelet/cm/pod_container_manager_linux.go`; systemd's form has `_` for
#: `-` in the UID, because `-` separates the slices there.
_POD: Final = re.compile(
    r"(?:[^/]*-)?pod(?P<uid>[0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12}|[0-9a-f]{32})"
    r"(?:\.slice(?::.*)?)?"
)

#: Units that hold processes: systemd.unit(5). What systemd itself makes and hands on, as the
#: sockets of a .socket unit, stands in groups that say nothing of who holds it then.
_UNIT: Final = re.compile(r"(?!init\.scope$).+\.(?:service|scope)")


def place(path: str) -> Place:
    """What the path of a cgroup (from the root of its hierarchy) tells."""
    container = runtime = pod = service = ""
    before = ""
    for name in path.split("/"):
        if found := _POD.fullmatch(name):
            pod, container, runtime, service = found["uid"].replace("_", "-"), "", "", ""
        if found_container := _container(name, before, inside=bool(container)):
            container, runtime = found_container
            service = service if _SPLIT.fullmatch(name) else ""
        elif _UNIT.fullmatch(name):
            # systemd escapes a name that the kernel would take for one of its own files: "_".
            service = name.removeprefix("_")
        before = name
    return Place(container, runtime, pod, service)


def place_of_process(text: str) -> Place:
    """What /proc/PID/cgroup tells, cgroups(7): a path in each hierarchy.

    On hosts with both versions some runtimes make their groups in those of version 1 alone, and
    the process stays in the unit of the runtime itself in the others: a container that any of
    them names is the one.
    """
    paths: dict[str, Place] = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        paths[controllers] = place(path)
    for found in paths.values():
        if found.container:
            return found
    unified, systemd = paths.get("", NOWHERE), paths.get("name=systemd", NOWHERE)
    return systemd if unified == NOWHERE else unified


def _container(name: str, before: str, *, inside: bool) -> tuple[str, str] | None:
    """(id, runtime) where the directory is a container's; `before` is its parent's name."""
    for form, runtime in _NAMED:
        if found := form.fullmatch(name):
            return found["id"], runtime
    if _BARE.fullmatch(name) and (not inside or before == "docker"):
        return name, "docker" if before == "docker" else ""
    return None

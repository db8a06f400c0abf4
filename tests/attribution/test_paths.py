"""Paths of cgroups as runtimes really made them, and what each of them tells.

Where a path was recorded stands beside it: a runtime's documentation, source or test, or what its
users showed of /proc/PID/cgroup and `systemctl status`.
"""

import pytest

from shipper.attribution.paths import NOWHERE, Place, place

A = "9ec39b91f3d70e1beff50a308f77067065ea6be0d91a3378375056cd4422cf3d"
B = "c46bafd57b2ef55a23c1319893c8aa5bfca24872bd95258700a51059941fb69e"
UID = "12fdc709-933e-41d0-917f-cd84de9afa94"
LOW = UID.replace("-", "_")
HASH = "8a3d2a6fd8ab7b0dd1d1c5a3e9a5b3f1"  # a static pod's: the hash of its manifest

PATHS = {
    # docker, systemd driver: the path in moby's documentation of `--cgroup-parent`
    f"/system.slice/docker-{A}.scope": Place(A, "docker"),
    # docker, cgroupfs driver (cgroup v1)
    f"/docker/{A}": Place(A, "docker"),
    # docker on Debian 8, recorded in the tests of neuvector
    f"/{A}": Place(A),
    # docker --cgroup-parent with cgroupfs, and Amazon ECS: the path names no runtime
    f"/ecs/8f67c3de-2c37-4b0d-9a5c-0a5e8e5d5f0b/{A}": Place(A),
    # rootless docker
    f"/user.slice/user-1000.slice/user@1000.service/app.slice/docker-{A}.scope": Place(A, "docker"),
    # docker in docker, cgroupfs
    f"/docker/{A}/docker/{B}": Place(B, "docker"),
    # Kubernetes, containerd with the systemd driver, of each class of service
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{LOW}.slice/"
    f"cri-containerd-{A}.scope": Place(A, "containerd", UID),
    f"/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{LOW}.slice/"
    f"cri-containerd-{A}.scope": Place(A, "containerd", UID),
    f"/kubepods.slice/kubepods-pod{LOW}.slice/cri-containerd-{A}.scope": Place(
        A, "containerd", UID
    ),
    # Kubernetes with the cgroupfs driver: containerd and dockershim look the same
    f"/kubepods/besteffort/pod{UID}/{A}": Place(A, "", UID),
    f"/kubepods/pod{UID}/{A}": Place(A, "", UID),
    # containerd told to use cgroupfs under a kubelet that uses systemd: recorded of a kind issue
    f"/system.slice/containerd.service/kubepods-besteffort-pod{LOW}.slice:cri-containerd:{A}": (
        Place(A, "containerd", UID)
    ),
    # k3s, the same
    f"/kubepods-burstable-pod{LOW}.slice:cri-containerd:{A}": Place(A, "containerd", UID),
    # cri-dockerd
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{LOW}.slice/"
    f"docker-{A}.scope": Place(A, "docker", UID),
    # cri-o with crun, which makes a group of its own inside; and with the cgroupfs driver
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{LOW}.slice/"
    f"crio-{A}.scope/container": Place(A, "cri-o", UID),
    f"/kubepods/burstable/pod{UID}/crio-{A}": Place(A, "cri-o", UID),
    # a static pod
    f"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{HASH}.slice/"
    f"cri-containerd-{A}.scope": Place(A, "containerd", HASH),
    # a pod's group itself
    f"/kubepods/burstable/pod{UID}": Place(pod=UID),
    # kind: docker outside, the kubelet inside; recorded in inspektor-gadget's tests
    f"/system.slice/docker-{A}.scope/kubelet.slice/kubelet-kubepods.slice/"
    f"kubelet-kubepods-burstable.slice/kubelet-kubepods-burstable-pod{LOW}.slice/"
    f"cri-containerd-{B}.scope": Place(B, "containerd", UID),
    f"/docker/{A}/kubelet/kubepods/besteffort/pod{UID}/{B}": Place(B, "", UID),
    # kind: what runs on the node itself
    f"/system.slice/docker-{A}.scope/kubelet.slice/kubelet.service": Place(
        A, "docker", "", "kubelet.service"
    ),
    # docker inside a pod: still the pod's
    f"/kubepods/burstable/pod{UID}/{A}/docker/{B}": Place(B, "docker", UID),
    # podman with runc, with crun, in a pod of its own, with the cgroupfs manager
    f"/machine.slice/libpod-{A}.scope": Place(A, "podman"),
    f"/machine.slice/libpod-{A}.scope/container": Place(A, "podman"),
    f"/machine.slice/machine-libpod_pod_{B}.slice/libpod-{A}.scope/container": Place(A, "podman"),
    f"/libpod_parent/libpod-{A}": Place(A, "podman"),
    f"/libpod_parent/{B}/libpod-{A}": Place(A, "podman"),
    # rootless podman: recorded by an OOM kill
    f"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{A}.scope/container": Place(
        A, "podman"
    ),
    # podman's Quadlet (`--cgroups=split`): recorded by `systemctl status`, for root and a user
    f"/system.slice/nginx.service/libpod-payload-{A}": Place(A, "podman", "", "nginx.service"),
    f"/user.slice/user-1001.slice/user@1001.service/app.slice/caddy.service/libpod-payload-{A}": (
        Place(A, "podman", "", "caddy.service")
    ),
    # what watches over it, and its network, are the unit's and not the container's
    "/system.slice/nginx.service/runtime": Place(service="nginx.service"),
    # nerdctl
    f"/system.slice/nerdctl-{A}.scope": Place(A, "containerd"),
    # systemd in a container
    f"/machine.slice/libpod-{A}.scope/container/system.slice/httpd.service": Place(
        A, "podman", "", "httpd.service"
    ),
    # units: systemd's own names (`systemd-cgls`), delegated groups, templates, users, sessions
    "/system.slice/nginx.service": Place(service="nginx.service"),
    "/system.slice/system-postgresql.slice/postgresql@15-main.service": Place(
        service="postgresql@15-main.service"
    ),
    "/system.slice/containerd.service": Place(service="containerd.service"),
    "/user.slice/user-1000.slice/user@1000.service/app.slice/editor.service": Place(
        service="editor.service"
    ),
    "/user.slice/user-0.slice/session-3.scope": Place(service="session-3.scope"),
    "/machine.slice/systemd-nspawn@a.service/payload": Place(service="systemd-nspawn@a.service"),
    "/system.slice/_cpu.service": Place(service="cpu.service"),
    # what is no container
    "/": NOWHERE,
    "/system.slice": NOWHERE,
    "/docker": NOWHERE,
    "/docker/not-a-container-id": NOWHERE,
    f"/docker/{A[:63]}": NOWHERE,
    f"/kubepods/burstable/pod{UID[:-1]}": NOWHERE,
    f"/docker/{A.upper()}": NOWHERE,
    f"/machine.slice/libpod-conmon-{A}.scope": Place(service=f"libpod-conmon-{A}.scope"),
    f"/system.slice/crio-conmon-{A}.scope": Place(service=f"crio-conmon-{A}.scope"),
    "/system.slice/docker-something.service": Place(service="docker-something.service"),
    # sockets are made by systemd itself and handed on: who holds them is not in there
    "/init.scope": NOWHERE,
    "/system.slice/sshd.socket": NOWHERE,
    f"/docker/{A}/init.scope": Place(A, "docker"),
}


@pytest.mark.parametrize("path", PATHS)
def test_what_a_path_tells(path: str) -> None:
    """Container, runtime, pod and unit, and nothing that the path does not say."""
    assert place(path) == PATHS[path]


@pytest.mark.parametrize("path", [path for path in PATHS if PATHS[path].container])
def test_a_group_below_a_container_is_the_containers(path: str) -> None:
    """Whoever makes groups inside a container stays in it."""
    assert place(f"{path}/workers/7")[:3] == PATHS[path][:3]

"""A real containerd of the test's own, and pods in it, made by its CRI as a kubelet makes them.

Its image is one static program, which is the pause of its pods too. Networks are the host's, so
that no plugin has to be there.
"""

import contextlib
import hashlib
import io
import json
import subprocess
import tarfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from shipper.attribution.protobuf import Message, field
from shipper.attribution.unary import Connection, connected

IMAGE = "localhost/shipper/attribution:1.2"
_RUNTIME = "/runtime.v1.RuntimeService/"
_BUSYBOX = Path("/bin/busybox")
#: Snapshots are plain folders: what the tests stand on may have no overlays.
_CONFIG = """
version = 2
root = "{at}/root"
state = "{at}/state"
[grpc]
address = "{at}/containerd.sock"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "{image}"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
default_runtime_name = "runc"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".cni]
conf_dir = "{at}/cni"
"""
#: NamespaceOption: network and IPC are the node's (2), pids the container's own (1).
_NAMESPACES = bytes([0x08, 2, 0x10, 1, 0x18, 2])


class Pod(NamedTuple):
    """What a pod of one container is to be."""

    name: str
    namespace: str
    uid: str
    labels: Mapping[str, str]
    container: str
    container_labels: Mapping[str, str]
    command: Sequence[str]

    def sandbox(self) -> bytes:
        """A PodSandboxConfig; the cgroup is where a kubelet with the driver cgroupfs has it."""
        metadata = field(1, self.name) + field(2, self.uid) + field(3, self.namespace)
        linux = field(1, f"/kubepods/pod{self.uid}") + field(2, field(1, _NAMESPACES))
        return field(1, metadata) + _table(6, self.labels) + field(8, linux)

    def config(self) -> bytes:
        """A ContainerConfig."""
        command = b"".join(field(3, word) for word in self.command)
        described = field(1, field(1, self.container)) + field(2, field(1, IMAGE))
        linux = field(15, field(2, field(3, _NAMESPACES)))
        return described + command + _table(9, self.container_labels) + linux


class Containerd:
    """One that runs."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "containerd.sock"

    def ctr(self, *words: str | Path) -> str:
        """What its own command line says."""
        command = ["ctr", "--address", self.socket, "--namespace", "k8s.io", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def info(self, container: str) -> dict[str, Any]:
        """What it knows of a container, in its own words."""
        told: dict[str, Any] = json.loads(self.ctr("containers", "info", container))
        return told

    @contextlib.contextmanager
    def run(self, pod: Pod) -> Iterator[str]:
        """The id of the pod's container, while it runs."""
        with connected(str(self.socket)) as runtime:
            sandbox = _made(runtime, "RunPodSandbox", field(1, pod.sandbox()))
            asked = field(1, sandbox) + field(2, pod.config()) + field(3, pod.sandbox())
            container = _made(runtime, "CreateContainer", asked)
            _made(runtime, "StartContainer", field(1, container))
        try:
            yield container
        finally:
            with connected(str(self.socket)) as runtime:
                _made(runtime, "StopContainer", field(1, container))
                _made(runtime, "StopPodSandbox", field(1, sandbox))
                _made(runtime, "RemovePodSandbox", field(1, sandbox))
            _leave_no_cgroup(f"kubepods/pod{pod.uid}")


@contextlib.contextmanager
def containerd(folder: Path) -> Iterator[Containerd]:
    """Start one below a folder, with the image; it ends with the block."""
    made = Containerd(folder)
    config = folder / "config.toml"
    config.write_text(_CONFIG.format(at=folder, image=IMAGE))
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(["containerd", "--config", config], stderr=log)
    try:
        while not made.socket.exists():
            assert process.poll() is None, (folder / "log").read_text()
            time.sleep(0.02)
        archive = folder / "image.tar"
        _write_image(archive)
        made.ctr("images", "import", "--snapshotter", "native", archive)
        yield made
    finally:
        process.terminate()
        process.wait(10)


def _made(runtime: Connection, method: str, request: bytes) -> str:
    """The id in the first field of the answer, if it has one."""
    return Message(runtime.call(_RUNTIME + method, request)).text(1)


def _table(number: int, values: Mapping[str, str]) -> bytes:
    entries = (field(1, name) + field(2, value) for name, value in values.items())
    return b"".join(field(number, entry) for entry in entries)


def _write_image(archive: Path) -> None:
    """The program alone, as `docker save` writes an image."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as tar:
        tar.add(_BUSYBOX, "bin/busybox")
    layer = content.getvalue()
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {"Entrypoint": ["/bin/busybox"], "Cmd": ["sleep", "3600"]},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [IMAGE], "Layers": ["layer.tar"]}]
    parts = {"layer.tar": layer, "config.json": config, "manifest.json": manifest}
    with tarfile.open(archive, "w") as tar:
        for name, part in parts.items():
            text = part if isinstance(part, bytes) else json.dumps(part).encode()
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text))


def _leave_no_cgroup(name: str) -> None:
    """A kubelet would remove a pod's; in every hierarchy, the empty ones around it too."""
    for root in Path("/sys/fs/cgroup").iterdir():
        for at in (root / name, (root / name).parent):
            with contextlib.suppress(OSError):
                at.rmdir()

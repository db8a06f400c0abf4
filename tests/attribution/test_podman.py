"""A real podman with a real container: its id and names, as podman itself tells them."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from faults.agent import eventually
from image.engine import ULIMITS, podman

from attribution.world import agent, ask, open_folder
from shipper.attribution import CriSocket, RuntimeSocket
from shipper.attribution.paths import Place

IMAGE = f"localhost/shipper-attribution-{os.getpid()}"
PORT = 21000 + os.getpid() % 8000


@pytest.fixture
def image(tmp_path: Path) -> Iterator[str]:
    """An image of one static program."""
    (tmp_path / "bin").mkdir()
    shutil.copy("/bin/busybox", tmp_path / "bin")
    archive = tmp_path / "image.tar"
    subprocess.run(["tar", "-C", tmp_path, "-cf", archive, "bin"], check=True)
    podman("import", archive, f"{IMAGE}:1.2")
    yield f"{IMAGE}:1.2"
    podman("rmi", "--force", f"{IMAGE}:1.2")


@pytest.fixture
def socket() -> Iterator[Path]:
    """Podman's API, open to root alone as Debian has it."""
    with open_folder() as folder:
        at = folder / "podman.sock"
        service = subprocess.Popen(["podman", "system", "service", "--time", "0", f"unix://{at}"])
        while not at.exists():
            assert service.poll() is None
            time.sleep(0.02)
        assert at.stat().st_mode & 0o077 == 0
        yield at
        service.terminate()
        service.wait(10)


@pytest.fixture
def container(image: str) -> Iterator[dict[str, Any]]:
    """A web server in a container, as podman describes it."""
    name = f"shipper-{os.getpid()}"
    podman(
        "run", "--detach", "--pull=never", "--network=host", "--name", name, *ULIMITS,
        "--label", "app=shop", "--label", "secret=s3cr3t", "--stop-signal", "KILL",
        image, "/bin/busybox", "httpd", "-f", "-p", f"127.0.0.1:{PORT}", "-h", "/bin",
    )  # fmt: skip
    yield json.loads(podman("inspect", name))[0]
    podman("rm", "--force", "--time", "0", name)


def test_a_real_container_is_named(socket: Path, container: dict[str, Any]) -> None:
    """Id and runtime from its cgroup, name, image and chosen labels from the socket.

    The agent may not open it: the look-up process asks there. A socket that is not there costs
    nothing but one line.
    """
    ask(PORT)
    with agent(
        capture__include__ports=[PORT],
        attribution__runtime_sockets=["/run/nobody/is/here.sock", str(socket)],
        attribution__lookup=True,
        attribution__max_wait=1,
    ) as records:
        beside = _look_up_process(records.agent.process.pid)
        for _ in range(5):
            ask(PORT)
        found = records.finish()
    assert len(found) == 5
    for record in found:
        assert record["container"] == {
            "id": container["Id"],
            "runtime": "podman",
            "name": container["Name"],
            "image": {"name": IMAGE, "tag": ["1.2"]},
            "labels": {"app": "shop"},
        }
        assert "service" not in record
    assert records.totals()["attributed"] == 5
    assert sum("here.sock" in line for line in records.agent.lines("warning")) == 1
    eventually(lambda: not Path(f"/proc/{beside}").exists(), "it ends with the agent")


def _look_up_process(agent: int) -> int:
    """Its pid; it is root with one capability, and holds nothing of what the agent has open."""
    children = Path(f"/proc/{agent}/task/{agent}/children").read_text().split()
    (pid,) = (int(pid) for pid in children if _status(int(pid))["Uid"].split() == ["0"] * 4)
    status = _status(pid)
    for kind in ("CapEff", "CapPrm", "CapBnd"):
        assert int(status[kind], 16) == 1 << 19, kind
    assert status["NoNewPrivs"] == "1"
    held = {str(fd.readlink()).split(":")[0] for fd in Path(f"/proc/{pid}/fd").iterdir()}
    assert held <= {"/dev/null", "pipe", "socket"}
    return pid


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines)


def test_the_socket_itself(socket: Path, container: dict[str, Any]) -> None:
    """What it tells of a container of its own, and of nobody else's."""
    source = RuntimeSocket(str(socket), ["*"])
    told = source.ask(Place(container=container["Id"]))["container"]
    assert told["name"] == container["Name"]
    assert told["labels"].items() >= {"app": "shop", "secret": "s3cr3t"}.items()
    assert source.ask(Place(container="0a" * 32)) == {}
    with pytest.raises(ValueError, match=r"^it speaks HTTP/1, and no gRPC$"):
        CriSocket(str(socket), []).ask(Place(container=container["Id"]))
    assert source.ask(Place(pod="12fdc709-933e-41d0-917f-cd84de9afa94")) == {}

"""A real podman with a real container: its id and names, as podman itself tells them."""

import json
import os
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from image.engine import ULIMITS, podman

from attribution.world import agent, open_folder

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
    """Podman's API, open to the user that the agent becomes."""
    with open_folder() as folder:
        at = folder / "podman.sock"
        service = subprocess.Popen(["podman", "system", "service", "--time", "0", f"unix://{at}"])
        while not at.exists():
            assert service.poll() is None
            time.sleep(0.02)
        at.chmod(0o666)
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


def _served() -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/busybox", timeout=5) as answer:
                answer.read()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_a_real_container_is_named(socket: Path, container: dict[str, Any]) -> None:
    """Id and runtime from its cgroup, name, image and chosen labels from the socket.

    A socket that is not there costs nothing but one line.
    """
    _served()
    with agent(
        capture__include__ports=[PORT],
        attribution__runtime_sockets=["/run/nobody/is/here.sock", str(socket)],
        attribution__max_wait=1,
    ) as records:
        for _ in range(5):
            _served()
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

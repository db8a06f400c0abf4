"""`shipper top --live`: an agent of its own, which ends when it does."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from product.agent import ask, serving

pytestmark = pytest.mark.usefixtures("root")
_TIMEOUT = 60


@contextmanager
def asking(port: int) -> Iterator[None]:
    """Requests, one after the other, as long as it lasts."""
    stop = threading.Event()

    def requests() -> None:
        while not stop.wait(0.02):
            ask(port, "/users/4711")

    thread = threading.Thread(target=requests)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def children(pid: int) -> list[int]:
    """The processes that it has started."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return [int(child) for task in tasks for child in (task / "children").read_text().split()]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_captures_and_ends_with_its_agent(number: signal.Signals) -> None:
    """What this host answers comes into the table; no agent is left behind."""
    with serving() as port, asking(port):
        process = subprocess.Popen(
            [sys.executable, "-m", "shipper", "top", "--live",
             "--set", f"capture.include.ports={port}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        assert any(line.endswith(b"  GET /users/{id}\n") for line in process.stdout)
        agents = children(process.pid)
        assert agents
        process.send_signal(number)
        _, said = process.communicate(timeout=_TIMEOUT)
    assert said == b""
    assert process.returncode == (0 if number is signal.SIGINT else 128 + number)
    assert not [pid for pid in agents if Path(f"/proc/{pid}").exists()]


def test_once_counts_from_when_it_captures() -> None:
    """The seconds begin when the agent is ready, so all of them are watched."""
    with serving() as port, asking(port):
        done = subprocess.run(
            [sys.executable, "-m", "shipper", "top", "--live", "--once", "--json", "--seconds", "1",
             "--set", f"capture.include.ports={port}"],
            capture_output=True, timeout=_TIMEOUT, check=True, env=dict(os.environ),
        )  # fmt: skip
    found = json.loads(done.stdout)
    assert found["source"] == "this host"
    assert found["seconds"] == 1
    assert [line["name"] for line in found["routes"]] == ["GET /users/{id}"]
    assert found["total"]["requests"] > 0

"""Whether the agent says that it is well when it is, and what is wrong when it is not."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from brokers.ports import Ports
from faults.agent import eventually

from .running import Running, running

pytestmark = pytest.mark.usefixtures("root")


def health(world: Running, *options: str) -> subprocess.CompletedProcess[str]:
    """`shipper health` as a container would run it."""
    command = [sys.executable, "-m", "shipper", "health", *options]
    listen = f"--set=metrics.listen={world.asked.listen}"
    return subprocess.run([*command, listen], capture_output=True, text=True, check=False)


def test_the_command_says_it_by_its_exit_code() -> None:
    """0 when all is well, 69 when nobody is there; one line of what is wrong, or all as JSON."""
    with running() as world:
        agent = world.start()
        world.ready()
        assert world.asked.checks() == dict.fromkeys(
            ("attached", "draining", "broker", "spool"), True
        )
        assert health(world).returncode == 0
        asked = health(world, "--ready", "--json")
        told = json.loads(asked.stdout)
        assert (asked.returncode, told["ready"], told["pid"]) == (0, True, agent.process.pid)
        assert agent.stop() == 0
    gone = health(world)
    assert (gone.returncode, gone.stdout) == (69, "")
    assert gone.stderr.count("\n") == 1


def test_no_broker_and_a_full_spool() -> None:
    """It captures without a broker, says so, and says too when nothing fits any more."""
    with running() as world:
        nowhere = f"127.0.0.1:{Ports().free()}"
        small = {
            "kafka.bootstrap.servers": nowhere,
            "spool.total_bytes": 1 << 20,
            "spool.segment_bytes": 1 << 16,
        }
        world.start(small)
        eventually(lambda: world.asked.checks()["draining"], "a report")
        assert world.asked.checks() == {
            "attached": True,
            "draining": True,
            "broker": False,
            "spool": True,
        }
        asked = health(world, "--ready")
        assert asked.returncode == 1
        assert "FAIL  broker: worker 0: no broker is connected" in asked.stdout
        world.traffic.send(1000, rate=2000)
        eventually(lambda: not world.asked.checks()["spool"], "a full spool")
        assert world.asked.get("/healthz")[0] == 200


def test_a_port_that_is_taken_stops_no_capture() -> None:
    """The second agent says it once, works, and answers when the first one has gone."""
    with running() as world:
        first = world.start()
        second = Running(world.folder, str(world.settings["kafka.bootstrap.servers"]))
        second.settings |= {
            "metrics.listen": world.asked.listen,
            "capture.include.ports": [second.traffic.port],
        }
        second.asked = world.asked
        try:
            late = second.start()
            late.says("metrics.listen", "can't be had")
            second.traffic.send(20)
            assert first.stop() == 0
            eventually(world.asked.answers, "the second one answers")
            second.counted(20)
            assert late.stop() == 0
            assert len([line for line in late.lines("warning") if "metrics.listen" in line]) == 1
        finally:
            second.close()


@pytest.mark.parametrize(
    ("path", "status"), [("/", 404), ("/metrics/", 404), ("/metrics?name[]=up", 200)]
)
def test_other_paths(world: Running, path: str, status: int) -> None:
    """Are not there; a query is nobody's business."""
    assert world.asked.get(path)[0] == status


@pytest.fixture(scope="module")
def world() -> Iterator[Running]:
    """An agent that only answers."""
    with running() as made:
        made.start()
        yield made

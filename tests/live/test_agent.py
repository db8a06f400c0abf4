"""The whole agent on real traffic: what it delivers, as whom it runs, and what it leaves behind."""

import contextlib
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.delivery.consume import Start, TopicReader
from shipper.delivery.mock import MockBroker

from .clients import Ask, curl, several
from .conftest import StartNginx
from .netns import PORT, Network, Route, cable, loopback
from .nginx import MARKER
from .running import Agent, eventually, row
from .server import say_hello, serving
from .workload import differences, run, start_wrk, truth

TOPIC = "http.header.v1"
StartAgent = Callable[..., Agent]


@pytest.fixture
def agents() -> Iterator[StartAgent]:
    """Starts agents; they end with the test."""
    with contextlib.ExitStack() as running:

        def start(lines: str = "", outputs: tuple[str, ...] = ()) -> Agent:
            made = Agent(lines, outputs=outputs)
            running.callback(made.close)
            return made

        yield start


def _kafka(broker: MockBroker) -> str:
    return f'[kafka]\n"bootstrap.servers" = "{broker.bootstrap}"\n'


def _published(broker: MockBroker) -> tuple[list[dict[str, Any]], list[str]]:
    """The topic's records and their keys."""
    settings = {"bootstrap.servers": broker.bootstrap}
    with TopicReader(
        settings, TOPIC, log=lambda _level, _line: None, start=Start.BEGINNING
    ) as reader:
        messages = list(reader.until_end())
    return [json.loads(m.value) for m in messages], [m.key.decode() for m in messages]


def test_the_agent_delivers_what_nginx_served(
    network: Network, nginx: StartNginx, agents: StartAgent
) -> None:
    """10,000 requests, to a file and to Kafka at once: nginx's log is the truth about both."""
    route = cable(network)
    server = nginx(route)
    with MockBroker() as broker:
        agent = agents('[capture]\nring_bytes = "16MiB"\n' + _kafka(broker), ("kafka",))
        rows = run(route, server)
        assert agent.signal(signal.SIGTERM) == 0
        written = agent.records()
        published, keys = _published(broker)
    assert len(rows) == 10_000
    assert differences([row(record) for record in written], rows) == []
    assert differences([row(record) for record in published], rows) == []
    assert [r for r in written if "incomplete" in r["shipper"]] == []
    assert keys == [record["event"]["id"] for record in published]
    numbers = sorted(record["event"]["sequence"] for record in written)
    assert numbers == list(range(numbers[0], numbers[0] + len(rows)))
    assert MARKER.decode() not in agent.output.read_text()
    agent.gone()


def _totals(agent: Agent) -> tuple[dict[str, int], list[dict[str, Any]]]:
    said = agent.heard("stopped")
    assert said, agent.said
    return said["kernel"], said["workers"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_under_load_drains_flushes_and_detaches(
    network: Network, nginx: StartNginx, agents: StartAgent, number: int
) -> None:
    """In the middle of traffic: every event that the kernel handed out is in a delivered record."""
    route = cable(network)
    server = nginx(route)
    agent = agents()
    with route.client.inside():
        wrk = start_wrk("load", *route.ask[4], requests=1_000_000)
    try:
        eventually(lambda: agent.output.stat().st_size > 1_000_000, "some records are written")
        assert agent.signal(number) == 0
    finally:
        wrk.send_signal(signal.SIGINT)
        wrk.wait(20)
    agent.gone()
    kernel, workers = _totals(agent)
    (worker,) = workers
    assert "ring_full" not in kernel
    handed_out = sum(count for name, count in kernel.items() if name.startswith("events_"))
    assert worker["assembly"]["events"] == handed_out
    assert worker["exchanges"] == worker["shipped"] == worker["acknowledged"]
    records = agent.records()
    assert len(records) == worker["exchanges"]
    served = {line["http_x_request_id"] for line in server.stop()}
    whole = [row(record).id for record in records if "incomplete" not in record["shipper"]]
    assert len(set(whole)) == len(whole) > 1000
    assert set(whole) <= served


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return dict(line.split(":\t", 1) for line in lines if ":\t" in line)


def test_it_runs_as_nobody_without_any_privilege(agents: StartAgent) -> None:
    """Agent and workers alike: no capability, no way to one, no bcc and no core dump."""
    agent = agents("[capture]\nworkers = 2\n")
    assert len(agent.pids) == 3
    nobody = subprocess.run(["id", "-u", "nobody"], capture_output=True, check=True, text=True)
    for pid in agent.pids:
        status = _status(pid)
        assert set(status["Uid"].split()) == {nobody.stdout.strip()}
        assert status["Groups"].strip() == ""
        sets = {name: int(value, 16) for name, value in status.items() if name.startswith("Cap")}
        assert sets == dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"), 0)
        assert status["NoNewPrivs"].strip() == "1"
        limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
        (core,) = [line.split()[-3:-1] for line in limits if line.startswith("Max core")]
        assert core == ["0", "0"]
        maps = Path(f"/proc/{pid}/maps").read_text()
        assert "libbcc" not in maps
        assert "LLVM" not in maps
    # Only the agent holds what keeps the program attached.
    assert agent.objects.links
    assert agent.signal() == 0
    agent.gone()


def test_killed_without_warning_it_leaves_nothing(network: Network, agents: StartAgent) -> None:
    """The workers end by themselves, with what they had written, and the kernel detaches."""
    route = loopback(network)
    agent = agents("[capture]\nworkers = 2\n")
    with serving(route.server, say_hello):
        asks = [Ask(f"before-{number}", close=True) for number in range(20)]
        curl(route.client, "127.0.0.1", PORT, asks)
        assert agent.signal(signal.SIGKILL) == -signal.SIGKILL
        agent.gone()
    assert sorted(row(record).id for record in agent.records()) == sorted(a.id for a in asks)


def test_a_second_agent_beside_a_running_one(
    network: Network, nginx: StartNginx, agents: StartAgent
) -> None:
    """Both see everything while both run; one that ends takes nothing from the other."""
    route = loopback(network)
    server = nginx(route)
    first = agents()
    second = agents()
    _ask_several(route, "both")
    assert first.signal() == 0
    first.gone()
    _ask_several(route, "one")
    assert second.signal() == 0
    second.gone()
    rows = {line["http_x_request_id"] for line in server.stop()}
    both = {name for name in rows if name.startswith("both")}
    assert sorted(row(record).id for record in first.records()) == sorted(both)
    assert sorted(row(record).id for record in second.records()) == sorted(rows)
    identities = {
        record["agent"]["ephemeral_id"] for a in (first, second) for record in a.records()
    }
    assert len(identities) == 2


def _ask_several(route: Route, name: str) -> None:
    for version, (host, port) in route.ask.items():
        curl(route.client, host, port, several(f"{name}{version}"))


def test_two_workers_tell_each_exchange_once(
    network: Network, nginx: StartNginx, agents: StartAgent
) -> None:
    """Flows are spread over the rings, and a connection stays with its worker."""
    route = cable(network)
    server = nginx(route)
    agent = agents("[capture]\nworkers = 2\n")
    for number in range(20):
        _ask_several(route, f"round{number}-")
    assert agent.signal() == 0
    agent.gone()
    rows = [truth(line) for line in server.stop()]
    assert differences([row(record) for record in agent.records()], rows) == []
    _, workers = _totals(agent)
    assert all(worker["exchanges"] for worker in workers)
    ids = [record["event"]["id"] for record in agent.records()]
    assert len(set(ids)) == len(ids)

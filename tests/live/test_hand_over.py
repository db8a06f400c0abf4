"""One agent takes another's place under load: no exchange lost, none told twice."""

import contextlib
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .bpf_objects import NONE
from .conftest import StartNginx
from .manager import Manager
from .netns import Network, cable
from .running import Agent, eventually, row
from .steady import Steady
from .workload import differences, truth

StartAgent = Callable[..., Agent]
_MORE = 500
_RINGS = '[capture]\nring_bytes = "16MiB"\n'
#: Tables of another size can't be taken over.
_OTHER_TABLES = f"{_RINGS}flow_table = 32768\n"


@pytest.fixture
def agents(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StartAgent]:
    """Starts agents that meet one another; they end with the test."""
    monkeypatch.setenv("SHIPPER_AGENT__HAND_OVER", str(tmp_path / "meet"))
    with contextlib.ExitStack() as running:

        def start(lines: str = _RINGS, manager: Manager | None = None) -> Agent:
            through, passed = manager.command() if manager else ((), ())
            made = Agent(lines, through=through, passed=passed)
            running.callback(made.close)
            return made

        yield start


def _is_alone(agent: Agent) -> None:
    eventually(lambda: agent.heard("alone") is not None, "the one before has ended")


def _ended(agents: list[Agent]) -> None:
    """In order, and nothing is left of them."""
    for agent in agents:
        assert agent.signal(signal.SIGTERM) == 0, agent.said
    for agent in agents:
        agent.gone()


def _some_more(load: Steady) -> None:
    goal = sum(load.asked) + _MORE
    eventually(lambda: sum(load.asked) >= goal, f"{_MORE} more requests")


@pytest.mark.parametrize(
    ("lines", "how"),
    [
        ((_RINGS, _RINGS), "its tables"),
        ((_OTHER_TABLES, _RINGS), "tables of its own"),
    ],
    ids=["same-tables", "cut-over"],
)
def test_each_exchange_is_told_by_one_agent(
    network: Network, nginx: StartNginx, agents: StartAgent, lines: tuple[str, ...], how: str
) -> None:
    """Hundreds of requests a second while two agents, one after the other, take over."""
    route = cable(network)
    server = nginx(route)
    started = [agents()]
    with Steady(route.client, *next(iter(route.ask.values()))) as load:
        assert load.begun.wait(30)
        for line in lines:
            _some_more(load)
            started.append(agents(line))
            _some_more(load)
            load.may_end.set()
            _is_alone(started[-1])
    rows = [truth(line) for line in server.stop()]
    _ended(started)
    told = [record for agent in started for record in agent.records()]
    assert differences([row(record) for record in told], rows) == []
    assert [r for r in told if "incomplete" in r["shipper"]] == []
    took = [agent.heard("took_over") for agent in started[1:]]
    assert all(line and how in line["message"] for line in took)
    assert all(agent.records() for agent in started)
    # What was open when the second came is told by the first.
    (long,) = [r for r in started[0].records() if r["url"]["path"] == "/files/big"]
    assert long["http"]["response"]["body"]["bytes"] == (server.at / "files/big").stat().st_size


def test_what_comes_during_a_restart_waits(
    network: Network, nginx: StartNginx, agents: StartAgent, tmp_path: Path
) -> None:
    """The service manager ends one before it starts the other: it keeps the rings meanwhile."""
    route = cable(network)
    server = nginx(route)
    with Manager(tmp_path / "notify") as manager:
        started = [agents(_RINGS, manager)]
        with Steady(route.client, *next(iter(route.ask.values()))) as load:
            load.may_end.set()
            for _ in range(3):
                _some_more(load)
                assert started[-1].signal(signal.SIGTERM) == 0, started[-1].said
                _some_more(load)
                started.append(agents(_RINGS, manager))
            _some_more(load)
        rows = [truth(line) for line in server.stop()]
        assert started[-1].signal(signal.SIGTERM) == 0
        assert started[-1].objects.alive() != NONE
    assert manager.twice == []
    started[-1].gone()
    told = [record for agent in started for record in agent.records()]
    assert differences([row(record) for record in told], rows) == []
    assert [r for r in told if "incomplete" in r["shipper"]] == []

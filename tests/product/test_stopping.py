"""However the agent ends, the kernel and the process table are as they were before it."""

import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from live.bpf_objects import NONE, held_by

from .agent import Agent, ask, serving

pytestmark = pytest.mark.usefixtures("root")


def _eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.05)
    return condition()


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 0), (signal.SIGTERM, 0), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_nothing_of_the_agent_is_left(number: int, code: int, public: Path) -> None:
    """No program, no link, no process; and what it had seen is written."""
    with serving() as port:
        agent = Agent([sys.executable, "-m", "shipper"], public / "records.jsonl", port)
        ask(port, "/last")
        pids = agent.pids
        held = held_by(*pids)
        assert len(pids) > 1
        assert held.programs
        assert held.links
        assert agent.stop(number) == code
    assert _eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))
    # The kernel frees a program some time after its last holder has gone.
    assert _eventually(lambda: held.alive() == NONE)
    assert [record["url"]["path"] for record in agent.records()] == ["/last"]

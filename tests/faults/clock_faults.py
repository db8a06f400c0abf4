"""The host's clock is wrong, or is set while the agent runs: for the agent alone (`clock.c`)."""

import subprocess
import time
from pathlib import Path
from typing import Final

from .catalogue import scenario
from .world import World

_SOURCE: Final = Path(__file__).with_name("clock.c")
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


class _Clock:
    """The clock of one agent; `environment` makes it heed it."""

    def __init__(self, world: World) -> None:
        library = world.folder / "clock.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE], check=True)
        self._file = world.folder / "clock"
        self._file.write_bytes(bytes(8))
        self._file.chmod(0o644)
        library.chmod(0o755)
        self.environment = {"LD_PRELOAD": str(library), "FAULT_CLOCK": str(self._file)}

    def wrong_by(self, seconds: float) -> None:
        """Set it."""
        with self._file.open("r+b") as file:
            file.write(int(seconds).to_bytes(8, "little", signed=True))


@scenario()
def clock_two_hours_fast(world: World) -> None:
    """Kafka takes at most an hour ahead: the records arrive all the same, with another time."""
    clock = _Clock(world)
    clock.wrong_by(2 * _HOUR)
    world.agent(environment=clock.environment)
    world.traffic.send(500)
    world.await_delivery()


@scenario()
def clock_back_in_1970(world: World) -> None:
    """No battery, no network time."""
    clock = _Clock(world)
    clock.wrong_by(_DAY - time.time())
    world.agent(environment=clock.environment)
    world.traffic.send(500)
    world.await_delivery()


@scenario()
def clock_stepping(world: World) -> None:
    """It is set two hours ahead, a day back, and right again."""
    clock = _Clock(world)
    agent = world.agent(environment=clock.environment)
    for seconds in (2 * _HOUR, -_DAY, 0):
        world.traffic.send(200)
        clock.wrong_by(seconds)
        time.sleep(2)
    world.traffic.send(200)
    agent.says("clock")
    world.await_delivery()

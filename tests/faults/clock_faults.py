"""The host's clock is wrong, or is set while the agent runs: for the agent alone (`clock.c`)."""

import time
from typing import Final

from .catalogue import scenario
from .preloaded import Preloaded
from .world import World

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR


def _clock(world: World) -> Preloaded:
    """A clock that is wrong by as many seconds as it is commanded."""
    return Preloaded(world, "clock.c", "FAULT_CLOCK")


@scenario()
def clock_two_hours_fast(world: World) -> None:
    """Kafka takes at most an hour ahead: the records arrive all the same, with another time."""
    clock = _clock(world)
    clock.command(2 * _HOUR)
    world.agent(environment=clock.environment)
    world.traffic.send(500)
    world.await_delivery()


@scenario()
def clock_back_in_1970(world: World) -> None:
    """No battery, no network time."""
    clock = _clock(world)
    clock.command(_DAY - int(time.time()))
    world.agent(environment=clock.environment)
    world.traffic.send(500)
    world.await_delivery()


@scenario()
def clock_stepping(world: World) -> None:
    """It is set two hours ahead, a day back, and right again."""
    clock = _clock(world)
    agent = world.agent(environment=clock.environment)
    for seconds in (2 * _HOUR, -_DAY, 0):
        world.traffic.send(200)
        clock.command(seconds)
        time.sleep(2)
    world.traffic.send(200)
    agent.says("clock")
    world.await_delivery()

"""The agent itself is killed, stopped, doubled, or too slow."""

import os
import random
import signal
import time

from .agent import Agent
from .catalogue import scenario
from .world import World

_MOSTLY = 0.8


@scenario()
def agent_killed_and_started_again(world: World) -> None:
    """SIGKILL of agent and worker under traffic, with a broker that is there."""
    chance = random.Random(5)
    agent = world.agent()
    with world.traffic.flowing():
        for _ in range(2):
            time.sleep(chance.uniform(1, 3))
            agent.kill()
            agent = world.agent()
    time.sleep(2)


@scenario(pace="long")
def agent_killed_two_hundred_times(world: World) -> None:
    """At random moments: while it starts, adopts, captures, delivers."""
    chance = random.Random(11)
    agent = world.agent()
    with world.traffic.flowing(rate=100):
        for _ in range(200):
            time.sleep(chance.uniform(0, 1.5))
            agent.kill()
            agent = world.agent(wait=chance.random() < _MOSTLY)
        agent.ready()
    time.sleep(3)


@scenario(needs="own", pace="test")
def agent_killed_with_a_full_spool(world: World) -> None:
    """SIGKILL while the broker is away: the next one sends what waits, under the old ids."""
    world.kafka.stop()
    agent = world.agent()
    world.traffic.send(1500)
    time.sleep(1.5)
    agent.kill()
    world.kafka.start()
    world.agent()
    world.traffic.send(100)
    world.await_delivery()


@scenario(needs="own")
def stopped_with_a_full_queue(world: World) -> None:
    """SIGTERM, then SIGINT at the next, while the broker is away."""
    world.kafka.stop()
    for number in (signal.SIGTERM, signal.SIGINT):
        agent = world.agent(world.settings(agent__shutdown_timeout=1))
        world.traffic.send(500)
        assert agent.stop(number) == 0
    world.kafka.start()
    world.agent()
    world.await_delivery()


@scenario(pace="test")
def two_agents_side_by_side(world: World) -> None:
    """Both see the same traffic; one is killed, and a third sends what it left."""
    first = world.agent()
    world.agent()
    world.traffic.send(500)
    time.sleep(1.5)
    first.kill()
    world.traffic.send(500)
    world.agent()
    world.await_delivery()


@scenario(pace="test")
def ring_too_small(world: World) -> None:
    """More traffic than a ring of 4 KiB takes while the worker does not run: counted, and told."""
    agent = world.agent(world.settings(capture__ring_bytes=4096))
    world.traffic.send(100)
    worker = agent.worker()
    os.kill(worker, signal.SIGSTOP)
    world.traffic.send(300)
    os.kill(worker, signal.SIGCONT)
    agent.says("no room")
    world.traffic.send(100, rate=200)
    time.sleep(2)


@scenario()
def configuration_unreadable(world: World) -> None:
    """A file that is no TOML, and one that is not there: one line, exit code 78, and no traceback.

    The agent that runs is not disturbed by it.
    """
    world.agent()
    broken = world.folder / "broken.toml"
    broken.write_text("[kafka\n")
    for path in (broken, world.folder / "missing.toml"):
        other = Agent({}, environment={"SHIPPER_CONFIG": str(path)})
        assert other.process.wait(30) == os.EX_CONFIG
        (line,) = other.last_words()
        assert str(path) in line
    world.traffic.send(300)
    world.await_delivery()

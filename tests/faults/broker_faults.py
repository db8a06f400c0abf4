"""The broker is away, dies, answers late or not at all."""

import time

from .agent import eventually
from .catalogue import scenario
from .world import World


@scenario(needs="own", pace="test")
def broker_away(world: World) -> None:
    """The broker is stopped for a while under traffic, and comes back."""
    agent = world.agent()
    world.traffic.send(200)
    world.kafka.stop()
    world.traffic.send(2000, rate=300)
    agent.says("broker")
    world.kafka.start()
    world.traffic.send(200)
    world.await_delivery()


@scenario(needs="own", pace="long")
def broker_away_for_long(world: World) -> None:
    """Away for longer than every default time-out: delivery, session, metadata (5 min)."""
    agent = world.agent()
    world.traffic.send(200)
    world.kafka.stop()
    with world.traffic.flowing(rate=50):
        time.sleep(320)
    agent.says("broker")
    world.kafka.start()
    world.traffic.send(200)
    world.await_delivery()


@scenario(needs="own")
def broker_killed_five_times(world: World) -> None:
    """SIGKILL under traffic, five times."""
    world.agent()
    with world.traffic.flowing():
        for _ in range(5):
            time.sleep(2)
            world.kafka.kill()
            time.sleep(1)
            world.kafka.start()
    world.await_delivery()


@scenario(needs="own")
def broker_absent_at_start(world: World) -> None:
    """The agent starts first and says so; what it sees meanwhile waits."""
    world.kafka.stop()
    agent = world.agent()
    world.traffic.send(1000)
    agent.says("broker")
    world.kafka.start()
    world.await_delivery()


@scenario(create=False)
def topic_missing_then_created(world: World) -> None:
    """Recovers without a restart, and says what is missing."""
    agent = world.agent()
    world.traffic.send(500)
    agent.says("topic", "not there")
    for topic in (world.topic, world.ledger, world.dead):
        world.kafka.create_topic(topic)
    world.traffic.send(500)
    world.await_delivery()


@scenario(needs="own")
def broker_half_open(world: World) -> None:
    """It stops answering (SIGSTOP) with connections open, for longer than a request may take."""
    world.agent(world.settings(kafka__socket__timeout__ms=3000, kafka__request__timeout__ms=3000))
    world.traffic.send(200)
    world.kafka.pause()
    world.traffic.send(1000, rate=200)
    time.sleep(5)
    world.kafka.resume()
    world.traffic.send(200)
    world.await_delivery()


@scenario(needs="three")
def leader_killed(world: World) -> None:
    """The leader of three replicas dies under traffic; min.insync.replicas is 2."""
    world.agent()
    with world.traffic.flowing():
        time.sleep(2)
        leader = world.kafka.leader(world.topic)
        world.kafka.kill(leader)
        eventually(lambda: world.kafka.leader(world.topic) != leader, "another leader")
        time.sleep(3)
    world.await_delivery()
    world.kafka.start(leader)

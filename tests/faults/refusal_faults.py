"""Kafka is there and refuses: rights, passwords, sizes, times, and each error of its protocol."""

import time
from functools import partial

from delivery.broker import PRODUCE

from .catalogue import enter, scenario
from .world import World

INVALID_RECORD = 87
#: Errors that a broker may answer a produce request with, by their numbers in the protocol.
INJECTED = (2, 3, 5, 6, 7, 10, 19, 20, 29, 32, 44, 45, 47, 56, 72, INVALID_RECORD, 89)


@scenario(needs="secured", create=False)
def right_revoked_and_given_back(world: World) -> None:
    """Pauses, says so, and goes on by itself when the right is there again."""
    rights = "WRITE", "DESCRIBE"
    for topic in world.topics:
        world.kafka.create_topic(topic)
        world.kafka.allow("shipper", topic, *rights)
    agent = world.agent()
    world.traffic.send(300)
    world.await_delivery()
    world.kafka.revoke("shipper", world.topic, *rights)
    world.traffic.send(300)
    agent.says("grant")
    world.kafka.allow("shipper", world.topic, *rights)
    world.traffic.send(300)
    world.await_delivery()


@scenario(needs="secured")
def wrong_password_then_right(world: World) -> None:
    """The password's file is mended while the agent runs."""
    for topic in world.topics:
        world.kafka.allow("shipper", topic, "WRITE", "DESCRIBE")
    secret = world.folder / "password"
    secret.write_text("wrong")
    secret.chmod(0o644)
    settings = world.settings()
    right = settings.pop("kafka.sasl.password")
    agent = world.agent({**settings, "kafka.sasl.password.file": secret})
    world.traffic.send(300)
    agent.says("log-in")
    assert not any(str(right) in line or "wrong" in line for line in agent.lines())
    secret.write_text(f"{right}\n")
    world.traffic.send(300)
    world.await_delivery()


@scenario()
def record_too_large(world: World) -> None:
    """Some records are larger than the topic takes: shortened; the others of their batch arrive."""
    world.kafka.alter_topic(world.topic, max_message_bytes=3000)
    world.agent(world.settings(record__request_headers="all", kafka__compression__type="none"))
    for number in range(200):
        header = f"X-Long: {'x' * 5000}\r\n" if number % 20 == 7 else ""
        world.traffic.send(1, header=header)
    world.await_what_comes(15)


@scenario()
def record_too_large_however_short(world: World) -> None:
    """The topic takes next to nothing: every record has its letter."""
    world.kafka.alter_topic(world.topic, max_message_bytes=300)
    agent = world.agent(world.settings(kafka__compression__type="none"))
    world.traffic.send(20)
    agent.says("larger")
    world.traffic.send(20)
    time.sleep(5)


def _injected(code: int, world: World) -> None:
    world.agent()
    world.traffic.send(100)
    world.await_delivery()
    world.faulty.answer(PRODUCE, *[code] * 3)
    world.traffic.send(300)
    world.traffic.send(100)
    world.await_what_comes(20)


for _code in INJECTED:
    # Three answers in a row.
    enter(
        f"answered-with-error-{_code}",
        partial(_injected, _code),
        needs="faulty",
        pace="test" if _code == INVALID_RECORD else "make",
    )

"""A topic, a broker or a network that is not there for a while: everything arrives, once."""

from collections.abc import Iterator

import pytest
from brokers.kafka import Kafka
from brokers.proxy import Proxy

from .sending import Said, arrived, keys, record, sink

#: The client's own patience, short enough for a test: a request is given up after it.
REQUEST_S = 1.0
SOON_BACK = {"reconnect.backoff.max.ms": 500}
IMPATIENT = {
    **SOON_BACK,
    "request.timeout.ms": int(REQUEST_S * 1000),
    "socket.timeout.ms": int(REQUEST_S * 1000),
}

#: The client waits 30 s for a topic of which no broker knows before it says so.
SOON = {"topic.metadata.propagation.max.ms": 1000}


@pytest.fixture(scope="module")
def proxy() -> Iterator[Proxy]:
    """What stands between."""
    with Proxy() as it:
        yield it


@pytest.fixture(scope="module")
def distant(proxy: Proxy) -> Iterator[Kafka]:
    """A broker that clients reach through the proxy."""
    with Kafka(advertise={1: proxy.port}) as kafka:
        proxy.to(kafka.address())
        yield kafka
        proxy.heal()


def test_topic_missing_then_created(plain: Kafka, topic: str, said: Said) -> None:
    """One line names it; once it is there the same sink delivers what it held."""
    with sink({**plain.client, **SOON}, said) as sending:
        sending.submit(record(0, topic))
        sending.until(lambda: bool(said.loud()), "a line about the topic")
        (line,) = said.loud()
        assert topic in line
        plain.create_topic(topic)
        sending.submit(*(record(n, topic) for n in range(1, 20)))
        sending.acknowledged(20)
    assert arrived(plain, topic) == keys(*range(20))


def test_broker_killed_and_started_again(plain: Kafka, topic: str, said: Said) -> None:
    """What was submitted before, at and after the kill arrives once, in order."""
    plain.create_topic(topic)
    with sink(plain.client, said) as sending:
        sending.submit(*(record(n, topic) for n in range(500)))
        sending.until(lambda: sending.sink.counters.acknowledged > 0, "a first acknowledgement")
        sending.submit(*(record(n, topic) for n in range(500, 1000)))
        plain.kill()
        sending.submit(*(record(n, topic) for n in range(1000, 1500)))
        sending.rest(1)
        plain.start()
        sending.submit(*(record(n, topic) for n in range(1500, 2000)))
        sending.acknowledged(2000)
    assert arrived(plain, topic) == keys(*range(2000))
    assert len(said.loud()) == 1


def test_broker_frozen_for_a_while(plain: Kafka, topic: str, said: Said) -> None:
    """Requests time out, connections stay: all arrives once it goes on, once."""
    plain.create_topic(topic)
    with sink({**plain.client, **IMPATIENT}, said) as sending:
        sending.submit(*(record(n, topic) for n in range(50)))
        sending.acknowledged(50)
        plain.pause()
        try:
            sending.submit(*(record(n, topic) for n in range(50, 100)))
            sending.rest(3 * REQUEST_S)
            assert sending.sink.counters.acknowledged == 50
        finally:
            plain.resume()
        sending.acknowledged(100)
    assert arrived(plain, topic) == keys(*range(100))


def test_connections_cut(distant: Kafka, proxy: Proxy, topic: str, said: Said) -> None:
    """Reset again and again while records flow: all arrives once, in order."""
    distant.create_topic(topic)
    with sink({**distant.client, **SOON_BACK, "linger.ms": 1}, said) as sending:
        for cut in range(5):
            sending.submit(*(record(n, topic) for n in range(cut * 100, cut * 100 + 100)))
            proxy.cut()
        sending.acknowledged(500)
    assert arrived(distant, topic) == keys(*range(500))


def test_connections_refused(distant: Kafka, proxy: Proxy, topic: str, said: Said) -> None:
    """Nobody listens for a while; it is said, and all arrives."""
    distant.create_topic(topic)
    proxy.refuse()
    try:
        with sink({**distant.client, **SOON_BACK}, said) as sending:
            sending.submit(*(record(n, topic) for n in range(50)))
            sending.until(lambda: bool(said.loud()), "a line about the broker")
            assert "refused" in said.loud()[0]
            proxy.heal()
            sending.acknowledged(50)
    finally:
        proxy.heal()
    assert arrived(distant, topic) == keys(*range(50))


def test_answers_later_than_the_request_timeout(
    distant: Kafka, proxy: Proxy, topic: str, said: Said
) -> None:
    """Kafka takes what the client believes to be lost: nothing is in the topic twice."""
    distant.create_topic(topic)
    with sink({**distant.client, **IMPATIENT}, said) as sending:
        sending.submit(*(record(n, topic) for n in range(50)))
        sending.acknowledged(50)
        proxy.slow(REQUEST_S)
        try:
            sending.submit(*(record(n, topic) for n in range(50, 100)))
            sending.rest(4 * REQUEST_S)
            assert sending.sink.counters.acknowledged == 50
        finally:
            proxy.heal()
        sending.acknowledged(100)
    assert arrived(distant, topic) == keys(*range(100))


def test_half_open_connection(distant: Kafka, proxy: Proxy, topic: str, said: Said) -> None:
    """Bytes are accepted and go nowhere; once the network is back, all arrives."""
    distant.create_topic(topic)
    with sink({**distant.client, **IMPATIENT}, said) as sending:
        sending.submit(*(record(n, topic) for n in range(50)))
        sending.acknowledged(50)
        proxy.half_open()
        try:
            sending.submit(*(record(n, topic) for n in range(50, 100)))
            sending.rest(3 * REQUEST_S)
            assert sending.sink.counters.acknowledged == 50
        finally:
            proxy.heal()
        sending.acknowledged(100)
    assert arrived(distant, topic) == keys(*range(100))

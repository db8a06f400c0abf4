"""Rights on a topic: missing, given later, taken away while records flow."""

from brokers.kafka import Kafka

from .sending import USER, Said, arrived, keys, record, sink


def test_missing_right_is_said_and_given_later(guarded: Kafka, topic: str, said: Said) -> None:
    """Without WRITE one line names the topic and the right; with it the same sink delivers."""
    guarded.create_topic(topic)
    guarded.allow(USER, topic, "DESCRIBE")
    with sink(guarded.client, said) as sending:
        sending.submit(record(0, topic))
        sending.until(lambda: bool(said.loud()), "a line about the right")
        sending.rest(3)
        (line,) = said.loud()
        assert topic in line
        assert "WRITE" in line
        guarded.allow(USER, topic, "WRITE")
        sending.submit(*(record(n, topic) for n in range(1, 20)))
        sending.acknowledged(20)
    assert arrived(guarded, topic) == keys(*range(20))


def test_topic_that_may_not_be_seen_is_said(guarded: Kafka, topic: str, said: Said) -> None:
    """Without any right it is the same: said, kept, and delivered once it may be."""
    guarded.create_topic(topic)
    with sink(guarded.client, said) as sending:
        sending.submit(record(0, topic))
        sending.until(lambda: bool(said.loud()), "a line about the topic")
        assert topic in said.loud()[0]
        guarded.allow(USER, topic, "WRITE", "DESCRIBE")
        sending.acknowledged(1)
    assert arrived(guarded, topic) == keys(0)


def test_right_revoked_while_records_flow(guarded: Kafka, topic: str, said: Said) -> None:
    """What is submitted while the right is away arrives once it is back, nothing twice."""
    guarded.create_topic(topic)
    guarded.allow(USER, topic, "WRITE", "DESCRIBE")
    with sink(guarded.client, said) as sending:
        sending.submit(*(record(n, topic) for n in range(50)))
        sending.acknowledged(50)
        guarded.revoke(USER, topic, "WRITE")
        sending.submit(*(record(n, topic) for n in range(50, 100)))
        sending.until(lambda: bool(said.loud()), "a line about the right")
        assert "WRITE" in said.loud()[0]
        assert sending.sink.counters.acknowledged == 50
        guarded.allow(USER, topic, "WRITE")
        sending.submit(*(record(n, topic) for n in range(100, 150)))
        sending.acknowledged(150)
    assert arrived(guarded, topic) == keys(*range(150))

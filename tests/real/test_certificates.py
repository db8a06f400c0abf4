"""Mutual TLS: a certificate lets in, none is said."""

from brokers.certificates import Authority
from brokers.kafka import Kafka

from .sending import Said, arrived, keys, record, sink


def test_certificate_lets_in(mutual: Kafka, topic: str, said: Said) -> None:
    """Certificates on both sides: all arrives, and nothing is complained of."""
    mutual.create_topic(topic)
    with sink(mutual.client, said) as sending:
        sending.submit(*(record(n, topic) for n in range(20)))
        sending.acknowledged(20)
    assert arrived(mutual, topic) == keys(*range(20))
    assert said.loud() == []


def test_missing_certificate_is_said(
    mutual: Kafka, authority: Authority, topic: str, said: Said
) -> None:
    """The broker ends the handshake; one line says that it is TLS and names the setting."""
    mutual.create_topic(topic)
    settings = {
        "bootstrap.servers": mutual.client["bootstrap.servers"],
        "security.protocol": "SSL",
        **authority.client,
    }
    with sink(settings, said) as sending:
        sending.submit(record(0, topic))
        sending.until(lambda: bool(said.loud()), "a line about TLS")
        sending.rest(3)
        assert sending.sink.counters.acknowledged == 0
    (line,) = said.loud()
    assert "TLS" in line
    assert "ssl.certificate.location" in line

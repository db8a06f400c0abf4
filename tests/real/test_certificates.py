"""Mutual TLS: a certificate lets in, none is said, another takes its place while records flow."""

from pathlib import Path

from brokers.certificates import Authority
from brokers.kafka import Kafka

from .sending import USER, Said, arrived, keys, record, sink

ME = f"CN={USER}"


def test_certificate_lets_in(mutual: Kafka, topic: str, said: Said) -> None:
    """Certificates on both sides: all arrives, and nothing is complained of."""
    mutual.create_topic(topic)
    mutual.allow(ME, topic, "WRITE", "DESCRIBE")
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


def test_certificate_is_replaced_while_records_flow(
    mutual: Kafka, authority: Authority, topic: str, said: Said, tmp_path: Path
) -> None:
    """Only the new one's user may write; certificate and key arrive one after the other."""
    mutual.create_topic(topic)
    mutual.allow("CN=second", topic, "WRITE", "DESCRIBE")
    first, second = authority.issue("first"), authority.issue("second")
    certificate, key = tmp_path / "c.pem", tmp_path / "k.pem"
    certificate.write_bytes(first.certificate.read_bytes())
    key.write_bytes(first.key.read_bytes())
    shown = {"ssl.certificate.location": str(certificate), "ssl.key.location": str(key)}
    with sink({**mutual.client, **shown}, said) as sending:
        sending.submit(*(record(n, topic) for n in range(20)))
        sending.until(lambda: bool(said.loud()), "a line about the right")
        assert topic in said.loud()[0]
        certificate.write_bytes(second.certificate.read_bytes())
        sending.rest(3)
        key.write_bytes(second.key.read_bytes())
        sending.acknowledged(20)
    assert arrived(mutual, topic) == keys(*range(20))

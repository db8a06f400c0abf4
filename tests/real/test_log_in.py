"""SCRAM over TLS: the right password, the wrong one, and the wrong authority."""

from pathlib import Path

from brokers.certificates import Authority
from brokers.kafka import Kafka

from .sending import PASSWORD, USER, Said, arrived, keys, record, sink

WRONG = "a-wrong-password"
NEXT = "the-next-password"


def test_scram_over_tls_delivers(guarded: Kafka, topic: str, said: Said) -> None:
    """With WRITE and DESCRIBE and nothing else, all arrives, and nothing is complained of."""
    guarded.create_topic(topic)
    guarded.allow(USER, topic, "WRITE", "DESCRIBE")
    with sink(guarded.client, said) as sending:
        sending.submit(*(record(n, topic) for n in range(100)))
        sending.acknowledged(100)
    assert arrived(guarded, topic) == keys(*range(100))
    assert said.loud() == []


def test_wrong_password_is_said_and_mended_at_the_broker(
    guarded: Kafka, topic: str, said: Said
) -> None:
    """One line names the log-in; once the broker knows the password, the same sink delivers."""
    guarded.create_topic(topic)
    guarded.allow("other", topic, "WRITE", "DESCRIBE")
    guarded.set_password("other", PASSWORD)
    settings = {**guarded.client, "sasl.username": "other", "sasl.password": WRONG}
    with sink(settings, said) as sending:
        sending.submit(*(record(n, topic) for n in range(20)))
        sending.until(lambda: bool(said.loud()), "a line about the log-in")
        sending.rest(3)
        (line,) = said.loud()
        assert "log-in" in line
        assert "kafka.sasl" in line
        assert sending.sink.counters.acknowledged == 0
        guarded.set_password("other", WRONG)
        sending.acknowledged(20)
    assert arrived(guarded, topic) == keys(*range(20))
    assert WRONG not in said.everything()


def test_wrong_password_in_a_file_is_mended_there(
    guarded: Kafka, topic: str, said: Said, secret_file: Path
) -> None:
    """The file with the right password is read again: records go through without a restart."""
    guarded.create_topic(topic)
    guarded.allow(USER, topic, "WRITE", "DESCRIBE")
    settings = dict(guarded.client)
    del settings["sasl.password"]
    secret_file.write_text(f"{WRONG}\n")
    with sink({**settings, "sasl.password.file": str(secret_file)}, said) as sending:
        sending.submit(*(record(n, topic) for n in range(20)))
        sending.until(lambda: bool(said.loud()), "a line about the log-in")
        assert "log-in" in said.loud()[0]
        secret_file.write_text(f"{PASSWORD}\n")
        sending.acknowledged(20)
    assert sorted(set(arrived(guarded, topic))) == sorted(keys(*range(20)))
    assert WRONG not in said.everything()
    assert PASSWORD not in said.everything()


def test_password_is_changed_while_records_flow(
    guarded: Kafka, topic: str, said: Said, secret_file: Path
) -> None:
    """At the broker and in the file: the next log-in is with the new one, nothing is refused."""
    guarded.create_topic(topic)
    guarded.allow("changing", topic, "WRITE", "DESCRIBE")
    guarded.set_password("changing", PASSWORD)
    secret_file.write_text(PASSWORD)
    settings = {**guarded.client, "sasl.username": "changing"}
    del settings["sasl.password"]
    with sink({**settings, "sasl.password.file": str(secret_file)}, said) as sending:
        sending.submit(*(record(n, topic) for n in range(20)))
        sending.acknowledged(20)
        guarded.set_password("changing", NEXT)
        secret_file.write_text(NEXT)
        sending.rest(3)
        guarded.kill()
        guarded.start()
        sending.submit(*(record(n, topic) for n in range(20, 40)))
        sending.acknowledged(40)
    assert arrived(guarded, topic) == keys(*range(40))
    assert "log-in" not in said.everything()
    assert NEXT not in said.everything()


def test_wrong_authority_is_said_and_mended(
    guarded: Kafka, authority: Authority, topic: str, said: Said, tmp_path: Path
) -> None:
    """A broker whose certificate another authority signed gets no password; one line says so.

    With the right authority in the same file the same sink delivers.
    """
    guarded.create_topic(topic)
    guarded.allow(USER, topic, "WRITE", "DESCRIBE")
    stranger = Authority(tmp_path, "stranger")
    with sink({**guarded.client, **stranger.client}, said) as sending:
        sending.submit(record(0, topic))
        sending.until(lambda: bool(said.loud()), "a line about TLS")
        sending.rest(3)
        (line,) = said.loud()
        assert "TLS" in line
        assert "ssl.ca.location" in line
        assert sending.sink.counters.acknowledged == 0
        stranger.root.write_bytes(authority.root.read_bytes())
        sending.acknowledged(1)
    assert PASSWORD not in said.everything()

"""Secrets in files of their own: read, said when they can't be, and followed when they change."""

from pathlib import Path

import pytest

from shipper.delivery import secret_files
from shipper.delivery.check import check_kafka
from shipper.delivery.consume import TopicReader
from shipper.delivery.errors import Setting
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.secret_files import contents
from shipper.errors import ConfigError

from .broker import FaultyBroker
from .conftest import TOPIC, Said, record
from .test_kafka import PATIENCE_S, read_all, submit

PASSWORD = "sasl.password.file"  # noqa: S105 - a setting's name


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_one_line_break_at_the_end_is_not_the_secrets(tmp_path: Path, end: str) -> None:
    """As an editor leaves it; blanks are."""
    path = tmp_path / "password"
    path.write_bytes(b" hidden " + end.encode())
    assert contents({"a": 1, PASSWORD: str(path)}) == {"a": 1, "sasl.password": " hidden "}


@pytest.mark.parametrize(
    ("settings", "line"),
    [
        (
            {PASSWORD: "/nonexistent/x"},
            (
                "kafka.sasl.password.file: can't read /nonexistent/x (No such file or directory): "
                "give a file that this user may read"
            ),
        ),
        (
            {PASSWORD: "/x", "sasl.password": "geheim"},
            (
                "kafka.sasl.password and kafka.sasl.password.file exclude each other: "
                "leave one of them out"
            ),
        ),
        (
            {"linger.ms.file": "/x"},
            "kafka.linger.ms.file is no setting: only secrets may stand in a file of their own",
        ),
    ],
)
def test_what_cannot_be_is_one_line(said: Said, settings: dict[str, Setting], line: str) -> None:
    """The same for producer, reader and check; it names setting and path, and no secret."""
    settings = {"bootstrap.servers": "127.0.0.1:9", **settings}
    for make in (
        lambda: KafkaSink(settings, log=said),
        lambda: TopicReader(settings, TOPIC, log=said),
        lambda: check_kafka(settings, TOPIC),
    ):
        with pytest.raises(ConfigError) as error:
            make()
        assert str(error.value) == line


def test_a_changed_file_makes_a_new_producer(
    broker: FaultyBroker, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All arrives, once; the old one goes on while the new one can't be made."""
    monkeypatch.setattr(secret_files, "EVERY_S", 0.05)
    path = tmp_path / "password"
    path.write_text("one")
    settings: dict[str, Setting] = {"bootstrap.servers": broker.bootstrap, PASSWORD: str(path)}
    sink = KafkaSink(settings, log=said)
    submit(sink, *map(record, range(10)))
    path.write_text("another")
    for _ in range(20):
        sink.poll(0.05)
    assert sink.restarts == 1
    submit(sink, *map(record, range(10, 20)))
    path.unlink()
    for _ in range(20):
        sink.poll(0.05)
    submit(sink, *map(record, range(20, 30)))
    assert sink.restarts == 1
    path.write_text("the third")
    for _ in range(20):
        sink.poll(0.05)
    assert sink.restarts == 2
    submit(sink, *map(record, range(30, 40)))
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    assert [m.key for m in read_all(broker, said)] == [record(n).key for n in range(40)]
    assert said.loud() == [
        (
            f"kafka.{PASSWORD}: can't read {path} (No such file or directory): "
            "give a file that this user may read; the connection stays as it was"
        )
    ]
    assert f"{path} has changed: connecting to Kafka anew" in said.loud(20)


def test_a_changed_file_does_not_wait_for_a_broker_that_is_away(
    broker: FaultyBroker, said: Said, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotated certificate may be what mends it: at once, and what was in flight is sent again."""
    monkeypatch.setattr(secret_files, "EVERY_S", 0.05)
    path = tmp_path / "ca.pem"
    path.write_text("one")
    settings: dict[str, Setting] = {
        "bootstrap.servers": broker.bootstrap,
        "sasl.oauthbearer.client.secret.file": str(path),
    }
    sink = KafkaSink(settings, log=said)
    submit(sink, record(0))
    assert sink.flush(PATIENCE_S) == 0
    broker.down()
    submit(sink, *map(record, range(1, 5)))
    assert sink.flush(1) == 4
    path.write_text("another")
    assert sink.flush(0.5) == 4
    assert sink.restarts == 1
    broker.up()
    assert sink.flush(PATIENCE_S) == 0
    sink.close()
    assert [m.key for m in read_all(broker, said)] == [record(n).key for n in range(5)]

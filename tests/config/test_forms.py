"""Encoding, framing and registry: which go together, and the topic that each pair has."""

from pathlib import Path
from typing import get_args

import pytest

from shipper.config import Config, load
from shipper.config.topics import WITH_SCHEMA, Encoding, Framing
from shipper.errors import ConfigError

NOWHERE = Path("/nonexistent/shipper.toml")

WRONG = [
    (
        {"record.encoding": "avro", "kafka.topic": "http.header.v1"},
        (
            "the command line: kafka: the topic http.header.v1 is that of record.encoding ecs with "
            "kafka.framing plain: set these, or leave kafka.topic out (http.header.avro.v1)"
        ),
    ),
    (
        {"kafka.topic": "http.header.avro.confluent.v1"},
        (
            "the command line: kafka: the topic http.header.avro.confluent.v1 is that of "
            "record.encoding avro with kafka.framing confluent: set these, or leave kafka.topic "
            "out (http.header.v1)"
        ),
    ),
    ({"kafka.framing": "confluent"}, 'kafka.framing "confluent" needs registry.url'),
    (
        {"kafka.framing": "guid", "record.encoding": "ocsf", "registry.url": "http://r:8081"},
        (
            'kafka.framing "guid" names a schema, and record.encoding "ocsf" has none of ours: '
            "take plain, or one of ecs, avro"
        ),
    ),
    (
        {"record.encoding": "avro", "output": "kafka,stdout"},
        (
            'output "stdout" takes lines of text, and record.encoding "avro" is none: it goes to '
            "kafka alone"
        ),
    ),
    (
        {"record.message_headers": "framing=guid,splunk.header.index=web"},
        (
            'the command line: record.message_headers: got "framing=guid,splunk.header.index=web", '
            "framing: every message has that already"
        ),
    ),
    (
        {"registry.url": "r:8081"},
        "the command line: registry: the url has to be http(s)://HOST:PORT",
    ),
    (
        {"registry.url": "http://anna:geheim@r:8081"},
        (
            "the command line: registry: the url holds a user: give registry.user and "
            "registry.password instead"
        ),
    ),
    (
        {"registry.password": "geheim", "registry.password_file": "/p"},
        "the command line: registry: password and password_file exclude each other",
    ),
    (
        {"record.encoding": "xml"},
        'the command line: record.encoding: got "xml", allowed: ecs, avro, ocsf, cim or apipark',
    ),
]


def loaded(flags: dict[str, str]) -> Config:
    """The configuration that these flags amount to."""
    return load(environ={}, flags=flags, default_path=NOWHERE)


@pytest.mark.parametrize(
    ("encoding", "framing", "topic"),
    [
        ("ecs", "plain", "http.header.v1"),
        ("ecs", "confluent", "http.header.confluent.v1"),
        ("avro", "plain", "http.header.avro.v1"),
        ("avro", "guid", "http.header.avro.guid.v1"),
        ("ocsf", "plain", "http.header.ocsf.v1"),
        ("cim", "plain", "http.header.cim.v1"),
        ("apipark", "plain", "http.header.apipark.v1"),
    ],
)
def test_topic_is_named_after_the_form(encoding: str, framing: str, topic: str) -> None:
    """What is not the default stands in the name, and the name may be written out as well."""
    form = {"record.encoding": encoding, "kafka.framing": framing, "registry.url": "http://r:8081"}
    assert loaded(form).kafka.topic == topic
    assert loaded(form | {"kafka.topic": topic}).kafka.topic == topic


def test_no_two_forms_share_a_topic() -> None:
    """Each pair that is allowed has a name of its own."""
    forms = [
        {"record.encoding": encoding, "kafka.framing": framing, "registry.url": "http://r:8081"}
        for encoding in get_args(Encoding)
        for framing in get_args(Framing)
        if framing == "plain" or encoding in WITH_SCHEMA
    ]
    assert len({loaded(form).kafka.topic for form in forms}) == len(forms)


def test_an_own_name_is_taken_as_it_is() -> None:
    """Only the names that we give are bound to a form."""
    assert loaded({"record.encoding": "cim", "kafka.topic": "web"}).kafka.topic == "web"


@pytest.mark.parametrize(("flags", "line"), WRONG)
def test_what_does_not_go_together_is_one_line(flags: dict[str, str], line: str) -> None:
    """Which keys, why, and what to do; no password among them."""
    with pytest.raises(ConfigError) as error:
        loaded(flags)
    assert str(error.value) == line
    assert "geheim" not in line


def test_password_is_read_from_its_file(tmp_path: Path) -> None:
    """Without the line's end; a file that can't be read is one line, and nothing is printed."""
    file = tmp_path / "password"
    file.write_text("geheim\n")
    registry = loaded({"registry.password_file": str(file)}).registry
    assert registry.read_password() == "geheim"
    assert "geheim" not in repr(loaded({"registry.password": "geheim"}))
    file.unlink()
    with pytest.raises(ConfigError, match=r"registry.password_file: can't read .* \(No such file"):
        registry.read_password()

"""The published schemas in a real registry (Apicurio): registered, found again, held to rules."""

import io
import json
import struct
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path

import fastavro
import orjson
import pytest
from confluent_kafka.schema_registry.avro import AvroDeserializer
from confluent_kafka.schema_registry.json_schema import JSONDeserializer
from confluent_kafka.serialization import MessageField, SerializationContext, SerializationError
from registries.apicurio import Apicurio
from registries.stock import stock_client

from shipper.cli import main
from shipper.errors import ShipperError
from shipper.record.avro import AvroForm, avro_schema
from shipper.record.schema import (
    CONTRACTS,
    RECORD,
    RECORDS,
    Schema,
    json_schema,
    open_schema,
    registry_schema,
)
from shipper.registry import Absent, Registered, Registry

from . import regenerate
from .changes import BAD, GOOD

TOPICS = sorted({contract.name for contract in CONTRACTS})


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Where the registry of these tests speaks Confluent's API."""
    with Apicurio() as registry:
        yield registry.url


@pytest.fixture(scope="module")
def registry(address: str) -> Registry:
    """A client of it."""
    return Registry(address)


def register(address: str, *arguments: str) -> int:
    """The exit code of `shipper schema register`."""
    return main(["schema", "register", "--registry", address, *arguments])


@pytest.mark.parametrize("kind", ["closed", "avro"])
@pytest.mark.parametrize("topic", TOPICS)
def test_every_version_is_registered_under_its_compatibility(
    topic: str, kind: str, address: str, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """The registry itself holds each version against those before, and gives one id for each."""
    subject = f"{topic}.{kind}-value"
    arguments = ("--topic", topic, "--kind", kind, "--kafka-topic", f"{topic}.{kind}", "--json")
    assert register(address, *arguments) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["subject"] == subject
    assert first["compatibility"] == ("FULL" if kind == "avro" else "BACKWARD") + "_TRANSITIVE"
    known = [contract for contract in CONTRACTS if contract.name == topic]
    assert [one["version"] for one in first["versions"]] == [one.version for one in known]
    assert all(one["new"] for one in first["versions"])
    made, word = (avro_schema, "AVRO") if kind == "avro" else (registry_schema, "JSON")
    looked_up = [registry.lookup(subject, json.dumps(made(one)), word) for one in known]
    found = [one.id for one in looked_up if isinstance(one, Registered)]
    assert found == [one["id"] for one in first["versions"]]
    assert register(address, *arguments) == 0
    again = json.loads(capsys.readouterr().out)
    assert [(one["id"], one["new"]) for one in again["versions"]] == [(n, False) for n in found]


def _offered(registry: Registry, subject: str, old: Schema, new: Schema, kind: str) -> bool:
    """Whether the registry would take the one after the other; it does what it says."""
    registry.register(subject, json.dumps(old), kind)
    level = "FULL_TRANSITIVE" if kind == "AVRO" else "BACKWARD_TRANSITIVE"
    registry.set_compatibility(subject, level)
    text = json.dumps(new)
    if registry.compatible(subject, text, kind):
        registry.register(subject, text, kind)
        return True
    with pytest.raises(ShipperError, match="refuses the schema"):
        registry.register(subject, text, kind)
    return False


@pytest.mark.parametrize("name", [*BAD, *GOOD])
def test_the_registry_judges_as_the_offline_check(name: str, registry: Registry) -> None:
    """Each change of the tables: refused where it breaks readers, taken where not."""
    edit = BAD[name][1] if name in BAD else GOOD[name]
    old = registry_schema(RECORD)
    new = deepcopy(old)
    edit(new)
    subject = f"{name.replace(' ', '-')}-value"
    assert _offered(registry, subject, old, new, "JSON") is (name in GOOD)


def test_a_bad_change_in_avro_is_refused(registry: Registry) -> None:
    """A field without a default."""
    old = avro_schema(RECORD)
    new = deepcopy(old)
    new["fields"].append({"name": "novel", "type": "string"})
    assert not _offered(registry, "bad.avro-value", old, new, "AVRO")


def test_an_open_model_takes_no_field(registry: Registry) -> None:
    """The reason why the closed schema is what is registered."""
    old, new = (
        {**open_schema(one), "$schema": registry_schema()["$schema"]} for one in RECORDS[:2]
    )
    del old["$id"], new["$id"]
    assert not _offered(registry, "open-value", old, new, "JSON")


def test_the_registered_form_says_the_same() -> None:
    """But for dialect and `$id` it is the closed schema."""
    there, here = registry_schema(), json_schema()
    assert {key for key in here if there.get(key) != here[key]} == {"$schema", "$id"}
    assert there.keys() | {"$id"} == here.keys()


def test_an_unknown_schema_has_no_id(registry: Registry) -> None:
    """Neither under a subject that is not there nor under one that is."""
    text = json.dumps(registry_schema(RECORD))
    assert registry.lookup("nosuch-value", text, "JSON") is Absent.SUBJECT
    registry.register("known-value", text, "JSON")
    other = json.dumps({"type": "object", "$schema": "http://json-schema.org/draft-07/schema#"})
    assert registry.lookup("known-value", other, "JSON") is Absent.SCHEMA
    assert registry.compatibility("known-value") == "NONE"  # of all that have none of their own


@pytest.mark.parametrize(
    ("arguments", "code", "text"),
    [
        (("--registry", "http://127.0.0.1:1"), 69, "http://127.0.0.1:1 can't be asked"),
        (("--registry", "ftp://x"), 78, "no http(s)://"),
        (("--registry", "http://u:p@x"), 78, "no http(s)://"),
        (("--registry", "http://x", "--kind", "avro"), 64, "--kafka-topic"),
        (("--registry", "http://x", "--ca", "/nonexistent"), 78, "/nonexistent"),
        (("--registry", "https://x", "--password-file", "/nonexistent"), 65, "/nonexistent"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: tuple[str, ...], code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is wrong, with what; a password in the address is not said again."""
    assert main(["schema", "register", *arguments]) == code
    said = capsys.readouterr().err
    assert text in said
    assert "u:p@x" not in said
    assert said.count("\n") == 1


def test_what_is_no_registry_is_said(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Something answers there, but not as a registry."""
    assert register(address.rpartition("/apis")[0]) == 69
    assert "answers 404" in capsys.readouterr().err


def test_a_refused_version_ends_with_1(
    address: str, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """A subject that holds another schema already, under a rule that ours does not meet."""
    other = {
        **registry_schema(RECORD),
        "required": ["novel"],
        "properties": {"novel": {"type": "string"}},
    }
    registry.register("taken-value", json.dumps(other), "JSON")
    registry.set_compatibility("taken-value", "BACKWARD_TRANSITIVE")
    assert register(address, "--kafka-topic", "taken") == 1
    assert "refuses the schema" in capsys.readouterr().err


def test_another_compatibility_is_noted(
    address: str, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    """What somebody chose for a subject stays, and is said."""
    registry.register("chosen-value", json.dumps(registry_schema(RECORDS[0])), "JSON")
    registry.set_compatibility("chosen-value", "NONE")
    assert register(address, "--kafka-topic", "chosen") == 0
    out = capsys.readouterr().out
    assert "note: chosen-value is kept to NONE, and not to BACKWARD_TRANSITIVE\n" in out
    assert registry.compatibility("chosen-value") == "NONE"


def test_the_password_is_read_from_its_file(
    address: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A registry that wants none ignores it; what is sent is Basic (RFC 7617)."""
    file = tmp_path / "password"
    file.write_text("hunter2\n")
    assert register(address, "--user", "ann", "--password-file", str(file)) == 0
    assert "has id" in capsys.readouterr().out
    sent = Registry(address, user="ann", password="hunter2")._headers["Authorization"]  # noqa: S106
    assert sent == "Basic YW5uOmh1bnRlcjI="


#: What `shipper` has had since 1.0.
LATER = ("response_version", "fold_last", "fold_duration")


def framed(identifier: int, value: bytes) -> bytes:
    """Confluent's wire format: a zero, the schema's id, the value."""
    return struct.pack(">bI", 0, identifier) + value


def ids(registry: Registry, kind: str) -> dict[str, int]:
    """Version -> id of the record's schemas under a subject for this kind."""
    made = avro_schema if kind == "AVRO" else registry_schema
    return {
        contract.version: registry.register(f"stock.{kind}-value", json.dumps(made(contract)), kind)
        for contract in RECORDS
    }


def test_a_stock_avro_consumer_of_1_0_reads_the_newest(address: str, registry: Registry) -> None:
    """confluent-kafka's AvroDeserializer: what it doesn't know is left out, and nothing else."""
    older, newer = RECORDS[0], RECORDS[-1]
    document, form = regenerate.every_field(newer), AvroForm(newer)
    raw = io.BytesIO()
    fastavro.schemaless_writer(raw, fastavro.parse_schema(form.schema), form.to_avro(document))
    message = framed(ids(registry, "AVRO")[newer.version], raw.getvalue())
    stock = AvroDeserializer(stock_client(address), json.dumps(avro_schema(older)))
    value = stock(message, SerializationContext("stock.AVRO", MessageField.VALUE))
    assert isinstance(value, dict)
    for name in LATER:
        del document["shipper"][name]
    assert AvroForm(older).from_avro(value) == document


def test_a_stock_json_consumer_of_1_0_reads_the_newest(address: str, registry: Registry) -> None:
    """confluent-kafka's JSONDeserializer with the open schema of 1.0; the closed one refuses."""
    older, newer = RECORDS[0], RECORDS[-1]
    document = regenerate.every_field(newer)
    message = framed(ids(registry, "JSON")[newer.version], orjson.dumps(document))
    client = stock_client(address)
    context = SerializationContext("stock.JSON", MessageField.VALUE)
    for schema in (json.dumps(open_schema(older)), None):  # None: the schema that wrote it
        stock = JSONDeserializer(schema, schema_registry_client=client)
        assert stock(message, context) == document
    closed = JSONDeserializer(json.dumps(json_schema(older)), schema_registry_client=client)
    with pytest.raises(SerializationError, match="response_version"):
        closed(message, context)

"""Every form of a record: what its message says of itself, and that readers get the record back."""

import io
import struct
import subprocess
import sys
from contextlib import suppress
from copy import deepcopy
from typing import Any, get_args

import fastavro
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shipper.config import BINARY, Encoding
from shipper.config.topics import WITH_SCHEMA
from shipper.contract.record import EncodedRecord
from shipper.errors import ConfigError
from shipper.record import (
    ENCODINGS,
    AvroForm,
    HeaderSettings,
    RecordSettings,
    encoder_of,
    read_message,
    shorten,
)
from shipper.record.model import RECORD_VERSIONS, SCHEMA_NAME
from shipper.record.model.record import ADAPTER
from shipper.record.schema import RECORDS, Contract

from . import regenerate
from .documents import documents as drawn
from .record_exchanges import CREATED, OFFSET, builder, exchange, request, response
from .test_record_avro import thorough

ALL = HeaderSettings(request=("*",), response=("*",))
every_encoding = pytest.mark.parametrize("encoding", ENCODINGS)
#: encoding -> content type, schema name; the version is that of the record, or of the foreign one.
SAID = {
    "ecs": ("application/json", "http.header.v1"),
    "avro": ("avro/binary", "http.header.v1"),
    "ocsf": ("application/json", "ocsf.http_activity"),
    "cim": ("application/json", "splunk.cim.web"),
    "apipark": ("application/json", "apipark.access_log"),
}
FOREIGN_VERSIONS = {"ocsf": "1.8.0", "cim": "6", "apipark": "1"}


def encoded(
    encoding: str, *headers: tuple[str, str], version: str = "1.0", limit: int = 900_000
) -> EncodedRecord:
    """A record in this form, as the builder gives it."""
    made = builder(
        RecordSettings(headers=ALL, encoding=encoding, schema_version=version, maximum_bytes=limit)
    )
    whole = exchange(request("/a?b=c", *headers), response(200))
    return made.encode(made.build(whole, OFFSET, CREATED), 7)


MESSAGES = {name: encoded(name) for name in ENCODINGS}


def documents(contract: Contract) -> list[dict[str, Any]]:
    """The checked-in examples of a version."""
    return [
        orjson.loads(path.read_bytes())
        for path in sorted(regenerate.example_folder(contract).iterdir())
    ]


def test_the_agent_brings_no_library_that_its_form_does_not_need() -> None:
    """Its memory is scarce; Avro's is loaded when Avro is chosen."""
    code = "import shipper.agent, sys; print('fastavro' in sys.modules, end=' ');"
    code += "shipper.record.encoder_of('avro', '1.0'); print('fastavro' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "False True\n"


def test_the_configuration_knows_the_same_forms() -> None:
    """The rooms do not import each other; their lists are one all the same."""
    assert get_args(Encoding) == ENCODINGS
    binary = [name for name in ENCODINGS if encoder_of(name, "1.0").content_type == "avro/binary"]
    assert list(BINARY) == binary
    ours = [name for name in ENCODINGS if encoder_of(name, "1.0").schema_name == SCHEMA_NAME]
    assert list(WITH_SCHEMA) == ours


@every_encoding
@pytest.mark.parametrize("version", RECORD_VERSIONS)
def test_a_message_says_what_it_is(encoding: str, version: str) -> None:
    """Three text headers; key, time and number are the same in every form."""
    record = encoded(encoding, version=version)
    content_type, schema = SAID[encoding]
    assert record.headers == (
        ("content-type", content_type.encode()),
        ("schema-name", schema.encode()),
        ("schema-version", FOREIGN_VERSIONS.get(encoding, version).encode()),
    )
    plain = encoded("ecs", version=version)
    assert record._replace(value=b"", headers=()) == plain._replace(value=b"", headers=())


@every_encoding
def test_a_text_form_is_one_line(encoding: str) -> None:
    """What goes to standard output and files a line a record holds no line break."""
    value = encoded(encoding, ("X", "a\rb\x0bc\u2028")).value
    assert (encoding in BINARY) or (b"\n" not in value and value.startswith(b"{"))


@pytest.mark.parametrize("contract", RECORDS, ids=lambda contract: contract.version)
@pytest.mark.parametrize("encoding", ["ecs", "avro"])
def test_golden_records_come_back_whole(contract: Contract, encoding: str) -> None:
    """By the headers of the message alone, plain or with Confluent's prefix before them."""
    encoder = encoder_of(encoding, contract.version)
    headers = encoded(encoding, version=contract.version).headers
    assert encoder.whole
    for document in documents(contract):
        value = encoder.encode(document)
        assert read_message(headers, value) == document
        assert read_message(headers, struct.pack(">BI", 0, 1234) + value) == document


@pytest.mark.parametrize("reader", RECORDS, ids=lambda contract: contract.version)
@pytest.mark.parametrize("writer", RECORDS, ids=lambda contract: contract.version)
def test_avro_is_what_the_published_schemas_say(writer: Contract, reader: Contract) -> None:
    """fastavro, given the checked-in files and nothing of ours, reads each version as the other."""
    folder = regenerate.SCHEMAS / SCHEMA_NAME
    schemas = [
        fastavro.parse_schema(orjson.loads((folder / f"{one.version}.avsc").read_bytes()))
        for one in (writer, reader)
    ]
    encoder = encoder_of("avro", writer.version)
    for document in documents(writer):
        raw = io.BytesIO(encoder.encode(document))
        found: Any = fastavro.schemaless_reader(raw, schemas[0], schemas[1])
        assert found["event"]["id"] == document["event"]["id"]
        assert found["timestamp"].isoformat(timespec="microseconds") == document[
            "@timestamp"
        ].replace("Z", "+00:00")
        own = found["shipper"].pop("response_version", None)
        assert own == (
            None if reader is RECORDS[0] else document["shipper"].get("response_version")
        )


@given(data=st.data())
@thorough
def test_avro_is_what_the_plain_way_gives(data: st.DataObject) -> None:
    """The encoder tells fastavro each type; without that the bytes are the same."""
    contract = RECORDS[-1]
    document = data.draw(drawn(contract))
    out = io.BytesIO()
    form = AvroForm(contract)
    fastavro.schemaless_writer(out, fastavro.parse_schema(form.schema), form.to_avro(document))
    encoder = encoder_of("avro", contract.version)
    assert encoder.encode(document) == out.getvalue()
    assert encoder.decode(out.getvalue()) == document


@every_encoding
@given(data=st.data())
@thorough
def test_every_valid_record_has_every_form(encoding: str, data: st.DataObject) -> None:
    """No encoder fails on what the model takes, or changes it; the value can be read."""
    document = data.draw(drawn(RECORDS[-1]))
    before = deepcopy(document)
    encoder = encoder_of(encoding, RECORDS[-1].version)
    told = encoder.decode(encoder.encode(document))
    assert document == before
    assert told["event"]["id"] == document["event"]["id"]


@every_encoding
def test_golden_records_are_told_in_part(encoding: str) -> None:
    """Every form tells which record it is, when it was, and what the table of `tail` shows."""
    encoder = encoder_of(encoding, "1.1")
    headers = encoded(encoding, version="1.1").headers
    for document in documents(RECORDS[-1]):
        told = read_message(headers, encoder.encode(document))
        assert told["event"]["id"] == document["event"]["id"]
        assert told["@timestamp"] == document["@timestamp"]
        status = document["http"].get("response", {}).get("status_code")
        assert told.get("http", {}).get("response", {}).get("status_code") == status
        method = document["http"].get("request", {}).get("method")
        assert told.get("http", {}).get("request", {}).get("method") == method
        assert told["source"]["ip"]


@every_encoding
def test_the_builder_keeps_to_its_limit_in_every_form(encoding: str) -> None:
    """What is measured is what goes out, and what is cut says so where the form has room for it."""
    record = encoded(encoding, ("X-Long", "a" * 9000), ("User-Agent", "b" * 9000), limit=5000)
    assert len(record.value) <= 5000
    told = read_message(record.headers, record.value)
    assert told["user_agent"]["original"].startswith("b" * 32)
    if encoder_of(encoding, "1.0").whole:
        assert ADAPTER.validate_python(told) == told
        assert "http.request.headers.x-long" in told["shipper"]["shortened"]


@every_encoding
def test_what_kafka_refuses_is_shortened_if_the_form_gives_it_back(encoding: str) -> None:
    """ECS and Avro are read and cut; of the others there is too little to do so."""
    encoder = encoder_of(encoding, "1.0")
    record = encoded(encoding, ("User-Agent", "b" * 9000))
    shorter = shorten(record, 5000)
    assert (shorter is not None) is encoder.whole is (encoding in WITH_SCHEMA)
    if shorter is not None:
        told = read_message(shorter.headers, shorter.value)
        assert len(shorter.value) <= 5000
        assert ADAPTER.validate_python(told) == told
        assert "user_agent.original" in told["shipper"]["shortened"]
    assert shorten(record, len(record.value)) is record


def test_a_form_that_is_none_is_refused_at_the_start() -> None:
    """In one line, with those that there are."""
    with pytest.raises(ConfigError, match=r"no encoding xml: there is ecs, avro, ocsf, cim"):
        builder(RecordSettings(encoding="xml"))


def test_without_headers_it_is_json() -> None:
    """As others' tools write it."""
    record = encoded("ecs")
    assert read_message((), record.value) == orjson.loads(record.value)


@pytest.mark.parametrize("headers", [made.headers for made in MESSAGES.values()], ids=ENCODINGS)
@given(value=st.binary(max_size=200) | st.binary(max_size=200).map(lambda raw: b"\x00" * 5 + raw))
@example(value=b'{"class_uid":4002,"unmapped":7}')
@example(value=b'{"class_uid":4002,"unmapped":{"http":1,"http.request":{}}}')
@example(value=b'{"event_id":[],"timestamp":{},"status":[],"duration":"x"}')
def test_what_is_no_record_is_said(headers: tuple[tuple[str, bytes], ...], value: bytes) -> None:
    """Whatever stands in a topic, it is a document or one kind of error."""
    with suppress(ValueError):
        assert isinstance(read_message(headers, value), dict)


@every_encoding
@given(cut=st.integers(0, 400), put=st.binary(max_size=12), at=st.integers(0, 400))
def test_a_damaged_record_is_read_or_said(encoding: str, cut: int, put: bytes, at: int) -> None:
    """Bytes left out of the middle, others put in."""
    whole = MESSAGES[encoding]
    damaged = whole.value[:at] + put + whole.value[at + cut :]
    with suppress(ValueError):
        assert isinstance(read_message(whole.headers, damaged), dict)


def test_avro_of_a_version_to_come_is_not_guessed() -> None:
    """Without its schema it can't be read."""
    headers = (("content-type", b"avro/binary"), ("schema-version", b"7.0"))
    with pytest.raises(ValueError, match=r"Avro of version 7\.0"):
        read_message(headers, b"")

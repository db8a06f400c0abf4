"""Accounts and dead letters: what they hold, and that a letter can always be written."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.record import LedgerBuilder, RecordRejected, RecordSettings
from shipper.record.schema import DEAD, LEDGER, LEDGERS, Contract

from .record_accounts import LATER, SECOND, attributed, ledger, letters, record
from .record_exchanges import CREATED, IDENTITY, OFFSET, V4, builder, exchange, response


def test_an_account_names_its_worker() -> None:
    """Key, topic, time and who wrote it."""
    message = LedgerBuilder(RecordSettings(), IDENTITY).build(ledger(1000), 4, CREATED)
    document = orjson.loads(message.value)
    assert LEDGER.adapter.validate_python(document) == document
    assert message.topic == "http.header.ledger.v1"
    assert message.key.decode() == document["event"]["id"] == f"{IDENTITY.ephemeral_id}-0-ledger-4"
    assert message.sequence == UNNUMBERED
    assert message.timestamp_ms == CREATED // 1_000_000
    assert document["agent"]["id"] == "agent-1"
    assert document["event"]["kind"] == "metric"
    assert ("schema-name", b"http.header.ledger.v1") in message.headers


@pytest.mark.parametrize("contract", LEDGERS, ids=lambda contract: contract.version)
def test_an_account_is_of_the_version_that_is_asked_for(contract: Contract) -> None:
    """An agent that stays on 1.0 writes nothing that came later, and says so beside the message."""
    builder = LedgerBuilder(RecordSettings(ledger_version=contract.version), IDENTITY)
    message = builder.build(builder.told(attributed(1000)), 0, CREATED)
    assert ("schema-version", contract.version.encode()) in message.headers
    document = orjson.loads(message.value)
    assert contract.adapter.validate_python(document) == document
    assert ("attribution" in document["ledger"]) is (contract.version != "1.0")


def test_what_a_version_has_no_place_for_is_refused() -> None:
    """The model of 1.0 is closed, as it always was."""
    with pytest.raises(RecordRejected, match=r"^ledger.attribution: extra_forbidden$"):
        LedgerBuilder(RecordSettings(), IDENTITY).build(attributed(1000), 0, CREATED)


def test_an_account_that_makes_no_sense_is_refused() -> None:
    """With the field at fault, and no value."""
    wrong = ledger(1000)
    wrong["sequence"]["next"] = -7
    with pytest.raises(RecordRejected, match=r"^ledger.sequence.next: greater_than_equal$"):
        LedgerBuilder(RecordSettings(), LATER).build(wrong, 0, CREATED)


def test_a_letter_holds_the_record_whole() -> None:
    """Its bytes, key, number, time and headers come back out of it."""
    whole = record(17)
    message = letters().letter(whole, "too_large", "Broker: Message size too large")
    document = orjson.loads(message.value)
    assert DEAD.adapter.validate_python(document) == document
    dead = document["dead"]
    assert dead["original"].encode() == whole.value
    assert dead["original_bytes"] == len(whole.value)
    assert dead["key"].encode() == message.key == whole.key
    assert (dead["sequence"], dead["timestamp_ms"]) == (17, whole.timestamp_ms)
    assert {n: v.encode("latin-1") for n, v in dead["headers"].items()} == dict(whole.headers)
    assert document["error"] == {"type": "too_large", "message": "Broker: Message size too large"}
    assert message.topic == "http.header.dead.v1"
    assert message.timestamp_ms == (CREATED + SECOND) // 1_000_000
    assert message.sequence == UNNUMBERED


def test_a_letter_about_an_account_has_no_number() -> None:
    """An account can be too large as well, and it is no record."""
    message = letters().letter(
        LedgerBuilder(RecordSettings(), IDENTITY).build(ledger(3), 0, OFFSET), "policy", ""
    )
    document = orjson.loads(message.value)
    assert DEAD.adapter.validate_python(document) == document
    assert "sequence" not in document["dead"]
    assert document["error"] == {"type": "policy"}


def test_what_did_not_validate_is_in_a_letter_of_its_own() -> None:
    """The rejection carries the redacted document, under a number of its own."""
    with pytest.raises(RecordRejected) as caught:
        builder().build(exchange(second=response(7), connection=V4), OFFSET, CREATED)
    message = letters().rejected(caught.value.document, caught.value.reason, 3)
    document = orjson.loads(message.value)
    assert DEAD.adapter.validate_python(document) == document
    assert message.key.decode() == f"{IDENTITY.ephemeral_id}-0-rejected-3"
    assert orjson.loads(document["dead"]["original"])["http"]["response"]["status_code"] == 7
    assert document["error"]["type"] == "invalid"
    assert "status_code" in document["error"]["message"]


@pytest.mark.parametrize("limit", [2000, 5000])
def test_a_letter_that_would_be_too_long_is_cut_and_says_so(limit: int) -> None:
    """Where even the dead letter topic would not take it."""
    whole = record()._replace(value=b'"' * 9000)
    message = letters(RecordSettings(letter_maximum_bytes=limit)).letter(whole, "too_large", "")
    document = orjson.loads(message.value)
    assert limit // 2 < len(message.value) <= limit
    assert document["dead"]["truncated"] is True
    assert document["dead"]["original_bytes"] == 9000
    assert DEAD.adapter.validate_python(document) == document


@pytest.mark.parametrize(
    "document",
    [{"a": "\ud800"}, {"a": 2**70}, {"a": {1, 2}}, {("b", 1): 2}, {}],
    ids=["surrogate", "long", "set", "key", "empty"],
)
def test_a_document_of_anything_makes_a_letter(document: dict[str, object]) -> None:
    """What no JSON encoder takes is written as well as it can be."""
    made = orjson.loads(letters().rejected(document, "x: y", 0).value)
    assert DEAD.adapter.validate_python(made) == made


@given(
    value=st.binary(max_size=200),
    key=st.text(max_size=20),
    words=st.tuples(st.text(max_size=20), st.text(max_size=40) | st.just("\udcff")),
    header=st.binary(max_size=20),
    now=st.integers(-(10**18), 10**19),
)
def test_no_record_is_refused_a_letter(
    value: bytes, key: str, words: tuple[str, str], header: bytes, now: int
) -> None:
    """Whatever bytes a record is made of, and whatever the clock says, its letter is valid."""
    whole = EncodedRecord(
        "t", key.encode("utf-8", "replace"), value, -5, (("h", header),), header, 3
    )
    message = letters(now_ns=lambda: now).letter(whole, *words)
    document = orjson.loads(message.value)
    assert DEAD.adapter.validate_python(document) == document
    assert document["dead"]["headers"]["h"].encode("latin-1") == header

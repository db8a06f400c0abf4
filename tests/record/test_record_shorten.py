"""Records that are too long, and what is left of them."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.record import EncodedRecord
from shipper.record import HeaderSettings, LedgerBuilder, RecordSettings, shorten
from shipper.record.model.record import ADAPTER

from .record_accounts import ledger, record
from .record_exchanges import CREATED, IDENTITY, OFFSET, builder, exchange, request, response

ALL = HeaderSettings(request=("*",), response=("*",))


def encoded(*headers: tuple[str, str], target: str = "/", limit: int = 900_000) -> EncodedRecord:
    """A record with these request headers."""
    made = builder(RecordSettings(headers=ALL, maximum_bytes=limit))
    whole = exchange(request(target, *headers), response(200))
    return made.encode(made.build(whole, OFFSET, CREATED), 7)


def cut(short: EncodedRecord | None) -> dict[str, Any]:
    """The document of a record that was shortened, valid and under its old key."""
    assert short is not None
    document: dict[str, Any] = orjson.loads(short.value)
    assert ADAPTER.validate_python(document) == document
    assert short.key.decode() == document["event"]["id"]
    return document


def test_what_fits_stays_as_it_is() -> None:
    """Nothing is touched that need not be."""
    whole = record()
    assert shorten(whole, len(whole.value)) is whole


def test_the_longest_header_gives_way_first() -> None:
    """The others keep every byte, and the record uses nearly all the room there is."""
    whole = encoded(("X-Long", "a" * 50_000), ("X-Short", "b" * 500), target="/" + "c" * 2000)
    short = shorten(whole, 20_000)
    document = cut(short)
    headers = document["http"]["request"]["headers"]
    assert document["shipper"]["shortened"] == ["http.request.headers.x-long"]
    assert headers["x-short"] == ["b" * 500]
    assert len(document["url"]["path"]) == 2001
    assert short is not None
    assert 19_000 < len(short.value) <= 20_000


def test_other_texts_follow_when_headers_do_not_suffice() -> None:
    """A long target stands in several fields of url, and each of them is cut and named."""
    document = cut(shorten(encoded(("A", "b" * 100), target="/" + "c" * 15_000), 8000))
    assert {"url.original", "url.path", "url.full"} <= set(document["shipper"]["shortened"])
    assert document["url"]["path"].startswith("/ccc")


def test_whole_headers_go_last() -> None:
    """Of a thousand short headers those that take the most room leave, and one mark says so."""
    whole = encoded(*((f"X-Header-{n}", "v") for n in range(1000)))
    document = cut(shorten(whole, 6000))
    assert document["shipper"]["shortened"] == ["http.request.headers"]
    assert 50 < len(document["http"]["request"]["headers"]) < 1000


def test_marks_add_up() -> None:
    """A record that is shortened once more names what was cut before, too."""
    once = shorten(encoded(("X-Long", "a" * 9000), target="/" + "c" * 5000), 20_000)
    assert once is not None
    document = cut(shorten(once, 4500))
    assert "http.request.headers.x-long" in document["shipper"]["shortened"]
    assert "url.path" in document["shipper"]["shortened"]


def test_what_can_not_be_cut_is_said() -> None:
    """A limit below the bare record, bytes that are no record, an account."""
    account = LedgerBuilder(RecordSettings(), IDENTITY).build(ledger(5), 0, CREATED)
    assert shorten(record(), 300) is None
    assert shorten(record()._replace(value=b"{" + b"x" * 500), 300) is None
    assert shorten(record()._replace(value=b"[" + b"1," * 500 + b"1]"), 300) is None
    assert shorten(account, 300) is None


def test_the_builder_shortens_what_is_beyond_its_limit() -> None:
    """And counts it; a record within the limit is not marked."""
    made = builder(RecordSettings(headers=ALL, maximum_bytes=5000))
    whole = exchange(request("/", ("X-Long", "a" * 9000)))
    document = cut(made.encode(made.build(whole, OFFSET, CREATED), 7))
    assert document["shipper"]["shortened"] == ["http.request.headers.x-long"]
    assert made.shortened == 1
    small = made.encode(made.build(exchange(), OFFSET, CREATED), 8)
    assert b"shortened" not in small.value
    assert made.shortened == 1


@given(
    values=st.lists(
        st.text(st.characters(max_codepoint=255), min_size=1, max_size=3000), max_size=12
    ),
    target=st.text(st.characters(max_codepoint=255), max_size=4000),
    limit=st.integers(3000, 20_000),
)
def test_whatever_a_peer_sends_is_brought_to_size(
    values: list[str], target: str, limit: int
) -> None:
    """Texts of any bytes, which take up to six bytes a character in JSON."""
    whole = encoded(*((f"X-{n}", v) for n, v in enumerate(values)), target=target)
    short = shorten(whole, limit)
    assert short is not None
    assert len(short.value) <= limit
    document = cut(short)
    assert ("shortened" in document["shipper"]) is (len(whole.value) > limit)


@pytest.mark.parametrize("limit", [2500, 4096])
def test_the_smallest_limit_that_is_configured_suffices(limit: int) -> None:
    """`record.max_bytes` may be 4096, and the worst message is brought to that."""
    long = "\x00" * 2000
    whole = encoded(*((f"X-{n}", long) for n in range(8)), target="/" + long)
    assert len(cut(shorten(whole, limit))["shipper"]["shortened"]) > 0

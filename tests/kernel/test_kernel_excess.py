"""Bytes that belong to no message: named, passed over, and kept in the kernel.

With both kinds of loops (bpf/lib/loop.h), because these are read byte by byte and line by line.
"""

from collections.abc import Iterator

import pytest

from shipper.capture.settings import CaptureSettings
from shipper.contract.events import Event, Flag, Kind

from .wire import Connection, Harness, headers, loaded

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
NAMED = Flag.EXCESS | Flag.BAD_CHUNK | Flag.OPEN_END | Flag.RESUMED


@pytest.fixture(scope="module", params=[False, True], ids=["may_goto", "bounded"])
def harness(request: pytest.FixtureRequest) -> Iterator[Harness]:
    """The program with loops of this kind."""
    yield from loaded(CaptureSettings(hook="replay", bounded_loops=request.param))


@pytest.fixture
def connection(harness: Harness) -> Connection:
    """A fresh connection that was seen from its SYN on."""
    return harness.connection()


def named(events: list[Event]) -> list[tuple[Kind, Flag]]:
    """The events that name something, and what."""
    return [(Kind(e.kind), Flag(e.flags) & NAMED) for e in events if e.flags & NAMED]


def test_more_than_the_length_says(connection: Connection) -> None:
    """In the segment in which the response ends it is told with its end, and once."""
    connection.ask(GET)
    events = connection.answer(OK + b"hello, and more")
    assert headers(events) == [OK]
    assert named(events) == [(Kind.HEADER, Flag.EXCESS)]
    connection.ask(GET)
    events = connection.answer(OK + b"hello")
    assert named(events) == [(Kind.HEADER, Flag.RESUMED)]


def test_more_in_the_segment_of_the_end(connection: Connection) -> None:
    """The end has an event of its own, and this rides on it."""
    connection.ask(GET)
    connection.answer(OK + b"he")
    events = connection.answer(b"llo, and more")
    assert named(events) == [(Kind.MESSAGE_END, Flag.EXCESS)]


def test_more_in_another_segment(connection: Connection) -> None:
    """The end was told before: it is told again with what came behind it, once."""
    connection.ask(GET)
    connection.answer(OK + b"hello")
    events = connection.answer(b" and") + connection.answer(b" more")
    assert [(event.kind, event.body_bytes) for event in events] == [(Kind.MESSAGE_END, 5)]
    assert named(events) == [(Kind.MESSAGE_END, Flag.EXCESS)]


@pytest.mark.parametrize("line", [b"\r\n", b"\r\n\r\n", b"\n"])
def test_empty_lines_are_nobodys(connection: Connection, line: bytes) -> None:
    """RFC 9112 section 2.2: they are passed over."""
    connection.ask(GET + line + GET)
    connection.answer(OK + b"hello" + line + OK + b"hello" + line)
    assert not named(connection.events)
    assert len(connection.exchanges()) == 2


@pytest.mark.parametrize("next_", [OK, b"http/1.1 200 OK\r\n\r\n", b"HT", b"H"])
def test_what_may_be_a_response_is_no_excess(connection: Connection, next_: bytes) -> None:
    """As far as its first bytes are there, in whatever case."""
    connection.ask(GET + GET)
    assert not named(connection.answer(OK + b"hello" + next_))


def test_a_line_between_requests(connection: Connection) -> None:
    """It is passed over, and the place kept."""
    events = connection.ask(GET + b"junk\r\n" + GET)
    assert headers(events) == [GET, GET]
    assert named(events) == [(Kind.MESSAGE_END, Flag.EXCESS)]


def test_lines_between_requests(connection: Connection) -> None:
    """Where no request follows the line, the place is lost: a body may hold anything."""
    events = connection.ask(GET + b"some\r\ntext\r\n" + GET)
    assert headers(events) == [GET]
    assert named(events) == [(Kind.MESSAGE_END, Flag.EXCESS)]
    assert named(connection.ask(GET)) == [(Kind.HEADER, Flag.RESUMED)]


@pytest.mark.parametrize(
    ("first", "counted"),
    [
        (b"EHLO a.example\r\nGET / HTTP/1.1\r\n\r\n", {}),
        (b"\x16\x03\x01\x02\0\x01" + bytes(60), {"server_tls": 1}),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"server_http2": 1}),
    ],
)
def test_another_protocol(harness: Harness, first: bytes, counted: dict[str, int]) -> None:
    """It is no excess of anything, and has no place to lose."""
    connection = harness.connection()
    before = harness.counters()
    assert not connection.ask(first)
    assert harness.counted(before) == {"packets": 1, **counted}


@pytest.mark.parametrize(
    "body",
    [
        b"xyz\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"3\r\nhello\r\n0\r\n\r\n",
        b"\r\n5\r\nhello\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFF5\r\nhello\r\n",
    ],
)
def test_a_line_that_is_no_chunks(connection: Connection, body: bytes) -> None:
    """Where the body ends nobody can tell; the next start line gives the place back."""
    connection.ask(GET)
    events = connection.answer(CHUNKED + body)
    assert headers(events) == [CHUNKED]
    assert named(events) == [(Kind.MESSAGE_END, Flag.BAD_CHUNK | Flag.OPEN_END)]
    connection.ask(GET)
    assert named(connection.answer(OK + b"hello")) == [(Kind.HEADER, Flag.RESUMED)]


@pytest.mark.parametrize(
    ("line", "odd"),
    [
        (b"5\r\n", False),
        (b"5 ;a=b\r\n", False),
        (b"5\n", True),
        (b"5;a\n", True),
        (b"5\r\r\n", True),
        (b"5;a\rb\r\n", True),
    ],
)
@pytest.mark.parametrize("apart", [False, True])
def test_a_chunks_line_without_crlf(
    connection: Connection, line: bytes, *, odd: bool, apart: bool
) -> None:
    """Readers differ in where it ends (RFC 9112 section 11.2); ours goes on at its LF."""
    connection.ask(GET)
    events = connection.answer(CHUNKED)
    body = line + b"hello\r\n0\r\n\r\n"
    for part in [bytes([byte]) for byte in body] if apart else [body]:
        events += connection.answer(part)
    assert named(events) == ([(Kind.MESSAGE_END, Flag.BAD_CHUNK)] if odd else [])
    assert [event.body_bytes for event in events if event.kind == Kind.MESSAGE_END] == [len(body)]


@pytest.mark.parametrize("trailer", [b"", b"A: b\r\n", b"A: " + b"b" * 60 + b"\r\nC: d\r\n"])
@pytest.mark.parametrize("at", [0, 7, 20])
def test_no_empty_line_behind_the_chunks(connection: Connection, trailer: bytes, at: int) -> None:
    """A status line is no trailer: the body ends before it, wherever the segments do."""
    connection.ask(GET + GET)
    first = CHUNKED + b"5\r\nhello\r\n0\r\n" + trailer
    if at:
        events = connection.answer(first) + connection.answer(OK[:at])
        events += connection.answer(OK[at:] + b"hello")
    else:
        events = connection.answer(first + OK + b"hello")
    assert b"".join(headers(events)) == CHUNKED + OK
    assert named(events) == [(Kind.MESSAGE_END, Flag.BAD_CHUNK)]
    assert [exchange.anomalies for exchange in connection.exchanges()] == [
        ("invalid_chunk",),
        (),
    ]


def test_deferred_requests_come_before_their_answers(connection: Connection) -> None:
    """What one chain of calls can't take of either side is told in the order of the wire."""
    connection.ask(GET * 45)
    connection.answer((OK + b"hello") * 45)
    connection.finish(connection.server)
    exchanges = connection.exchanges()
    assert len(exchanges) == 45
    assert all(exchange.incomplete == () for exchange in exchanges)

"""Where messages end: the kernel follows the framing (RFC 9112 section 6.3) by arithmetic."""

import pytest

from shipper.contract.events import Event, Flag, FlowEnd, Kind

from .wire import Connection, Harness, headers, said

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
TRAP = b"\r\n\r\nGET /trap HTTP/1.1\r\nContent-Length: 999\r\n\r\n"


def post(body: bytes, path: bytes = b"/") -> bytes:
    """A request's header block for a body."""
    return b"POST " + path + b" HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)


def ok(body: bytes) -> bytes:
    """A response's header block for a body."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)


def ends(events: list[Event]) -> list[int]:
    """Body bytes of each message that ended."""
    return [
        event.body_bytes
        for event in events
        if event.kind == Kind.MESSAGE_END or event.flags & Flag.MESSAGE_END
    ]


def test_keep_alive(connection: Connection) -> None:
    """Many exchanges on one connection, each with a body."""
    for number in range(20):
        body = TRAP * number
        connection.ask(post(body, b"/%d" % number) + body)
        connection.answer(ok(body) + body)
    exchanges = connection.exchanges()
    assert [e.request and e.request.target for e in exchanges] == [f"/{n}" for n in range(20)]
    assert all(
        e.response and e.response.body_bytes == len(TRAP) * n for n, e in enumerate(exchanges)
    )


def test_pipelined_in_one_segment(connection: Connection) -> None:
    """Requests with and without bodies, and their responses, in one segment each."""
    bodies = [b"", TRAP, b"", b"", b"x" * 100, TRAP]
    requests = [post(body) if body else GET for body in bodies]
    responses = [ok(body) for body in bodies]
    asked = connection.ask(b"".join(a + b for a, b in zip(requests, bodies, strict=True)))
    assert headers(asked) == requests
    answered = connection.answer(b"".join(a + b for a, b in zip(responses, bodies, strict=True)))
    assert headers(answered) == responses
    assert ends(asked) == ends(answered) == [len(body) for body in bodies]
    assert len(connection.exchanges()) == len(bodies)


def test_more_than_one_chain_of_calls_takes(kernel: Harness) -> None:
    """30 requests in a segment are followed; of 180 the rest comes with the packets that follow."""
    connection = kernel.connection()
    assert len(headers(connection.ask(b"GET / HTTP/1.1\n\n" * 30))) == 30
    before = kernel.counters()
    events = connection.ask(b"GET / HTTP/1.1\n\n" * 180)
    assert 32 <= len(headers(events)) < 180
    for _ in range(5):
        connection.answer(ok(b""))
    sides = [event.side for event in connection.events if event.kind == Kind.HEADER]
    assert (sides.count(sides[0]), len(sides)) == (30 + 180, 30 + 180 + 5)
    assert kernel.counted(before)["deferred"] == 5
    assert headers(connection.ask(GET)) == [GET]
    assert not any(event.flags & Flag.RESUMED for event in connection.events)


def test_end_and_start_in_one_segment(connection: Connection) -> None:
    """A body's end and the next response's start share a segment."""
    connection.ask(GET + GET)
    body = TRAP * 3
    connection.answer(ok(body) + body[:-7])
    events = connection.answer(body[-7:] + ok(b"ab") + b"ab")
    assert said(events) == [
        ("MESSAGE_END", "RESPONSE"),
        ("HEADER", "END|MESSAGE_END|RESPONSE|START"),
    ]
    assert ends(events) == [len(body), 2]


def test_head_does_not_swallow_the_next_response(connection: Connection) -> None:
    """A response to HEAD has a Content-Length and no body."""
    connection.ask(b"HEAD / HTTP/1.1\r\n\r\n" + GET)
    first, second = ok(b"x" * 5000), ok(b"ab")
    events = connection.answer(first + second + b"ab")
    assert headers(events) == [first, second]
    assert ends(events) == [0, 2]


def test_more_requests_in_flight_than_remembered(kernel: Harness) -> None:
    """GETs beyond the queue are only numbered; a HEAD among them costs the place, counted."""
    connection = kernel.connection()
    for _ in range(40):
        connection.ask(GET)
    for _ in range(40):
        assert ends(connection.answer(ok(TRAP) + TRAP)) == [len(TRAP)]
    before = kernel.counters()
    for number in range(40):
        connection.ask(b"HEAD / HTTP/1.1\r\n\r\n" if number == 35 else GET)
    for _ in range(32):
        assert ends(connection.answer(ok(b"ab") + b"ab")) == [2]
    connection.answer(ok(b"ab") + b"ab")
    counted = kernel.counted(before)
    assert counted["kind_queue_full"] == 8
    assert counted["place_lost"] == 1


@pytest.mark.parametrize("status", [100, 103, 199, 204, 304])
def test_statuses_without_a_body(connection: Connection, status: int) -> None:
    """1xx, 204 and 304 end with their header block, whatever their fields say."""
    connection.ask(GET + GET)
    first = b"HTTP/1.1 %d X\r\nContent-Length: 700\r\nTransfer-Encoding: chunked\r\n\r\n" % status
    events = connection.answer(first + ok(b"ab") + b"ab")
    assert headers(events) == [first, ok(b"ab")]
    assert ends(events) == [0, 2]


def test_interim_responses_take_no_request(connection: Connection) -> None:
    """After 100 the response to HEAD is still one to HEAD."""
    connection.ask(b"HEAD / HTTP/1.1\r\n\r\n" + GET)
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    events = connection.answer(interim + ok(b"x" * 9000) + ok(b"ab") + b"ab")
    assert headers(events) == [interim, ok(b"x" * 9000), ok(b"ab")]


@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (b"CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n"),
        (b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", b"HTTP/1.1 101 Switching\r\n\r\n"),
    ],
)
def test_tunnels_are_left_alone(kernel: Harness, request_: bytes, response: bytes) -> None:
    """After 2xx to CONNECT, and after 101, nothing of the connection is read any more."""
    connection = kernel.connection()
    before = kernel.counters()
    connection.ask(request_)
    events = connection.answer(response + GET)
    assert [event.kind for event in events] == [Kind.HEADER, Kind.FLOW_END]
    assert events[-1].reason == FlowEnd.TUNNEL
    assert connection.ask(GET) == connection.answer(ok(b"ab")) == []
    assert kernel.counted(before)["flows_tunnel"] == 1
    (exchange,) = connection.exchanges()
    assert exchange.incomplete == ()


def test_refused_connect_is_http(connection: Connection) -> None:
    """A CONNECT that is answered otherwise leaves the connection with HTTP."""
    connection.ask(b"CONNECT a:443 HTTP/1.1\r\n\r\n")
    assert ends(connection.answer(b"HTTP/1.1 407 No\r\nContent-Length: 2\r\n\r\nab")) == [2]
    assert headers(connection.ask(GET)) == [GET]


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunks(*parts: bytes, extension: bytes = b"", trailer: bytes = b"") -> bytes:
    """A chunked body (RFC 9112 section 7.1)."""
    lines = [b"%x%b\r\n%b\r\n" % (len(part), extension, part) for part in parts]
    return b"".join(lines) + b"0" + extension + b"\r\n" + trailer + b"\r\n"


@pytest.mark.parametrize(
    "body",
    [
        chunks(b"hello"),
        chunks(),
        chunks(TRAP, TRAP, b"x" * 300),
        chunks(b"a" * 17, extension=b";name=value"),
        chunks(b"ab", trailer=b"Checksum: 1\r\nX: y\r\n"),
        b"000A\r\n0123456789\r\n0000\r\n\r\n",
        b"A\n0123456789\r\n0\n\n",
    ],
)
def test_chunked_split_at_every_byte(kernel: Harness, body: bytes) -> None:
    """Size lines, extensions, chunks and trailers split anywhere; the end is found, data is not."""
    for at in range(1, len(body)):
        connection = kernel.connection()
        connection.ask(GET + GET)
        events = connection.answer(CHUNKED + body[:at]) + connection.answer(body[at:] + ok(b""))
        assert headers(events) == [CHUNKED, ok(b"")], at
        assert ends(events) == [len(body), 0], at


def test_many_chunks_in_one_segment(connection: Connection) -> None:
    """A thousand chunks of one byte; more than one run of the program could take one by one."""
    body = chunks(*[b"z"] * 1000)
    connection.ask(GET + GET)
    events = connection.answer(CHUNKED + body + ok(b""))
    assert headers(events) == [CHUNKED, ok(b"")]
    assert ends(events) == [len(body), 0]


def test_chunked_byte_by_byte(connection: Connection) -> None:
    """Segments of one byte."""
    body = chunks(b"hello", TRAP, extension=b";a", trailer=b"X: y\r\n")
    connection.ask(GET)
    events = [e for byte in CHUNKED + body for e in connection.answer(bytes([byte]))]
    assert b"".join(headers(events)) == CHUNKED
    assert ends(events) == [len(body)]


def test_invalid_chunk_size_costs_the_place(kernel: Harness) -> None:
    """What is no size is counted, and nothing is read until a segment starts like a message."""
    connection = kernel.connection()
    connection.ask(GET)
    before = kernel.counters()
    connection.answer(CHUNKED + b"xyz\r\n" + TRAP)
    assert kernel.counted(before)["place_lost"] == 1
    assert connection.answer(TRAP) == []
    (event,) = connection.answer(ok(b""))
    assert event.flags & Flag.RESUMED


def test_until_close(connection: Connection) -> None:
    """A response without framing ends at FIN, with what was sent until then counted once."""
    connection.ask(GET)
    events = connection.answer(b"HTTP/1.0 200 OK\r\n\r\n" + TRAP)
    assert events[0].flags & Flag.UNTIL_CLOSE
    connection.answer(TRAP * 4)
    connection.packet(connection.server, TRAP, at=connection.server.sequence - len(TRAP))
    connection.answer(TRAP)
    events = connection.finish(connection.server)
    assert [event.kind for event in events] == [Kind.MESSAGE_END, Kind.FLOW_END]
    assert ends(events) == [len(TRAP) * 6]
    assert connection.finish(connection.client) == []
    (exchange,) = connection.exchanges()
    assert exchange.incomplete == ()


@pytest.mark.parametrize("sequence", [1000, (1 << 32) - 1500, (1 << 32) - 1])
def test_long_body(kernel: Harness, sequence: int) -> None:
    """Content-Length beyond 4 GiB: arithmetic in 64 bits over a sequence that wraps."""
    connection = kernel.connection(client_sequence=sequence)
    size = (1 << 32) + 5_000_000_000
    connection.ask(b"PUT /big HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % size)
    step, sent = 1 << 30, 0
    while sent + step < size:  # the segments between are not shown: a body's holes do not matter
        sent += step
        connection.client.sequence += step - 100
        connection.packet(connection.server)  # the receiver has what was not shown
        assert connection.ask(TRAP + b"y" * (100 - len(TRAP))) == []
    rest = size - sent
    connection.client.sequence += rest - 100
    connection.packet(connection.server)
    events = connection.ask(b"y" * 100 + GET)
    assert ends(events) == [size, 0]
    assert headers(events) == [GET]


@pytest.mark.parametrize("before_wrap", range(0, 60, 7))
def test_sequence_wrap(kernel: Harness, before_wrap: int) -> None:
    """The sequence wraps inside a header block, its body, and between messages."""
    connection = kernel.connection(client_sequence=(1 << 32) - before_wrap - 1)
    for _ in range(3):
        for part in (post(b"hello")[:20], post(b"hello")[20:] + b"he", b"llo"):
            connection.ask(part)
        connection.answer(ok(b""))
    assert len(connection.exchanges()) == 3
    assert all(exchange.incomplete == () for exchange in connection.exchanges())


@pytest.mark.parametrize(
    "field",
    [b"Content-Length: 5, 5", b"Content-Length: x", b"Content-Length: +5", b"Content-Length:"],
)
def test_unusable_length_costs_the_place(kernel: Harness, field: bytes) -> None:
    """A length that is no number: the block is handed out, and the rest is not guessed at."""
    connection = kernel.connection()
    before = kernel.counters()
    block = b"POST / HTTP/1.1\r\n" + field + b"\r\n\r\n"
    assert headers(connection.ask(block + TRAP)) == [block]
    assert kernel.counted(before)["place_lost"] == 1
    (event,) = connection.ask(GET)
    assert event.flags & Flag.RESUMED


def test_chunked_overrides_length(connection: Connection) -> None:
    """Transfer-Encoding wins (RFC 9112 section 6.3)."""
    block = b"POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
    assert headers(connection.ask(block + chunks(TRAP) + GET)) == [block, GET]


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nContent-Length: 6",
        b"Content-Length: 6\r\nX: y\r\nContent-Length: 5",
        b"Content-Length: 5\r\n 6",
        b"Content-Length: 5 6",
        b"Content-Length: +5",
        b"Content-Length: 5\rX",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: \x0bchunked",
        b"Transfer-Encoding: chunked, gzip",
        b"Transfer-Encoding: chunked;x=y",
        b"Transfer-Encoding: x:chunked",
        b"Transfer-Encoding:\r\n chunked",
        b"Transfer-Encoding: gzip",
    ],
)
def test_doubtful_framing(connection: Connection, lines: bytes) -> None:
    """Where readers would disagree about the body's end, nothing in it is believed.

    The next segment that begins with a start line is, and says so.
    """
    (event,) = connection.ask(b"POST / HTTP/1.1\r\n" + lines + b"\r\n\r\nhello" + GET)
    assert not event.flags & (Flag.MESSAGE_END | Flag.CHUNKED)
    (event,) = connection.ask(GET)
    assert event.flags & Flag.RESUMED


@pytest.mark.parametrize(
    ("lines", "body"),
    [
        (b"Content-Length: 5\r\nContent-Length: 5", b"hello"),
        (b"Content-Length:5 \t", b"hello"),
        (b"content-length : 5", b"hello"),
        (b"Content-Length: 77\r\nTransfer-Encoding: chunked", b"0\r\n\r\n"),
        (b"Transfer-Encoding: gzip, Chunked", b"0\r\n\r\n"),
        (b"Transfer-Encoding:chunked\t", b"0\r\n\r\n"),
        (b"Transfer-Encoding: identity\r\nContent-Length: 5", b"hello"),
        (b"Transfer-Encoding-X: chunked\r\nContent-Length: 5", b"hello"),
        (b"X: y\r\n Content-Length: 77\r\nContent-Length: 5", b"hello"),
    ],
)
def test_clear_framing(connection: Connection, lines: bytes, body: bytes) -> None:
    """What leaves no doubt, however it is spelled."""
    events = connection.ask(b"POST / HTTP/1.1\r\n" + lines + b"\r\n\r\n" + body + GET)
    assert [event.data[:3] for event in events if event.kind == Kind.HEADER] == [b"POS", b"GET"]
    assert ends(events) == [len(body), 0]


def test_a_body_that_was_not_wanted(connection: Connection) -> None:
    """Expect, and a final answer before the body: the client may go on without it."""
    connection.ask(b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 50\r\n\r\n")
    connection.answer(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n")
    assert headers(connection.ask(GET)) == [GET]


@pytest.mark.parametrize("status", [b"099", b"0200", b"abc", b"2000"])
def test_odd_status_is_a_final_answer(connection: Connection, status: bytes) -> None:
    """It takes its request's place, and its body is framed by its fields."""
    connection.ask(b"HEAD / HTTP/1.1\r\n\r\n" + GET)
    first = b"HTTP/1.1 " + status + b" X\r\nContent-Length: 9\r\n\r\n"
    events = connection.answer(first + ok(b"hello") + b"hello" + ok(b"") * 2)
    assert headers(events)[:2] == [first, ok(b"hello")]
    assert ends(events)[:2] == [0, 5]

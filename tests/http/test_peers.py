"""What real peers send, each kind once: through the parser, and through assembly in any pieces.

Beside these: HTTP/0.9 in test_simple, junk and roles in test_pairing, single lines in test_block.
"""

from dataclasses import dataclass

import pytest
from wire import CLIENT, GET, NOT_FOUND, OK, SERVER, WHOLE, Wire, run, summary

from shipper.contract.events import Flag, FlowEnd, Kind
from shipper.contract.exchange import Request, Response
from shipper.http import Assembler
from shipper.http.block import RequestHead, parse_block

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"


@dataclass(frozen=True)
class Peer:
    """One block as it is sent, and what is told of it."""

    name: str
    block: bytes
    first: tuple[str, str] | int | None  # method and target, or status
    version: str | None
    headers: list[tuple[str, str]]
    anomalies: tuple[str, ...] = ()


H = ("Host", "h")
PEERS = [
    Peer("origin form", b"GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n", ("GET", "/a?b"), "1.1", [H]),
    Peer(
        "absolute form",
        b"GET http://h:80/a HTTP/1.1\r\nHost: h\r\n\r\n",
        ("GET", "http://h:80/a"),
        "1.1",
        [H],
    ),
    Peer(
        "absolute form of another host",
        b"GET http://evil/ HTTP/1.1\r\nHost: h\r\n\r\n",
        ("GET", "http://evil/"),
        "1.1",
        [H],
        ("host_mismatch",),
    ),
    Peer(
        "authority form",
        b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n",
        ("CONNECT", "h:443"),
        "1.1",
        [H],
    ),
    Peer("asterisk form", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", ("OPTIONS", "*"), "1.1", [H]),
    Peer(
        "folded header",
        b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n\tc\r\n  d\r\n\r\n",
        ("GET", "/"),
        "1.1",
        [H, ("A", "b c d")],
        ("obs_fold",),
    ),
    Peer(
        "bare LF throughout",
        b"GET / HTTP/1.1\nHost: h\nA: b\n\n",
        ("GET", "/"),
        "1.1",
        [H, ("A", "b")],
        ("bare_lf",),
    ),
    Peer(
        "white space where none belongs",
        b"GET  / HTTP/1.1\r\n A: b\r\nHost : h\r\nC:\t d \t\r\n\r\n",
        ("GET", "/"),
        "1.1",
        [H, ("C", "d")],
        ("start_line_whitespace", "leading_whitespace_in_headers", "space_before_colon"),
    ),
    Peer(
        "repeated and empty headers, names in any case",
        b"GET / HTTP/1.1\r\nHOST: h\r\nx-a: 1\r\nCookie: a\r\nX-A:\r\nX-a: 1\r\ncookie: c\r\n\r\n",
        ("GET", "/"),
        "1.1",
        [
            ("HOST", "h"),
            ("x-a", "1"),
            ("Cookie", "a"),
            ("X-A", ""),
            ("X-a", "1"),
            ("cookie", "c"),
        ],
    ),
    Peer(
        "bytes beyond ASCII",
        "GET /stra\u00dfe HTTP/1.1\r\nHost: h\r\nX: \u00fc\u20ac\r\n\r\n".encode(),
        ("GET", "/stra\xc3\x9fe"),
        "1.1",
        [H, ("X", "\xc3\xbc\xe2\x82\xac")],
        ("non_ascii_target",),
    ),
    Peer(
        "every byte that a value may hold, and some more",
        b"GET / HTTP/1.1\r\nHost: h\r\nX: "
        + bytes({*range(1, 256)} - {9, 10, 13, 32})
        + b"\r\n\r\n",
        ("GET", "/"),
        "1.1",
        [H, ("X", "".join(map(chr, sorted({*range(1, 256)} - {9, 10, 13, 32}))))],
        ("control_character",),
    ),
    Peer(
        "NUL",
        b"GET /\0 HTTP/1.1\r\nHost: h\r\nA: \0\r\n\r\n",
        ("GET", "/\0"),
        "1.1",
        [H, ("A", "\0")],
        ("nul",),
    ),
    Peer(
        "target with spaces",
        b"GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
        ("GET", "/a b"),
        "1.1",
        [H],
        ("target_with_spaces",),
    ),
    Peer(
        "missing version",
        b"GET /a\r\nHost: h\r\n\r\n",
        ("GET", "/a"),
        None,
        [H],
        ("missing_version",),
    ),
    Peer(
        "unregistered method",
        b"BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n",
        ("BREW", "/pot"),
        "1.1",
        [H],
        ("unregistered_method",),
    ),
    Peer(
        "empty lines before the request",
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        ("GET", "/"),
        "1.1",
        [H],
    ),
    Peer("plain response", b"HTTP/1.1 200 OK\r\nA: b\r\n\r\n", 200, "1.1", [("A", "b")]),
    Peer("no reason", b"HTTP/1.1 200\r\nA: b\r\n\r\n", 200, "1.1", [("A", "b")]),
    Peer(
        "HTTP/2 in words",
        b"HTTP/2.0 200 OK\r\nA: b\r\n\r\n",
        200,
        "2.0",
        [("A", "b")],
        ("unusual_version",),
    ),
    Peer(
        "two digits too many",
        b"HTTP/1.10 2000 OK\r\nA: b\r\n\r\n",
        None,
        "1.10",
        [("A", "b")],
        ("invalid_status", "unusual_version"),
    ),
    Peer(
        "no status",
        b"HTTP/1.1 abc\r\nA: b\r\n\r\n",
        None,
        "1.1",
        [("A", "b")],
        ("invalid_status",),
    ),
    Peer(
        "lower case",
        b"http/1.1 200 ok\r\nA: b\r\n\r\n",
        200,
        "1.1",
        [("A", "b")],
        ("unusual_version",),
    ),
    Peer(
        "response with lines that are none",
        b"HTTP/1.1 200 OK\nno header\nA: b\n: c\n\n",
        200,
        "1.1",
        [("A", "b")],
        ("bare_lf", "invalid_header_line", "empty_header_name"),
    ),
]


def told(message: Request | Response | None) -> tuple[object, str | None, list[tuple[str, str]]]:
    """What a message says of itself."""
    assert message
    first = (message.method, message.target) if isinstance(message, Request) else message.status
    return first, message.version, list(message.headers)


@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_parsed(peer: Peer) -> None:
    """By the parser alone."""
    head = parse_block(peer.block)
    message = head.request if isinstance(head, RequestHead) else head.response
    assert told(message) == (peer.first, peer.version, peer.headers)
    assert tuple(head.anomalies) == peer.anomalies


@pytest.mark.parametrize("step", [1, 7, 9999])
@pytest.mark.parametrize("peer", PEERS, ids=lambda peer: peer.name)
def test_assembled(peer: Peer, step: int) -> None:
    """In an exchange whose other half is as usual, byte by byte or in one piece."""
    wire = Wire()
    asks = not peer.block.upper().startswith(b"HTTP/")
    splits = range(0, len(peer.block), step)
    events = wire.send(CLIENT, peer.block, splits=splits) if asks else wire.send(CLIENT, GET)
    events += wire.send(SERVER, NOT_FOUND) if asks else wire.send(SERVER, peer.block, splits=splits)
    [exchange] = run(events)
    message = exchange.request if asks else exchange.response
    assert message
    assert told(message) == (peer.first, peer.version, peer.headers)
    assert message.header_bytes == len(peer.block)
    assert exchange.anomalies == peer.anomalies
    assert exchange.incomplete == ()


def test_interim_responses_several_times() -> None:
    """1xx as often as it comes, between two exchanges that have none."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND) + wire.send(CLIENT, GET)
    for interim in (CONTINUE, EARLY_HINTS, EARLY_HINTS):
        events += wire.send(SERVER, interim, splits=[9])
    events += wire.send(SERVER, OK, body=5) + wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    exchanges = run(events)
    assert summary(exchanges) == [("/one", 404, []), ("/one", 200, []), ("/one", 404, [])]
    assert [each.response and each.response.interim for each in exchanges] == [
        (),
        (100, 103, 103),
        (),
    ]


@pytest.mark.parametrize(
    ("ask", "answer"),
    [
        (
            b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
        ),
        (
            b"GET /chat HTTP/1.1\r\nHost: h\r\nUpgrade: h2c\r\n\r\n",
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        ),
        (
            b"CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n",
            b"HTTP/1.1 200 Connected\r\n\r\n",
        ),
    ],
)
def test_what_follows_a_tunnel_is_not_http(ask: bytes, answer: bytes) -> None:
    """The exchange is whole, and nothing behind it becomes one, whatever it looks like."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, ask) + wire.send(SERVER, answer, body=None)
    assert summary(run(events, assembler))[0][2] == []
    events = [wire.end(FlowEnd.TUNNEL), wire.event(SERVER, Kind.MESSAGE_END), wire.gap(CLIENT, 9)]
    events += [wire.event(CLIENT, data=b"\x81\x05hello"), wire.end()]
    assert run(events, assembler, close=True) == []
    assert assembler.connections == 0


@pytest.mark.parametrize("fields", [b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n"])
def test_connect_whose_answer_announces_a_body(fields: bytes) -> None:
    """It frames nothing (RFC 9110 section 9.3.6), and who takes it for a body reads the tunnel."""
    wire = Wire()
    events = wire.send(CLIENT, b"CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n")
    events += wire.send(SERVER, b"HTTP/1.1 200 OK\r\n" + fields + b"\r\n", body=None)
    [exchange] = run(events)
    assert exchange.response
    assert exchange.response.body_bytes == 0
    assert exchange.anomalies == ("framing_without_body",)


def test_early_response_and_the_body_that_still_comes() -> None:
    """The request's body may end after its exchange was told; the next one is not disturbed."""
    wire = Wire()
    assembler = Assembler()
    post = b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 99999\r\n\r\n"
    events = wire.send(CLIENT, post, body=None)
    events += wire.send(SERVER, NOT_FOUND.replace(b"404 Not Found", b"413 Content Too Large"))
    wire.skip(CLIENT, 99999)
    events += [wire.event(CLIENT, Kind.MESSAGE_END, body=99999), *wire.send(CLIENT, GET)]
    events += wire.send(SERVER, OK, body=5)
    assert summary(run(events, assembler)) == [("/", 413, []), ("/one", 200, [])]
    assert assembler.counters["message_end_after_exchange"] == 1


def test_status_that_can_t_be_read_answers_all_the_same() -> None:
    """Requests that follow keep their own answers."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, GET)
    events += wire.send(SERVER, b"HTTP/1.1 xyz\r\nContent-Length: 0\r\n\r\n")
    events += wire.send(SERVER, NOT_FOUND)
    exchanges = run(events)
    assert summary(exchanges) == [("/one", None, []), ("/one", 404, [])]
    assert exchanges[0].anomalies == ("invalid_status",)


def test_cut_block_in_an_exchange() -> None:
    """A block of which the kernel took no more: named, and paired all the same."""
    wire = Wire()
    one = wire.event(CLIENT, flags=Flag.START | Flag.CUT, data=GET[:-2] + b"X: a")
    [exchange] = run([one, *wire.send(SERVER, NOT_FOUND)])
    assert summary([exchange]) == [("/one", 404, [])]
    assert exchange.anomalies == ("oversized_block",)


def test_response_without_a_request() -> None:
    """On a connection joined late, in the middle of an exchange."""
    wire = Wire(late=True)
    events = wire.send(SERVER, OK, body=5) + wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    exchanges = run(events)
    assert summary(exchanges) == [(None, 200, ["no_request"]), ("/one", 404, [])]
    assert [each.joined_late for each in exchanges] == [True, True]


def test_answer_without_a_status_line_behind_a_whole_request() -> None:
    """A request of HTTP/1.1 that something else answers (SSH, ICY): not HTTP/0.9."""
    wire = Wire()
    simple = wire.event(SERVER, flags=WHOLE | Flag.UNTIL_CLOSE | Flag.SIMPLE)
    events = [*wire.send(CLIENT, GET), simple, wire.event(SERVER, Kind.MESSAGE_END, body=9)]
    [exchange] = run(events)
    assert exchange.request
    assert exchange.response
    assert (exchange.request.version, exchange.response.version) == ("1.1", None)
    assert exchange.anomalies == ("unreadable_response",)

"""Header blocks in order: found whatever the method and the split, whole, cut when too long."""

import re

import pytest

from shipper.contract.events import Flag, Kind

from .wire import Connection, Harness, headers, said

#: https://www.iana.org/assignments/http-methods, without PRI (HTTP/2's preface), and QUERY
METHODS = re.findall(
    r"[\w-]+",
    """ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK
MERGE MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST
PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE
UPDATEREDIRECTREF VERSION-CONTROL""",
)

REQUEST = b"POST /a HTTP/1.1\r\nHost: example.org\r\nContent-Length: 5\r\nX: y\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nServer: s\r\nContent-Length: 5\r\nX: y\r\n\r\n"
BODY = b"hello"


@pytest.mark.parametrize("method", METHODS)
def test_methods(connection: Connection, method: str) -> None:
    """Every registered method begins a request, whatever the port."""
    request = f"{method} /x HTTP/1.1\r\nHost: a\r\n\r\n".encode()
    assert headers(connection.ask(request)) == [request]


ODD_LINES = [
    *(f"{word} /x HTTP/1.1" for word in ("GETX", "get", "FOO", "M-SEARCH", "UPDATEREDIRECTREFS")),
    " GET / HTTP/1.1",
    "\tGET / HTTP/1.1",
    "GET  /  HTTP/1.1",
    "GET\t/\tHTTP/1.1",
    "GET  HTTP/1.1",
]


@pytest.mark.parametrize("line", ODD_LINES)
def test_odd_request_lines(kernel: Harness, line: str) -> None:
    """A method that nobody registered, white space: a line that names HTTP/1 begins a request."""
    request = f"{line}\r\nHost: a\r\n\r\n".encode()
    for earlier in ([], [request], [b"GET / HTTP/1.1\r\n\r\n"]):
        connection = kernel.connection()
        for sent in earlier:
            connection.ask(sent)
        assert headers(connection.ask(request)) == [request]


@pytest.mark.parametrize("line", ["FOO /x HTTP/1.1", "FOO /" + 60 * "x" + " HTTP/1.1"])
def test_an_odd_request_line_may_be_cut(kernel: Harness, line: str) -> None:
    """On a connection that speaks HTTP also where its segments end inside the line."""
    request = f"{line}\r\nHost: a\r\n\r\n".encode()
    for cut in range(1, len(line)):
        connection = kernel.connection()
        connection.ask(b"GET / HTTP/1.1\r\n\r\n")
        events = connection.ask(request[:cut]) + connection.ask(request[cut:])
        assert b"".join(headers(events)) == request, cut


@pytest.mark.parametrize("banner", [b"220 ready\r\n", b"\x04\x05\x06" * 9, b"ok"])
def test_other_words(kernel: Harness, banner: bytes) -> None:
    """Where neither side's first bytes are HTTP the connection is left alone."""
    before = kernel.counters()
    connection = kernel.connection()
    assert connection.ask(b"GETX /x\r\nHost: a\r\n\r\n") == []
    assert connection.answer(banner) == []
    assert connection.ask(b"GET / HTTP/1.1\r\n\r\n") == []
    assert kernel.counted(before)["server_other"] == 1


def test_one_side_alone_is_not_waited_for(kernel: Harness) -> None:
    """Of a capture that shows one direction of something else, a few segments are looked at."""
    before = kernel.counters()
    connection = kernel.connection()
    for _ in range(12):
        connection.ask(b"something else\r\n")
    assert kernel.counted(before)["server_other"] == 1


def test_the_answer_decides(kernel: Harness) -> None:
    """A first request like no other, answered in HTTP: the answer is told, and all that follows."""
    connection = kernel.connection()
    assert connection.ask(b"\x07\x01\x00") == []
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    assert headers(connection.answer(answer)) == [answer]
    (event,) = connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    assert event.flags & Flag.RESUMED
    assert headers(connection.answer(answer)) == [answer]


@pytest.mark.parametrize(
    ("junk", "line"),
    [
        (b"", b"HTTP/2.0 200 OK"),
        (b"", b"HTTP/0.9 200 OK"),
        (b"", b"HTTP/01.1 200 OK"),
        (b"", b"http/1.1 200 OK"),
        (b" ", b"HTTP/1.1 200 OK"),
        (b"junk\r\n", b"HTTP/1.1 200 OK"),
        (b"junk", b"HTTP/1.1 200 OK"),
        (b"\xef\xbb\xbf", b"HTTP/1.1 200 OK"),
    ],
)
def test_odd_status_lines(connection: Connection, junk: bytes, line: bytes) -> None:
    """Another version, or junk in front, which is passed over and flagged; the body is framed."""
    connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    block = line + b"\r\nContent-Length: 5\r\n\r\n"
    (event,) = connection.answer(junk + block + b"hello")
    assert event.data == block
    assert bool(event.flags & Flag.JUNK) is bool(junk)
    assert (event.flags & Flag.MESSAGE_END, event.body_bytes) == (Flag.MESSAGE_END, 5)


def test_answer_without_a_status_line(kernel: Harness) -> None:
    """HTTP/0.9: all of it is a body, of which nothing is told but its length."""
    connection = kernel.connection()
    connection.ask(b"GET /page\r\n")
    (event,) = connection.answer(b"<html>" + BODY)
    assert Flag(event.flags) == (
        Flag.RESPONSE | Flag.START | Flag.END | Flag.UNTIL_CLOSE | Flag.SIMPLE
    )
    assert event.data == b""
    assert connection.answer(BODY + b"HTTP/1.1 200 OK\r\n\r\n") == []
    end, closed = connection.finish(connection.server)
    assert (end.kind, end.body_bytes) == (Kind.MESSAGE_END, 6 + 2 * len(BODY) + 19)
    assert closed.kind == Kind.FLOW_END


def test_no_status_line_for_a_request_with_a_version(connection: Connection) -> None:
    """It is told that there was an answer; the next one begins where a segment does."""
    connection.ask(b"GET / HTTP/1.1\r\n\r\n")
    (event,) = connection.answer(b"what?")
    assert Flag(event.flags) == Flag.RESPONSE | Flag.START | Flag.END | Flag.SIMPLE
    connection.ask(b"GET /b HTTP/1.1\r\n\r\n")
    (event,) = connection.answer(b"HTTP/1.1 204 X\r\n\r\n")
    assert event.flags & Flag.RESUMED


V2 = b"\r\n\r\n\0\r\nQUIT\n"


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY TCP4 192.0.2.1 192.0.2.2 5 80\r\n",
        b"PROXY UNKNOWN\r\n",
        V2 + b"\x21\x11\x00\x0c" + bytes(12),
        V2 + b"\x20\x00\x00\x00",
        V2 + b"\x21\x11\x01\x00" + b"\r\n\r\n" * 64,
    ],
)
@pytest.mark.parametrize("together", [True, False])
def test_proxy_protocol(connection: Connection, header: bytes, together: bool) -> None:  # noqa: FBT001
    """A PROXY header in front of the first request is handed out by itself."""
    request = b"GET / HTTP/1.1\r\n\r\n"
    events = (
        connection.ask(header + request)
        if together
        else connection.ask(header) + connection.ask(request)
    )
    assert headers(events) == [header, request]
    assert events[0].flags == Flag.REQUEST | Flag.START | Flag.END | Flag.PROXY
    assert not events[1].flags & (Flag.PROXY | Flag.RESUMED)


@pytest.mark.parametrize(
    "target", [b"/", b"*", b"http://a/b", b"a.example:443", b"[::1]:443", b"?q", b"/a b c"]
)
def test_targets(connection: Connection, target: bytes) -> None:
    """Origin, absolute, authority and asterisk form, and what ought not to be sent."""
    request = b"OPTIONS " + target + b" HTTP/1.1\r\nHost: a\r\n\r\n"
    assert headers(connection.ask(request)) == [request]


def test_whole_message_in_one_segment(connection: Connection) -> None:
    """Head and body in one segment: the block alone, and that the message ended with it."""
    (event,) = connection.ask(REQUEST + BODY)
    assert event.data == REQUEST
    assert Flag(event.flags) == Flag.REQUEST | Flag.START | Flag.END | Flag.MESSAGE_END
    assert event.body_bytes == 5
    assert event.sequence == 1001
    (event,) = connection.answer(RESPONSE + BODY)
    assert event.data == RESPONSE
    assert Flag(event.flags) == Flag.RESPONSE | Flag.START | Flag.END | Flag.MESSAGE_END
    (whole,) = connection.exchanges()
    assert whole.request is not None
    assert whole.response is not None
    assert (whole.request.method, whole.response.status) == ("POST", 200)


@pytest.mark.parametrize("six", [False, True])
def test_split_at_every_byte(kernel: Harness, six: bool) -> None:  # noqa: FBT001
    """Two segments, the border at each byte of head and body: the same bytes, the same exchange."""
    for at in range(1, len(REQUEST + BODY)):
        connection = kernel.connection(six=six)
        for message, send in ((REQUEST, connection.ask), (RESPONSE, connection.answer)):
            events = send((message + BODY)[:at]) + send((message + BODY)[at:])
            assert b"".join(headers(events)) == message, at
        (exchange,) = connection.exchanges()
        assert exchange.incomplete == (), at
        assert exchange.request is not None
        assert exchange.response is not None
        assert (exchange.request.body_bytes, exchange.response.body_bytes) == (5, 5), at


def test_byte_by_byte(connection: Connection) -> None:
    """Segments of one byte; the start line's first bytes wait in the kernel until it is one."""
    for message, end in ((REQUEST, connection.client), (RESPONSE, connection.server)):
        events = [e for byte in message + BODY for e in connection.send(end, bytes([byte]))]
        assert b"".join(headers(events)) == message
        assert events[-1].kind == Kind.MESSAGE_END
        assert events[-1].body_bytes == 5
    (exchange,) = connection.exchanges()
    assert exchange.incomplete == ()


def test_long_lines_split_anywhere(kernel: Harness) -> None:
    """The rest of a line longer than what a side remembers is never taken for a line."""
    line = b"X-Long: " + b"a" * 90 + b"content-length: 9"
    request = b"GET / HTTP/1.1\r\n" + line + b"\r\nHost: a\r\n\r\n"
    for at in range(16, len(request)):
        connection = kernel.connection()
        connection.ask(request[:at])
        for byte in request[at:]:
            connection.ask(bytes([byte]))
        connection.ask(b"GET /2 HTTP/1.1\r\n\r\n")
        assert b"".join(headers(connection.events)) == request + b"GET /2 HTTP/1.1\r\n\r\n", at


@pytest.mark.parametrize("size", [4000, 16384])
def test_block_up_to_the_limit_is_whole(connection: Connection, size: int) -> None:
    """16 KiB are handed out whole, over several segments."""
    request = b"GET / HTTP/1.1\r\nX: "
    request += b"a" * (size - len(request) - 4) + b"\r\n\r\n"
    events = connection.ask(request)
    assert b"".join(headers(events)) == request
    assert not any(event.flags & Flag.CUT for event in events)
    assert events[-1].flags & Flag.END


@pytest.mark.parametrize("size", [16385, 20000, 40000])
def test_longer_block_is_cut(kernel: Harness, size: int) -> None:
    """What is longer is cut and marked once; its body and the next message are found."""
    connection = kernel.connection()
    before = kernel.counters()
    request = b"POST / HTTP/1.1\r\nContent-Length: 5\r\nX: "
    request += b"a" * (size - len(request) - 4) + b"\r\n\r\n"
    events = connection.ask(request + BODY)
    assert b"".join(headers(events)) == request[:16384]
    assert sum(bool(event.flags & Flag.CUT) for event in events) == 1
    assert not any(event.flags & Flag.END for event in events)
    ends = [e for e in events if e.kind == Kind.MESSAGE_END or e.flags & Flag.MESSAGE_END]
    assert [event.body_bytes for event in ends] == [5]
    assert kernel.counted(before)["block_too_long"] == 1
    following = b"GET /next HTTP/1.1\r\n\r\n"
    assert said(connection.ask(following)) == [("HEADER", "END|MESSAGE_END|REQUEST|START")]


def test_empty_lines_before_a_start_line(connection: Connection) -> None:
    """They are skipped (RFC 9112 section 2.2), also when the request shares their segment."""
    request = b"GET / HTTP/1.1\r\n\r\n"
    assert headers(connection.ask(b"\r\n" + request)) == [request]
    assert headers(connection.ask(b"\r\n\n\r\n" + request)) == [request]
    assert headers(connection.ask(b"\r\n")) == []
    assert headers(connection.ask(request)) == [request]


def test_bare_line_feeds(connection: Connection) -> None:
    """LF alone ends lines and the block (RFC 9112 section 2.2)."""
    request = b"POST / HTTP/1.1\nContent-Length: 5\n\n"
    events = connection.ask(request + BODY + b"GET / HTTP/1.0\n\n")
    assert headers(events) == [request, b"GET / HTTP/1.0\n\n"]


def test_names_that_resemble_framing(connection: Connection) -> None:
    """Content-Length-Foo and Transfer-Foo say nothing about the body."""
    first = (
        b"POST / HTTP/1.1\r\nContent-Length-X: z\r\nTransfer-Foo: chunked\r\n"
        b"Content-Length: 5\r\nContent-LengthX: 7\r\n\r\n"
    )
    second = b"GET / HTTP/1.1\r\n\r\n"
    assert headers(connection.ask(first + BODY + second)) == [first, second]

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


@pytest.mark.parametrize("word", ["GETX", "get", "FOO", "POSTS", "UPDATEREDIRECTREFS"])
def test_other_words(kernel: Harness, word: str) -> None:
    """What only resembles a method does not begin a request, and the connection is left alone."""
    before = kernel.counters()
    connection = kernel.connection()
    assert connection.ask(f"{word} /x HTTP/1.1\r\nHost: a\r\n\r\n".encode()) == []
    assert connection.ask(b"GET / HTTP/1.1\r\n\r\n") == []
    assert kernel.counted(before)["server_other"] == 1


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

"""The parser of header blocks: RFC 9112 and what real peers send."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.exchange import Request, Response
from shipper.http.block import parse_block
from shipper.http.startline import BlockError, Fault


def request_of(raw: bytes) -> tuple[Request, list[str]]:
    """The request and its anomalies."""
    head = parse_block(raw)
    assert isinstance(head.message, Request)
    return head.message, head.anomalies


def response_of(raw: bytes) -> tuple[Response, list[str]]:
    """The response and its anomalies."""
    head = parse_block(raw)
    assert isinstance(head.message, Response)
    return head.message, head.anomalies


def test_plain_request() -> None:
    """Start line, spelling, order and multiplicity of headers are kept; nothing is odd."""
    raw = b"GET /a?b=c HTTP/1.1\r\nHost: x\r\nACCEPT:  a \r\nx-tag: 1\r\nX-Tag:\r\n\r\n"
    request, anomalies = request_of(raw)
    assert (request.method, request.target, request.version) == ("GET", "/a?b=c", "1.1")
    assert request.headers == [("Host", "x"), ("ACCEPT", "a"), ("x-tag", "1"), ("X-Tag", "")]
    assert request.header_bytes == len(raw)
    assert anomalies == []


def test_plain_response() -> None:
    """A reason phrase keeps its spaces."""
    response, anomalies = response_of(b"HTTP/1.0 404 Not Found\r\nServer: s\r\n\r\n")
    assert (response.status, response.reason, response.version) == (404, "Not Found", "1.0")
    assert anomalies == []


@pytest.mark.parametrize("line", [b"HTTP/1.1 204", b"HTTP/1.1 204 "])
def test_response_without_reason(line: bytes) -> None:
    """The reason phrase, and the space before it, may be missing."""
    response, anomalies = response_of(line + b"\r\n\r\n")
    assert (response.status, response.reason, anomalies) == (204, "", [])


@pytest.mark.parametrize(
    ("line", "method", "target", "version", "anomalies"),
    [
        (b"GET /a b c HTTP/1.1", "GET", "/a b c", "1.1", ["target_with_spaces"]),
        (b"GET /a\tb HTTP/1.1", "GET", "/a\tb", "1.1", ["target_with_spaces"]),
        (b"GET  /a HTTP/1.1", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET\t/a\tHTTP/1.1", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET /a HTTP/1.1 ", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET /a", "GET", "/a", None, ["missing_version"]),
        (b"GET /a HTTP/2.7", "GET", "/a", "2.7", ["unusual_version"]),
        (b"GET /a HTTP/", "GET", "/a", None, ["unusual_version"]),
        (b"GET HTTP/1.1", "GET", "", "1.1", ["missing_target"]),
        (b"BREW /pot HTTP/1.1", "BREW", "/pot", "1.1", []),
        (b"OPTIONS * HTTP/1.1", "OPTIONS", "*", "1.1", []),
        (b"CONNECT h:443 HTTP/1.1", "CONNECT", "h:443", "1.1", []),
        (b"GET http://h/p HTTP/1.1", "GET", "http://h/p", "1.1", []),
        (b"GET /\xe4\xff HTTP/1.1", "GET", "/\xe4\xff", "1.1", []),
        (b"GET /HTTP/1.1 HTTP/1.1", "GET", "/HTTP/1.1", "1.1", []),
    ],
)
def test_request_lines(
    line: bytes, method: str, target: str, version: str | None, anomalies: list[str]
) -> None:
    """Lenient as recipients are, and what is odd has a name."""
    request, found = request_of(line + b"\r\nHost: x\r\n\r\n")
    assert (request.method, request.target, request.version) == (method, target, version)
    assert found == anomalies


@pytest.mark.parametrize(
    ("line", "status", "reason", "anomalies"),
    [
        (b"HTTP/1.1  200  OK", 200, "OK", ["start_line_whitespace"]),
        (b"HTTP/1.1\t200\tOK", 200, "OK", ["start_line_whitespace"]),
        (b"HTTP/1.9 200 OK", 200, "OK", ["unusual_version"]),
    ],
)
def test_status_lines(line: bytes, status: int, reason: str, anomalies: list[str]) -> None:
    """Lenient with status lines too."""
    response, found = response_of(line + b"\r\n\r\n")
    assert (response.status, response.reason, found) == (status, reason, anomalies)


@pytest.mark.parametrize(
    ("fields", "headers", "anomalies"),
    [
        (b"A: 1\nB: 2\r\n", [("A", "1"), ("B", "2")], ["bare_lf"]),
        (b"A: 1\r2\r\n", [("A", "1\r2")], ["bare_cr"]),
        (b"A: 1\r\r\n", [("A", "1\r")], ["bare_cr"]),
        (b"A: 1\r\n  2\r\n\t3 \r\nB: 4\r\n", [("A", "1 2 3"), ("B", "4")], ["obs_fold"]),
        (b"A:\r\n 2\r\n", [("A", "2")], ["obs_fold"]),
        (b"A : 1\r\nB\t: 2\r\n", [("A", "1"), ("B", "2")], ["space_before_colon"]),
        (b"no colon\r\nA: 1\r\n", [("A", "1")], ["invalid_header_line"]),
        (b": empty\r\nA b: 1\r\n", [], ["invalid_header_line"]),
        (b"Host\r\n", [], ["invalid_header_line"]),
        (b"secret\r\n folded\r\nA: 1\r\n", [("A", "1")], ["invalid_header_line"]),
        (b" leading: 1\r\nA: 1\r\n", [("A", "1")], ["invalid_header_line"]),
        (b"A: 1\x002\r\n", [("A", "1\x002")], ["nul"]),
        (b"A: \xe9\r\n", [("A", "\xe9")], []),
        (b"Host: a\r\nhost: b\r\n", [("Host", "a"), ("host", "b")], ["multiple_host"]),
        (b"HOST: a\r\nhOsT: b\r\n", [("HOST", "a"), ("hOsT", "b")], ["multiple_host"]),
    ],
)
def test_header_lines(fields: bytes, headers: list[tuple[str, str]], anomalies: list[str]) -> None:
    """What is odd is named; a line that can't be parsed is not passed on."""
    request, found = request_of(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    assert request.headers == headers
    assert found == anomalies


@pytest.mark.parametrize(
    ("fields", "length", "chunked", "anomalies"),
    [
        (b"Content-Length: 5\r\n", 5, False, []),
        (b"CONTENT-LENGTH : 5\r\n", 5, False, ["space_before_colon"]),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", 5, False, ["multiple_content_length"]),
        (b"Content-Length: 5\r\nContent-Length: 6\r\n", None, False, ["multiple_content_length"]),
        (b"Content-Length: 5, 5\r\n", 5, False, ["multiple_content_length"]),
        (b"Content-Length: +5\r\n", None, False, ["invalid_content_length"]),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n", None, False, ["invalid_content_length"]),
        (b"Content-Length:\r\n", None, False, ["invalid_content_length"]),
        (b"Transfer-Encoding: gzip, Chunked\r\n", None, True, []),
        (b"Transfer-Encoding: xchunked\r\n", None, False, ["unknown_transfer_coding"]),
        (
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            None,
            True,
            ["content_length_with_transfer_encoding"],
        ),
    ],
)
def test_framing(
    fields: bytes,
    length: int | None,
    chunked: bool,  # noqa: FBT001
    anomalies: list[str],
) -> None:
    """What the headers say of the body, and where they contradict themselves."""
    head = parse_block(b"POST / HTTP/1.1\r\n" + fields + b"\r\n")
    assert (head.content_length, head.chunked, head.anomalies) == (length, chunked, anomalies)


def test_empty_lines_before_the_start_line() -> None:
    """They are skipped (RFC 9112 section 2.2), and count as bytes of the block."""
    raw = b"\r\n\n\r\nGET / HTTP/1.1\r\nA: 1\r\n\r\n"
    request, _ = request_of(raw)
    assert (request.target, request.headers, request.header_bytes) == ("/", [("A", "1")], len(raw))


def test_bytes_behind_the_blank_line_are_ignored() -> None:
    """What follows the block is no header, whatever it looks like."""
    request, _ = request_of(b"GET / HTTP/1.1\r\nA: 1\r\n\r\nB: 2\r\n\r\n")
    assert request.headers == [("A", "1")]


def test_block_that_is_not_whole() -> None:
    """The complete lines count, the partial last one does not."""
    head = parse_block(b"GET / HTTP/1.1\r\nA: 1\r\nAuthoriz", whole=False)
    assert head.message.headers == [("A", "1")]


def test_cut_start_line() -> None:
    """A request line longer than what is taken is kept as far as it goes."""
    head = parse_block(b"GET /" + b"a" * 99, whole=False, cut=True)
    assert isinstance(head.message, Request)
    assert (len(head.message.target), head.message.version, head.message.cut) == (100, None, True)
    assert head.anomalies == ["start_line_cut"]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", Fault.NO_START_LINE),
        (b"\r\n\r\n", Fault.NO_START_LINE),
        (b"GET\r\n\r\n", Fault.INVALID_START_LINE),
        (b"{a} / HTTP/1.1\r\n\r\n", Fault.INVALID_START_LINE),
        (b"HTTP/1.1 20 OK\r\n\r\n", Fault.INVALID_STATUS),
        (b"HTTP/1.1 2x0 OK\r\n\r\n", Fault.INVALID_STATUS),
        (b"HTTP/1.1\r\n\r\n", Fault.INVALID_STATUS),
    ],
)
def test_rejections(raw: bytes, fault: Fault) -> None:
    """What is no message is refused with a reason."""
    with pytest.raises(BlockError) as caught:
        parse_block(raw)
    assert caught.value.fault is fault


def test_no_start_line_without_its_end() -> None:
    """A block that breaks off inside its first line is no message, unless it was cut."""
    with pytest.raises(BlockError):
        parse_block(b"GET / HT", whole=False)
    with pytest.raises(BlockError):
        parse_block(b"GE", whole=False, cut=True)


PIECES = st.sampled_from(
    b"GET|HTTP/1.1| |/|\r\n|\n|\r|\t|:|,|\0|\x85|\xa0|200|5|a|Host|Content-Length"
    b"|Transfer-Encoding|chunked".split(b"|")
)


@given(st.lists(PIECES, max_size=40).map(b"".join), st.booleans(), st.booleans())
def test_no_other_error(raw: bytes, whole: bool, cut: bool) -> None:  # noqa: FBT001
    """Whatever the bytes, the parser gives a message or its own refusal."""
    try:
        message = parse_block(raw, whole=whole, cut=cut).message
    except BlockError:
        return
    assert all("\n" not in name + value for name, value in message.headers)

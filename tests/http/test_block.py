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
    assert list(request.headers) == [("Host", "x"), ("ACCEPT", "a"), ("x-tag", "1"), ("X-Tag", "")]
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
        (b"GET /a  HTTP/1.1", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET\t/a\tHTTP/1.1", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET /a\tHTTP/1.1", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET /a HTTP/1.1 ", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b" GET /a HTTP/1.1", "GET", "/a", "1.1", ["start_line_whitespace"]),
        (b"GET /a", "GET", "/a", None, ["missing_version"]),
        (b"GET /aHTTP/1.1", "GET", "/aHTTP/1.1", None, ["missing_version"]),
        (b"GET /a HTTP", "GET", "/a HTTP", None, ["missing_version", "target_with_spaces"]),
        (b"GET /a HTTP/2.7", "GET", "/a", "2.7", ["unusual_version"]),
        (b"GET /a HTTP/0.9", "GET", "/a", "0.9", ["unusual_version"]),
        (b"GET /a HTTP/1.10", "GET", "/a", "1.10", ["unusual_version"]),
        (b"GET /a http/1.1", "GET", "/a", "1.1", ["unusual_version"]),
        (b"GET /a HTTP/", "GET", "/a", None, ["unusual_version"]),
        (b"PRI * HTTP/2.0", "PRI", "*", "2.0", ["unusual_version"]),
        (b"GET HTTP/1.1", "GET", "", "1.1", ["missing_target"]),
        (b"GET  HTTP/1.1", "GET", "", "1.1", ["start_line_whitespace", "missing_target"]),
        (b"PROPFIND /dav HTTP/1.1", "PROPFIND", "/dav", "1.1", []),
        (b"BREW /pot HTTP/1.1", "BREW", "/pot", "1.1", ["unregistered_method"]),
        (b"get /a HTTP/1.1", "get", "/a", "1.1", ["unregistered_method"]),
        (b"{a} / HTTP/1.1", "{a}", "/", "1.1", ["invalid_method"]),
        (b"G\xc9T / HTTP/1.1", "G\xc9T", "/", "1.1", ["invalid_method"]),
        (b"OPTIONS * HTTP/1.1", "OPTIONS", "*", "1.1", []),
        (b"GET * HTTP/1.1", "GET", "*", "1.1", ["unusual_target_form"]),
        (b"CONNECT h:443 HTTP/1.1", "CONNECT", "h:443", "1.1", []),
        (b"CONNECT [::1]:443 HTTP/1.1", "CONNECT", "[::1]:443", "1.1", []),
        (b"CONNECT /a HTTP/1.1", "CONNECT", "/a", "1.1", ["unusual_target_form"]),
        (b"CONNECT h HTTP/1.1", "CONNECT", "h", "1.1", ["unusual_target_form"]),
        (b"GET http://x/p HTTP/1.1", "GET", "http://x/p", "1.1", []),
        (b"GET h:443 HTTP/1.1", "GET", "h:443", "1.1", ["unusual_target_form"]),
        (b"GET @h/a HTTP/1.1", "GET", "@h/a", "1.1", ["unusual_target_form"]),
        (b"GET /a#b HTTP/1.1", "GET", "/a#b", "1.1", ["fragment_in_target"]),
        (b"GET /\xe4\xff HTTP/1.1", "GET", "/\xe4\xff", "1.1", ["non_ascii_target"]),
        (b"GET /\x7f HTTP/1.1", "GET", "/\x7f", "1.1", ["control_character"]),
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
    ("line", "version", "status", "reason", "anomalies"),
    [
        (b"HTTP/1.1  200  OK", "1.1", 200, "OK", ["start_line_whitespace"]),
        (b"HTTP/1.1\t200\tOK", "1.1", 200, "OK", ["start_line_whitespace"]),
        (b" HTTP/1.1 200 OK", "1.1", 200, "OK", ["start_line_whitespace"]),
        (b"HTTP/1.1 200 OK ", "1.1", 200, "OK ", []),
        (b"HTTP/1.1 200 n\xe9", "1.1", 200, "n\xe9", []),
        (b"HTTP/1.9 200 OK", "1.9", 200, "OK", ["unusual_version"]),
        (b"HTTP/1.10 200 OK", "1.10", 200, "OK", ["unusual_version"]),
        (b"HTTP/0.9 200 OK", "0.9", 200, "OK", ["unusual_version"]),
        (b"HTTP/2.0 200 OK", "2.0", 200, "OK", ["unusual_version"]),
        (b"HTTP/2 200", "2", 200, "", ["unusual_version"]),
        (b"http/1.1 200 OK", "1.1", 200, "OK", ["unusual_version"]),
        (b"HTTP/ 200 OK", None, 200, "OK", ["unusual_version"]),
        (b"HTTP/1.1 599 No", "1.1", 599, "No", []),
        (b"HTTP/1.1 600 No", "1.1", 600, "No", ["invalid_status"]),
        (b"HTTP/1.1 999 No", "1.1", 999, "No", ["invalid_status"]),
        (b"HTTP/1.1 200OK", "1.1", 200, "", ["invalid_status"]),
        (b"HTTP/1.1 200.5 OK", "1.1", 200, "OK", ["invalid_status"]),
        (b"HTTP/1.1 2000 OK", "1.1", None, "OK", ["invalid_status"]),
        (b"HTTP/1.1 20 OK", "1.1", None, "OK", ["invalid_status"]),
        (b"HTTP/1.1 2x0 OK", "1.1", None, "OK", ["invalid_status"]),
        (b"HTTP/1.1 099 OK", "1.1", None, "OK", ["invalid_status"]),
        (b"HTTP/1.1 000 OK", "1.1", None, "OK", ["invalid_status"]),
        (b"HTTP/1.1 \xb2\xb2\xb2 OK", "1.1", None, "OK", ["invalid_status"]),
        (b"HTTP/1.1 abc", "1.1", None, "", ["invalid_status"]),
        (b"HTTP/1.1 OK", "1.1", None, "", ["invalid_status"]),
        (b"HTTP/1.1", "1.1", None, "", ["invalid_status"]),
    ],
)
def test_status_lines(
    line: bytes, version: str | None, status: int | None, reason: str, anomalies: list[str]
) -> None:
    """Lenient with status lines too: without a status that can be read there is still a record."""
    response, found = response_of(line + b"\r\n\r\n")
    assert (response.version, response.status, response.reason) == (version, status, reason)
    assert found == anomalies


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
        (b": empty\r\n", [], ["empty_header_name", "invalid_header_line"]),
        (b"A b: 1\r\n", [], ["invalid_header_line"]),
        (b"\xc9: 1\r\n", [], ["non_ascii_header_name", "invalid_header_line"]),
        (b"A\x0b: 1\r\n", [], ["control_character", "invalid_header_line"]),
        (b"Accept\r\n", [], ["invalid_header_line"]),
        (b"secret\r\n folded\r\nA: 1\r\n", [("A", "1")], ["invalid_header_line"]),
        (b"A: 1\r\nsecret\r\n folded\r\n", [("A", "1")], ["invalid_header_line"]),
        (b" B: 1\r\n\tC: 1\r\nA: 1\r\n", [("A", "1")], ["leading_whitespace_in_headers"]),
        (b"A: 1\x002\r\n", [("A", "1\x002")], ["nul"]),
        (b"A: 1\x012\r\n", [("A", "1\x012")], ["control_character"]),
        (b"A: 1\x7f\r\n", [("A", "1\x7f")], ["control_character"]),
        (b"A: 1\t2\r\n", [("A", "1\t2")], []),
        (b"A: \xe9\r\n", [("A", "\xe9")], []),
        (b"A: \xa01\x85\r\n", [("A", "\xa01\x85")], []),
        (b"A:\r\na: 1\r\nA: 2\r\n", [("A", ""), ("a", "1"), ("A", "2")], []),
    ],
)
def test_header_lines(fields: bytes, headers: list[tuple[str, str]], anomalies: list[str]) -> None:
    """What is odd is named; a line that can't be parsed is not passed on."""
    request, found = request_of(b"GET / HTTP/1.0\r\n" + fields + b"\r\n")
    assert list(request.headers) == headers
    assert found == anomalies


@pytest.mark.parametrize(
    ("fields", "length", "chunked", "anomalies"),
    [
        (b"Content-Length: 5\r\n", 5, False, []),
        (b"CONTENT-LENGTH : 5\r\n", 5, False, ["space_before_colon"]),
        (b"Content-Length:\r\n 5\r\n", 5, False, ["obs_fold"]),
        (b"Content-Length: 5\r\nContent-Length: 5\r\n", 5, False, ["multiple_content_length"]),
        (b"Content-Length: 5\r\nContent-Length: 05\r\n", 5, False, ["multiple_content_length"]),
        (
            b"Content-Length: 5\r\ncontent-length: 6\r\n",
            None,
            False,
            ["multiple_content_length", "conflicting_content_length"],
        ),
        (b"Content-Length: 5, 5\r\n", 5, False, ["multiple_content_length"]),
        (
            b"Content-Length: 5, 6\r\n",
            None,
            False,
            ["multiple_content_length", "conflicting_content_length"],
        ),
        (
            b"Content-Length: 5\r\nContent-Length: x\r\n",
            None,
            False,
            ["multiple_content_length", "conflicting_content_length", "invalid_content_length"],
        ),
        (b"Content-Length: +5\r\n", None, False, ["invalid_content_length"]),
        (b"Content-Length: 0x5\r\n", None, False, ["invalid_content_length"]),
        (b"Content-Length: \xb2\r\n", None, False, ["invalid_content_length"]),
        (b"Content-Length: " + b"9" * 5000 + b"\r\n", None, False, ["invalid_content_length"]),
        (b"Content-Length:\r\n", None, False, ["invalid_content_length"]),
        (b"Transfer-Encoding: gzip, Chunked\r\n", None, True, []),
        (b"Transfer-Encoding: gzip\r\nTransfer-Encoding: ,chunked,\r\n", None, True, []),
        (
            b"Transfer-Encoding: cow\r\n",
            None,
            False,
            ["unknown_transfer_coding", "chunked_not_final"],
        ),
        (b"Transfer-Encoding: gzip\r\n", None, False, ["chunked_not_final"]),
        (b"Transfer-Encoding:\r\n", None, False, ["chunked_not_final"]),
        (b"Transfer-Encoding: chunked, gzip\r\n", None, True, ["chunked_not_final"]),
        (b"Transfer-Encoding: chunked, chunked\r\n", None, True, ["multiple_chunked"]),
        (
            b"Transfer-Encoding: chunked, identity\r\nTransfer-Encoding: chunked\r\n",
            None,
            True,
            ["multiple_chunked"],
        ),
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
    head = parse_block(b"POST / HTTP/1.1\r\nHost: x\r\n" + fields + b"\r\n")
    assert (head.content_length, head.chunked, head.anomalies) == (length, chunked, anomalies)


@pytest.mark.parametrize(
    "coding",
    [
        b"xchunked",
        b"x-chunked",
        b'"chunked"',
        b"chunked;a=b",
        b"chu nked",
        b"chunked\xff",
        b"\xa0chunked",
    ],
)
def test_dressed_up_chunked(coding: bytes) -> None:
    """Nearly chunked: one recipient may take it for chunked, and the next one may not."""
    head = parse_block(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + coding + b"\r\n\r\n")
    assert not head.chunked
    assert head.anomalies == [
        "unknown_transfer_coding",
        "obfuscated_transfer_encoding",
        "chunked_not_final",
    ]


@pytest.mark.parametrize("control", [b"\x0b", b"\x0c", b"\0", b"\r"])
def test_chunked_behind_a_control_character(control: bytes) -> None:
    """The character is named too."""
    head = parse_block(
        b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: " + control + b"chunked\r\n\r\n"
    )
    assert "obfuscated_transfer_encoding" in head.anomalies
    assert {"nul", "control_character", "bare_cr"} & {*head.anomalies}


@pytest.mark.parametrize(
    ("line", "hosts", "anomalies"),
    [
        (b"GET / HTTP/1.1", [], ["missing_host"]),
        (b"GET http://x/ HTTP/1.1", [], ["missing_host"]),
        (b"GET / HTTP/1.0", [], []),
        (b"GET / HTTP/2.0", [], ["unusual_version"]),
        (b"GET / HTTP/1.1", [b"X.example"], []),
        (b"GET / HTTP/1.1", [b""], []),
        (b"GET / HTTP/1.1", [b"[::1]:80"], []),
        (b"GET / HTTP/1.1", [b"a%20b_c:"], []),
        (b"GET / HTTP/1.1", [b"a b"], ["invalid_host"]),
        (b"GET / HTTP/1.1", [b"u@h"], ["invalid_host"]),
        (b"GET / HTTP/1.1", [b"h/p"], ["invalid_host"]),
        (b"GET / HTTP/1.1", [b"h:80a"], ["invalid_host"]),
        (b"GET / HTTP/1.1", [b"\xe9"], ["invalid_host"]),
        (b"GET / HTTP/1.1", [b"h" * 9999], ["invalid_host"]),
        (b"GET / HTTP/1.1", [b"x", b"x"], ["multiple_host"]),
        (b"GET / HTTP/1.1", [b"x", b"y"], ["multiple_host"]),
        (b"GET http://X/ HTTP/1.1", [b"x"], []),
        (b"GET http://x:80/ HTTP/1.1", [b"x"], []),
        (b"GET http://x HTTP/1.1", [b"x:080"], []),
        (b"GET http://x:/?a HTTP/1.1", [b"x"], []),
        (b"GET HTTPS://x:443?a HTTP/1.1", [b"x"], []),
        (b"GET http://[::1]/ HTTP/1.1", [b"[::1]:80"], []),
        (b"GET http://u:p@x/ HTTP/1.1", [b"x"], ["userinfo_in_target"]),
        (b"GET http://x:8080/ HTTP/1.1", [b"x"], ["host_mismatch"]),
        (b"GET https://x:80/ HTTP/1.1", [b"x"], ["host_mismatch"]),
        (b"GET http://y/ HTTP/1.0", [b"x"], ["host_mismatch"]),
        (b"GET http://x@y/ HTTP/1.1", [b"x"], ["userinfo_in_target", "host_mismatch"]),
        (b"GET http://x/ HTTP/1.1", [b"x", b"y"], ["multiple_host", "host_mismatch"]),
        (b"GET http://x/ HTTP/1.1", [b"x", b"x"], ["multiple_host"]),
    ],
)
def test_hosts(line: bytes, hosts: list[bytes], anomalies: list[str]) -> None:
    """Host must be there, once, valid, and that of an absolute target (RFC 9112 section 3.2)."""
    fields = b"".join(b"Host: " + host + b"\r\n" for host in hosts)
    _, found = request_of(line + b"\r\n" + fields + b"\r\n")
    assert found == anomalies


def test_host_that_may_have_been_cut_off() -> None:
    """A block that is not whole may have had a Host."""
    for whole, cut in ((False, False), (False, True), (True, True)):
        head = parse_block(b"GET / HTTP/1.1\r\nA: 1\r\n\r\n", whole=whole, cut=cut)
        assert "missing_host" not in head.anomalies


@pytest.mark.parametrize("line", [b"POST / HTTP/1.0", b"HTTP/1.0 200 OK"])
def test_transfer_encoding_before_it_was(line: bytes) -> None:
    """HTTP/1.0 knows no Transfer-Encoding (RFC 9112 section 6.1)."""
    head = parse_block(line + b"\r\nTransfer-Encoding: chunked\r\n\r\n")
    assert head.anomalies == ["transfer_encoding_in_http_1_0"]


@pytest.mark.parametrize(
    ("status", "fields", "odd"),
    [
        (b"100", b"Content-Length: 5", True),
        (b"204", b"Content-Length: 5", True),
        (b"204", b"Transfer-Encoding: chunked", True),
        (b"204", b"Content-Length: 0", False),
        (b"304", b"Content-Length: 5", False),
        (b"200", b"Content-Length: 5", False),
        (b"200", b"Transfer-Encoding: gzip", False),
    ],
)
def test_framing_of_no_body(status: bytes, fields: bytes, odd: bool) -> None:  # noqa: FBT001
    """1xx and 204 have no body; 304 tells of another response's."""
    head = parse_block(b"HTTP/1.1 " + status + b" x\r\n" + fields + b"\r\n\r\n")
    assert head.anomalies == (["framing_without_body"] if odd else [])


def test_empty_lines_before_the_start_line() -> None:
    """They are skipped (RFC 9112 section 2.2), and count as bytes of the block."""
    raw = b"\r\n\n\r\nGET / HTTP/1.1\r\nA: 1\r\n\r\n"
    request, _ = request_of(raw)
    assert (request.target, request.header_bytes) == ("/", len(raw))
    assert list(request.headers) == [("A", "1")]


@pytest.mark.parametrize("whole", [True, False])
def test_bytes_behind_the_blank_line_are_ignored(whole: bool) -> None:  # noqa: FBT001
    """What follows the block is no header, whatever it looks like."""
    head = parse_block(b"GET / HTTP/1.1\r\nA: 1\r\n\r\nB: 2\r\n\r\n", whole=whole)
    assert list(head.message.headers) == [("A", "1")]


def test_block_that_is_not_whole() -> None:
    """The complete lines count, the partial last one does not."""
    head = parse_block(b"GET / HTTP/1.1\r\nA: 1\r\nAuthoriz", whole=False)
    assert list(head.message.headers) == [("A", "1")]


def test_cut_start_line() -> None:
    """A request line longer than what is taken is kept as far as it goes."""
    head = parse_block(b"GET /" + b"a" * 99, whole=False, cut=True)
    assert isinstance(head.message, Request)
    assert (len(head.message.target), head.message.version, head.message.cut) == (100, None, True)
    assert head.anomalies == ["start_line_cut", "oversized_block"]


def test_cut_status_line() -> None:
    """So is a status line, whose reason may have no end."""
    head = parse_block(b"HTTP/1.1 200 " + b"a" * 99, whole=False, cut=True)
    assert isinstance(head.message, Response)
    assert (head.message.status, head.message.cut) == (200, True)
    assert head.anomalies == ["start_line_cut", "oversized_block"]


def test_cut_block() -> None:
    """It is named beside what the record says of its size."""
    head = parse_block(b"HTTP/1.1 200 OK\r\nA: 1\r\nB: 2", whole=False, cut=True)
    assert list(head.message.headers) == [("A", "1")]
    assert head.anomalies == ["oversized_block"]


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", Fault.NO_START_LINE),
        (b"\r\n\r\n", Fault.NO_START_LINE),
        (b"GET\r\n\r\n", Fault.INVALID_START_LINE),
        (b"GET \r\n\r\n", Fault.INVALID_START_LINE),
        (b"{a} /\r\n\r\n", Fault.INVALID_START_LINE),
        (b" \r\n\r\n", Fault.INVALID_START_LINE),
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


@given(
    st.one_of(
        st.lists(PIECES, max_size=40).map(b"".join),
        st.binary(max_size=99),
        st.binary(max_size=60).map(lambda rest: b"GET / HTTP/1.1\r\n" + rest),
        st.binary(max_size=60).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest),
    ),
    st.booleans(),
    st.booleans(),
)
def test_no_other_error(raw: bytes, whole: bool, cut: bool) -> None:  # noqa: FBT001
    """Whatever the bytes, the parser gives a message or its own refusal."""
    try:
        message = parse_block(raw, whole=whole, cut=cut).message
    except BlockError:
        return
    assert all("\n" not in name + value for name, value in message.headers)


def test_empty_line_of_nothing_but_crs() -> None:
    """It ends the block, as it does for the kernel program, and is no header."""
    request, anomalies = request_of(b"GET / HTTP/1.1\r\nHost: h\r\n\r\r\nX: y")
    assert list(request.headers) == [("Host", "h")]
    assert anomalies == ["bare_cr"]
    response, anomalies = response_of(b"HTTP/1.1 200 OK\r\n\r\r\r\n")
    assert (response.status, list(response.headers)) == (200, [])
    assert anomalies == ["bare_cr"]


def test_crs_for_line_ends() -> None:
    """Whoever answers such a block took a CR for an end: the message is its first line."""
    head = parse_block(b"GET / HTTP/1.1\rA: b\r\r", whole=False)
    assert isinstance(head.message, Request)
    assert (head.message.target, head.message.version) == ("/", "1.1")
    assert list(head.message.headers) == []
    assert head.anomalies == ["bare_cr"]


@pytest.mark.parametrize(
    "raw", [b"HTTP/1.1 20\r", b"HTTP/1.1 200", b"GET /\rA: b\r\r", b"GET / HTTP/1.", b"GET /a"]
)
def test_what_may_only_be_cut_off(raw: bytes) -> None:
    """A line that may go on, or that has no version: not the end of anything."""
    with pytest.raises(BlockError):
        parse_block(raw, whole=False)


def test_what_is_remembered_of_one_message_marks_no_other() -> None:
    """Two blocks that end alike share their fields, and nothing that assembly adds to either."""
    odd, plain = b"\r\nHost: x\r\nno header line\r\n\r\n", b"\r\nHost: x\r\n\r\n"
    for rest, said in ((odd, ["invalid_header_line"]), (plain, [])):
        first, second = (parse_block(b"GET /%d HTTP/1.1" % n + rest) for n in range(2))
        assert first.message.headers is second.message.headers
        first.anomalies.append("overlap_conflict")
        first.forget()
        assert (second.anomalies, second.message.headers) == (said, (("Host", "x"),))
    third = parse_block(b"GET /a#b HTTP/1.1" + plain)
    assert third.anomalies == ["fragment_in_target"]


@pytest.mark.parametrize("end", [b"", b"\r", b"\r\r"])
def test_a_request_line_is_whole_with_its_version(end: bytes) -> None:
    """Whoever sends no line end may be answered all the same."""
    message = parse_block(b"GET /a HTTP/1.0" + end, whole=False).message
    assert isinstance(message, Request)
    assert (message.method, message.target, message.version) == ("GET", "/a", "1.0")


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        (b"Content-Encoding: gzip", []),
        (b"content-encoding: X-GZIP", []),
        (b"Content-Encoding: identity, br", []),
        (b"Content-Encoding:", []),
        (b"Content-Encoding: xgzip", ["unknown_content_coding"]),
        (b"Content-Encoding: utf-8", ["unknown_content_coding"]),
        (b"Content-Encoding: deflate, gzip", ["multiple_content_codings"]),
        (
            b"Content-Encoding: gzip\r\nContent-encoding: foo",
            ["unknown_content_coding", "multiple_content_codings"],
        ),
    ],
)
def test_content_codings(lines: bytes, named: list[str]) -> None:
    """RFC 9110 section 8.4.1: what is not registered, and more than one."""
    assert parse_block(b"HTTP/1.1 200 OK\r\n" + lines + b"\r\n\r\n").anomalies == named

"""Cases of framing: where a message ends, and which response answers what (RFC 9112 section 6)."""

from .case import CHUNKED, GET, MISSING, NEXT, OK, ONE, TWO, Case, answered, asked, client, server


def _response(name: str, message: bytes, told: tuple[str, ...] = TWO, odd: str = "") -> Case:
    """A response of this form, and a plain exchange behind it."""
    steps = (client(GET), server(message), client(NEXT), server(MISSING))
    return Case(name, steps, told, frozenset(odd.split()))


def _request(name: str, message: bytes, told: tuple[str, ...], odd: str = "") -> Case:
    steps = (client(message), server(OK), client(NEXT), server(MISSING))
    return Case(name, steps, told, frozenset(odd.split()))


def _last(name: str, message: bytes, told: tuple[str, ...] = ONE, odd: str = "") -> Case:
    """A response with which the connection ends."""
    return Case(name, (client(GET), server(message)), told, frozenset(odd.split()))


_CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
_POST = ("POST /p -> 200", "GET /next -> 404")


def _post(*headers: bytes, body: bytes = b"") -> bytes:
    return asked(b"POST /p HTTP/1.1", b"Host: a.example", *headers) + body


def _framed(*headers: bytes, body: bytes = b"hello") -> bytes:
    return b"\r\n".join((b"HTTP/1.1 200 OK", *headers, b"", body))


LENGTHS = (
    _response("length-zero", _framed(b"Content-Length: 0", body=b"")),
    _response("length-leading-zeros", _framed(b"Content-Length: 0005")),
    _response("length-spaces", _framed(b"Content-Length:    5   ")),
    _response("length-plus", _framed(b"Content-Length: +5"), odd="invalid_content_length"),
    _response("length-list-equal", _framed(b"Content-Length: 5, 5"), odd="multiple_content_length"),
    _response("length-list-other", _framed(b"Content-Length: 5, 6"), odd="multiple_content_length"),
    _response(
        "length-twice-equal",
        _framed(b"Content-Length: 5", b"Content-Length: 5"),
        odd="multiple_content_length",
    ),
    _response(
        "length-twice-other",
        _framed(b"Content-Length: 5", b"Content-Length: 6"),
        odd="multiple_content_length",
    ),
    _response(
        "length-twice-other-shorter-last",
        _framed(b"Content-Length: 6", b"Content-Length: 5"),
        odd="multiple_content_length",
    ),
    _response("length-hex", _framed(b"Content-Length: 0x5"), odd="invalid_content_length"),
    _response("length-negative", _framed(b"Content-Length: -5"), odd="invalid_content_length"),
    _response("length-empty", _framed(b"Content-Length:"), odd="invalid_content_length"),
    _response("length-words", _framed(b"Content-Length: 5 bytes"), odd="invalid_content_length"),
    _response("length-semicolon", _framed(b"Content-Length: 5;"), odd="invalid_content_length"),
    _response("length-fraction", _framed(b"Content-Length: 5.0"), odd="invalid_content_length"),
    _response("length-folded", _framed(b"Content-Length:\r\n 5"), odd="obs_fold"),
    _response(
        "length-space-before-colon", _framed(b"Content-Length : 5"), odd="space_before_colon"
    ),
    _response("length-upper-case", _framed(b"CONTENT-LENGTH: 5")),
    _last(
        "length-overflow",
        _framed(b"Content-Length: 18446744073709551621"),
        odd="invalid_content_length",
    ),
    _last(
        "length-uint64-max",
        _framed(b"Content-Length: 18446744073709551615"),
        odd="invalid_content_length",
    ),
    _last("length-beyond-body", _framed(b"Content-Length: 500")),
    _last(
        "body-beyond-length",
        _framed(b"Content-Length: 5", body=b"hello and more"),
        odd="data_after_message",
    ),
    _response(
        "body-beyond-length-goes-on",
        _framed(b"Content-Length: 5", body=b"hello and more"),
        odd="data_after_message",
    ),
    Case(
        "body-beyond-length-apart",
        (client(GET), server(OK, b" and more"), client(NEXT), server(MISSING)),
        TWO,
        frozenset({"data_after_message"}),
    ),
    _response("body-beyond-length-crlf", _framed(b"Content-Length: 5", body=b"hello\r\n")),
    _response("body-like-response", _framed(b"Content-Length: %d" % len(MISSING), body=MISSING)),
    _last("body-until-close", _framed(b"A: b", body=b"hello\r\n\r\n" + OK)),
    _last("body-until-close-1.0", b"HTTP/1.0 200 OK\r\n\r\nhello"),
    _last("body-empty-until-close", _framed(b"A: b", body=b"")),
    _request("request-body", _post(b"Content-Length: 5", body=b"hello"), _POST),
    _request("request-body-crlf-behind", _post(b"Content-Length: 5", body=b"hello\r\n"), _POST),
    _request(
        "request-body-like-request", _post(b"Content-Length: %d" % len(NEXT), body=NEXT), _POST
    ),
    _request("request-body-of-get", asked(b"GET / HTTP/1.1", b"Content-Length: 5") + b"hello", TWO),
    _request(
        "request-body-twice-length",
        _post(b"Content-Length: 5", b"Content-Length: 5", body=b"hello"),
        _POST,
        "multiple_content_length",
    ),
    _request(
        "request-body-bad-length",
        _post(b"Content-Length: x", body=b"hello"),
        _POST,
        "invalid_content_length",
    ),
    _request(
        "request-body-without-length",
        _post(body=b"hello"),
        ("POST /p -> 200", "helloGET /next -> 404"),
        "unregistered_method",
    ),
    _request("request-chunked", _post(b"Transfer-Encoding: chunked", body=_CHUNKS), _POST),
    _request(
        "request-both",
        _post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=_CHUNKS),
        _POST,
        "content_length_with_transfer_encoding",
    ),
    _request(
        "request-smuggled",
        _post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
        _POST,
        "content_length_with_transfer_encoding",
    ),
    _request(
        "request-coding-unknown",
        _post(b"Transfer-Encoding: xchunked", b"Content-Length: 5", body=b"hello"),
        _POST,
        "unknown_transfer_coding content_length_with_transfer_encoding",
    ),
    Case(
        "request-body-in-pieces",
        (client(_post(b"Content-Length: 9", body=b"he"), b"llo", b"GET "), server(OK)),
        ("POST /p -> 200",),
    ),
    Case(
        "request-body-never-ends",
        (client(_post(b"Content-Length: 9", body=b"he")), server(OK)),
        ("POST /p -> 200",),
    ),
    Case(
        "response-before-body",
        (
            client(_post(b"Content-Length: 9")),
            server(MISSING),
            client(b"123456789"),
            client(NEXT),
            server(MISSING),
        ),
        ("POST /p -> 404", "GET /next -> 404"),
    ),
)

_CODINGS: tuple[tuple[str, bytes, str], ...] = (
    ("coding-upper-case", b"Transfer-Encoding: CHUNKED", ""),
    ("coding-space-before-colon", b"Transfer-Encoding : chunked", "space_before_colon"),
    ("coding-tab", b"Transfer-Encoding:\tchunked", ""),
    ("coding-no-space", b"Transfer-Encoding:chunked", ""),
    ("coding-trailing-space", b"Transfer-Encoding: chunked  ", ""),
    ("coding-vertical-tab", b"Transfer-Encoding: \x0bchunked", "unknown_transfer_coding"),
    ("coding-nul", b"Transfer-Encoding: chunked\0", "unknown_transfer_coding nul"),
    ("coding-quoted", b'Transfer-Encoding: "chunked"', "unknown_transfer_coding"),
    ("coding-comma", b"Transfer-Encoding: ,chunked,", ""),
    ("coding-gzip-chunked", b"Transfer-Encoding: gzip, chunked", ""),
    ("coding-chunked-gzip", b"Transfer-Encoding: chunked, gzip", ""),
    ("coding-chunked-twice", b"Transfer-Encoding: chunked, chunked", ""),
    ("coding-two-lines", b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked", ""),
    ("coding-two-lines-identity", b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", ""),
    ("coding-folded", b"Transfer-Encoding:\r\n chunked", "obs_fold"),
    ("coding-parameter", b"Transfer-Encoding: chunked;foo=bar", "unknown_transfer_coding"),
    (
        "coding-with-length",
        b"Transfer-Encoding: chunked\r\nContent-Length: 3",
        "content_length_with_transfer_encoding",
    ),
    (
        "coding-behind-length",
        b"Content-Length: 3\r\nTransfer-Encoding: chunked",
        "content_length_with_transfer_encoding",
    ),
    ("coding-x-chunked", b"Transfer-Encoding: xchunked", "unknown_transfer_coding"),
    ("coding-underscore", b"Transfer_Encoding: chunked", ""),
    ("coding-bare-cr", b"Foo: bar\rTransfer-Encoding: chunked", "bare_cr"),
    ("coding-bare-lf", b"Foo: bar\nTransfer-Encoding: chunked", "bare_lf"),
    ("coding-identity", b"Transfer-Encoding: identity", ""),
    ("coding-empty", b"Transfer-Encoding:", ""),
)

CODINGS = tuple(_last(name, _framed(line, body=_CHUNKS), odd=odd) for name, line, odd in _CODINGS)

_CHUNK_BODIES: tuple[tuple[str, bytes, str], ...] = (
    ("chunk-plain", _CHUNKS, ""),
    ("chunk-none", b"0\r\n\r\n", ""),
    ("chunk-several", b"1\r\nh\r\n3\r\nell\r\n1\r\no\r\n0\r\n\r\n", ""),
    ("chunk-upper-hex", b"A\r\n0123456789\r\n0\r\n\r\n", ""),
    ("chunk-lower-hex", b"a\r\n0123456789\r\n0\r\n\r\n", ""),
    ("chunk-leading-zeros", b"0005\r\nhello\r\n0000\r\n\r\n", ""),
    ("chunk-24-leading-zeros", b"0" * 24 + b"5\r\nhello\r\n0\r\n\r\n", ""),
    ("chunk-extension", b"5;a=b\r\nhello\r\n0;c\r\n\r\n", ""),
    ("chunk-extension-quoted", b'5;a="b;c"\r\nhello\r\n0\r\n\r\n', ""),
    ("chunk-extension-long", b"5;" + b"a" * 300 + b"\r\nhello\r\n0\r\n\r\n", ""),
    ("chunk-space-behind", b"5  \r\nhello\r\n0 \r\n\r\n", ""),
    ("chunk-tab-behind", b"5\t\r\nhello\r\n0\t\r\n\r\n", ""),
    ("chunk-space-before", b" 5\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-size-bare-lf", b"5\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-extension-bare-lf", b"5;a\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-extension-bare-cr", b"5;a\rb\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-bare-lf", b"5\nhello\n0\n\n", "invalid_chunk"),
    ("chunk-trailer", b"5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n", ""),
    ("chunk-body-like-response", b"1a\r\nHTTP/1.1 404 Not Found\r\n\r\n\r\n0\r\n\r\n", ""),
)
_BROKEN_CHUNKS: tuple[tuple[str, bytes, str], ...] = (
    ("chunk-hex-prefix", b"0x5\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-plus", b"+5\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-negative", b"-5\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-overflow", b"FFFFFFFFFFFFFFFF5\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-2-64", b"10000000000000005\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-huge", b"7FFFFFFF\r\nhello\r\n0\r\n\r\n", ""),
    ("chunk-junk-size", b"xyz\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-junk-behind-size", b"5xyz\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-empty-line-between", b"\r\n5\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-no-crlf-behind", b"5\r\nhello0\r\n\r\n", "invalid_chunk"),
    ("chunk-longer-than-size", b"3\r\nhello\r\n0\r\n\r\n", "invalid_chunk"),
    ("chunk-no-last", b"5\r\nhello\r\n", ""),
    ("chunk-no-final-crlf", b"5\r\nhello\r\n0\r\n", ""),
    ("chunk-not-chunked", b"hello", "invalid_chunk"),
    ("chunk-bare-cr", b"5\rhello\r0\r\r", ""),
)

CHUNKS = (
    *(_response(name, CHUNKED + body, odd=odd) for name, body, odd in _CHUNK_BODIES),
    *(_last(name, CHUNKED + body, odd=odd) for name, body, odd in _BROKEN_CHUNKS),
    Case(
        "chunk-in-bytes",
        (
            client(GET),
            server(CHUNKED, *(bytes([b]) for b in _CHUNKS)),
            client(NEXT),
            server(MISSING),
        ),
        TWO,
    ),
    Case("chunk-and-response", (client(GET, NEXT), server(CHUNKED + _CHUNKS + MISSING)), TWO),
    Case(
        "chunk-no-final-crlf-and-response",
        (client(GET, NEXT), server(CHUNKED + b"5\r\nhello\r\n0\r\n" + MISSING)),
        TWO,
        frozenset({"invalid_chunk"}),
    ),
)

_HEAD = asked(b"HEAD / HTTP/1.1")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_EXPECT = _post(b"Expect: 100-continue", b"Content-Length: 5")
_UPGRADE = asked(b"GET /ws HTTP/1.1", b"Connection: Upgrade", b"Upgrade: websocket")
_SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
_TUNNEL = asked(b"CONNECT b.example:443 HTTP/1.1")
_OPENED = b"HTTP/1.1 200 Connection established\r\n\r\n"

EXCHANGES = (
    Case("pipelined", (client(GET + NEXT), server(OK + MISSING)), TWO),
    Case("pipelined-apart", (client(GET + NEXT), server(OK), server(MISSING)), TWO),
    Case(
        "pipelined-three-posts",
        (client(_post(b"Content-Length: 2", body=b"ab") * 3), server(OK * 3)),
        ("POST /p -> 200",) * 3,
    ),
    Case("pipelined-forty", (client(GET * 40), server(OK * 40)), ONE * 40),
    Case(
        "head",
        (client(_HEAD), server(OK[:-5]), client(NEXT), server(MISSING)),
        ("HEAD / -> 200", "GET /next -> 404"),
    ),
    Case(
        "head-chunked",
        (client(_HEAD), server(CHUNKED), client(NEXT), server(MISSING)),
        ("HEAD / -> 200", "GET /next -> 404"),
    ),
    Case(
        "head-with-body",
        (client(_HEAD), server(OK), client(NEXT), server(MISSING)),
        ("HEAD / -> 200", "GET /next -> 404"),
        frozenset({"data_after_message"}),
    ),
    Case(
        "head-pipelined",
        (client(_HEAD + NEXT), server(OK[:-5] + MISSING)),
        ("HEAD / -> 200", "GET /next -> 404"),
    ),
    _response(
        "status-204",
        b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
        ("GET / -> 204", "GET /next -> 404"),
    ),
    _response(
        "status-204-with-length",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
        ("GET / -> 204", "GET /next -> 404"),
    ),
    _response(
        "status-304-with-length",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 500\r\n\r\n",
        ("GET / -> 304", "GET /next -> 404"),
    ),
    _response(
        "status-304-chunked",
        b"HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
        ("GET / -> 304", "GET /next -> 404"),
    ),
    _response(
        "content-codings",
        answered(b"HTTP/1.1 200 OK", b"Content-Encoding: gzip, gzip"),
        odd="multiple_content_codings",
    ),
    _response(
        "content-coding-unknown",
        answered(b"HTTP/1.1 200 OK", b"Content-Encoding: xgzip"),
        odd="unknown_content_coding",
    ),
    _response(
        "multipart-byteranges",
        answered(
            b"HTTP/1.1 206 Partial Content",
            b"Content-Type: multipart/byteranges; boundary=x",
            body=b"--x\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--x--\r\n",
        ),
        ("GET / -> 206", "GET /next -> 404"),
    ),
    _response(
        "status-206",
        answered(b"HTTP/1.1 206 Partial Content", b"Content-Range: bytes 0-4/9"),
        ("GET / -> 206", "GET /next -> 404"),
    ),
    _response("interim", _CONTINUE + OK),
    _response("interim-103", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + OK),
    _response("interim-several", _CONTINUE + b"HTTP/1.1 102 Processing\r\n\r\n" + _CONTINUE + OK),
    Case(
        "expect",
        (
            client(_EXPECT),
            server(_CONTINUE),
            client(b"hello"),
            server(OK),
            client(NEXT),
            server(MISSING),
        ),
        _POST,
    ),
    Case(
        "expect-not-awaited", (client(_EXPECT + b"hello"), server(_CONTINUE), server(OK)), _POST[:1]
    ),
    Case(
        "expect-refused",
        (
            client(_EXPECT),
            server(b"HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n"),
            client(NEXT),
            server(MISSING),
        ),
        ("POST /p -> 417", "GET /next -> 404"),
    ),
    Case(
        "upgrade",
        (client(_UPGRADE), server(_SWITCH), client(b"\x81\x05hello"), server(b"\x81\x05hello")),
        ("GET /ws -> 101",),
    ),
    Case(
        "upgrade-data-behind",
        (client(_UPGRADE), server(_SWITCH + b"\x81\x05hello")),
        ("GET /ws -> 101",),
    ),
    Case(
        "upgrade-refused",
        (client(_UPGRADE), server(OK), client(NEXT), server(MISSING)),
        ("GET /ws -> 200", "GET /next -> 404"),
    ),
    Case(
        "connect",
        (client(_TUNNEL), server(_OPENED), client(b"\x16\x03\x01"), server(b"\x16\x03\x03")),
        ("CONNECT b.example:443 -> 200",),
    ),
    Case(
        "connect-plain-inside",
        (client(_TUNNEL), server(_OPENED), client(GET), server(OK)),
        ("CONNECT b.example:443 -> 200",),
    ),
    Case(
        "connect-refused",
        (client(_TUNNEL), server(MISSING), client(NEXT), server(MISSING)),
        ("CONNECT b.example:443 -> 404", "GET /next -> 404"),
    ),
    Case(
        "connect-with-length",
        (client(_TUNNEL), server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n\x16\x03\x03")),
        ("CONNECT b.example:443 -> 200",),
    ),
    Case("unanswered", (client(GET),), ("GET / -> -",)),
    Case(
        "unanswered-second",
        (client(GET), server(OK), client(NEXT)),
        ("GET / -> 200", "GET /next -> -"),
    ),
    Case("unasked", (server(OK),), ("- -> 200",)),
    Case("answered-before-asked", (server(OK), client(GET)), ("- -> 200", "GET / -> -")),
    Case("answered-twice", (client(GET), server(OK + OK)), ("GET / -> 200", "- -> 200")),
    Case("request-cut-off", (client(GET[:-10]),), ("GET / -> -",)),
    Case("request-without-line-end", (client(b"GET / HTTP/1.1"), server(OK)), ONE),
    Case("response-cut-off", (client(GET), server(b"HTTP/1.1 200 OK\r\nA: b\r\nC:")), ONE),
    Case("no-blank-line-but-answered", (client(b"GET / HTTP/1.0\r\nA: b\r\n"), server(OK)), ONE),
    Case("both-sides-ask", (client(GET), server(GET), client(OK), server(OK)), ONE),
)

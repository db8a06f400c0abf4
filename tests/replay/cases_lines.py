"""Cases of the start line and of header lines (RFC 9112 sections 2 to 5)."""

from .case import GET, MISSING, NEXT, OK, ONE, TWO, Case, answered, asked, client, server


def _request(
    name: str,
    block: bytes,
    told: tuple[str, ...] = TWO,
    odd: str = "",
    *,
    response: bytes = OK,
) -> Case:
    """A request of this form, and a plain one behind it."""
    steps = (client(block), server(response), client(NEXT), server(MISSING))
    return Case(name, steps, told, frozenset(odd.split()))


def _response(
    name: str,
    message: bytes,
    told: tuple[str, ...] = TWO,
    odd: str = "",
) -> Case:
    """A response of this form, and a plain exchange behind it."""
    steps = (client(GET), server(message), client(NEXT), server(MISSING))
    return Case(name, steps, told, frozenset(odd.split()))


def _to(target: str, status: int = 200, method: str = "GET") -> tuple[str, ...]:
    return (f"{method} {target} -> {status}", "GET /next -> 404")


_BODY = b"Content-Length: 5\r\n\r\nhello"

REQUEST_LINES = (
    _request("plain", GET),
    _request("no-host-1.0", asked(b"GET / HTTP/1.0", b"A: b")),
    _request("no-headers", b"GET / HTTP/1.0\r\n\r\n"),
    _request(
        "absolute-form",
        asked(b"GET http://b.example/x?y=1 HTTP/1.1"),
        _to("http://b.example/x?y=1"),
    ),
    _request("asterisk-form", asked(b"OPTIONS * HTTP/1.1"), _to("*", method="OPTIONS")),
    _request(
        "query-and-fragment", asked(b"GET /a?b=c;d&e=%20#f HTTP/1.1"), _to("/a?b=c;d&e=%20#f")
    ),
    _request("target-without-slash", asked(b"GET index.html HTTP/1.1"), _to("index.html")),
    _request("target-question-mark", asked(b"GET ?a=b HTTP/1.1"), _to("?a=b")),
    _request("target-high-bytes", asked(b"GET /\xc3\xa4\xff HTTP/1.1"), _to("/\xc3\xa4\xff")),
    _request("target-nul", asked(b"GET /a\0b HTTP/1.1"), _to("/a\0b"), "nul"),
    _request("target-tab", asked(b"GET /a\tb HTTP/1.1"), _to("/a\tb"), "target_with_spaces"),
    _request("target-space", asked(b"GET /a b HTTP/1.1"), _to("/a b"), "target_with_spaces"),
    _request(
        "target-space-http",
        asked(b"GET /a HTTP/1.0 b HTTP/1.1"),
        _to("/a HTTP/1.0 b"),
        "target_with_spaces",
    ),
    _request("target-quote", asked(b'GET /"<>\\^`{|} HTTP/1.1'), _to('/"<>\\^`{|}')),
    _request("target-backslash", asked(b"GET \\a HTTP/1.1"), _to("\\a")),
    _request("target-8k", asked(b"GET /" + b"a" * 8000 + b" HTTP/1.1"), _to("/" + "a" * 8000)),
    _request("target-empty", asked(b"GET  HTTP/1.1"), _to(""), "missing_target"),
    _request("two-spaces", asked(b"GET  /  HTTP/1.1"), _to("/"), "start_line_whitespace"),
    _request("tab-separators", asked(b"GET\t/\tHTTP/1.1"), _to("/"), "start_line_whitespace"),
    _request("space-behind-version", asked(b"GET / HTTP/1.1 "), _to("/"), "start_line_whitespace"),
    _request(
        "word-behind-version",
        asked(b"GET / HTTP/1.1 x"),
        _to("/ HTTP/1.1 x"),
        "missing_version target_with_spaces",
    ),
    _request("space-before-method", asked(b" GET / HTTP/1.1"), _to("/"), "start_line_whitespace"),
    _request("tab-before-method", asked(b"\tGET / HTTP/1.1"), _to("/"), "start_line_whitespace"),
    _request("empty-line-before", b"\r\n" + GET),
    _request("three-empty-lines-before", b"\r\n\r\n\r\n" + GET),
    _request("lf-before", b"\n" + GET),
    _request("version-missing", asked(b"GET /x"), _to("/x"), "missing_version"),
    _request("version-missing-no-headers", b"GET /x\r\n\r\n", _to("/x"), "missing_version"),
    _request("version-2.0", asked(b"GET / HTTP/2.0"), odd="unusual_version"),
    _request("version-1.2", asked(b"GET / HTTP/1.2"), odd="unusual_version"),
    _request("version-0.9", asked(b"GET / HTTP/0.9"), odd="unusual_version"),
    _request("version-1.10", asked(b"GET / HTTP/1.10"), odd="unusual_version"),
    _request("version-1.", asked(b"GET / HTTP/1."), odd="unusual_version"),
    _request("version-01.1", asked(b"GET / HTTP/01.1"), odd="unusual_version"),
    _request("version-1.1a", asked(b"GET / HTTP/1.1a"), odd="unusual_version"),
    _request("version-9", asked(b"GET / HTTP/9"), odd="unusual_version"),
    _request("version-lower-case", asked(b"GET / http/1.1"), odd="unusual_version"),
    _request(
        "version-other-name",
        asked(b"GET / HTPP/1.1"),
        ("GET / HTPP/1.1 -> 200", "GET /next -> 404"),
        "missing_version",
    ),
    _request("version-slash-only", asked(b"GET / HTTP/"), odd="unusual_version"),
    _request("method-lower-case", asked(b"get / HTTP/1.1"), _to("/", method="get")),
    _request("method-mixed-case", asked(b"Get / HTTP/1.1"), _to("/", method="Get")),
    _request("method-unknown", asked(b"FOO / HTTP/1.1"), _to("/", method="FOO")),
    _request("method-dash", asked(b"M-SEARCH * HTTP/1.1"), _to("*", method="M-SEARCH")),
    _request("method-webdav", asked(b"PROPFIND /d HTTP/1.1"), _to("/d", method="PROPFIND")),
    _request("method-notify", asked(b"NOTIFY /d HTTP/1.1"), _to("/d", method="NOTIFY")),
    _request("method-subscribe", asked(b"SUBSCRIBE /d HTTP/1.1"), _to("/d", method="SUBSCRIBE")),
    _request("method-purge", asked(b"PURGE /d HTTP/1.1"), _to("/d", method="PURGE")),
    _request("method-rpc", asked(b"RPC_IN_DATA /d HTTP/1.1"), _to("/d", method="RPC_IN_DATA")),
    _request("method-long", asked(b"A" * 40 + b" /d HTTP/1.1"), _to("/d", method="A" * 40)),
    _request("method-query", asked(b"QUERY /d HTTP/1.1"), _to("/d", method="QUERY")),
    Case(
        "method-unknown-second",
        (client(GET), server(OK), client(asked(b"FOO /next HTTP/1.1")), server(MISSING)),
        ("GET / -> 200", "FOO /next -> 404"),
    ),
    Case(
        "method-lower-case-second",
        (client(GET), server(OK), client(asked(b"get /next HTTP/1.1")), server(MISSING)),
        ("GET / -> 200", "get /next -> 404"),
    ),
    Case(
        "method-not-a-token-second",
        (client(GET), server(OK), client(asked(b"G@T /next HTTP/1.1")), server(MISSING)),
        ("GET / -> 200", "G@T /next -> 404"),
        frozenset({"invalid_method"}),
    ),
    Case(
        "junk-between-requests",
        (client(GET), server(OK), client(b"junk\r\n" + NEXT), server(MISSING)),
        TWO,
        frozenset({"data_after_message"}),
    ),
    Case(
        "junk-between-pipelined",
        (client(GET + b"junk\r\n" + NEXT), server(OK + MISSING)),
        TWO,
        frozenset({"data_after_message"}),
    ),
    Case(
        "junk-apart-between-requests",
        (client(GET), server(OK), client(b"junk\r\n", NEXT), server(MISSING)),
        TWO,
        frozenset({"data_after_message"}),
    ),
    Case(
        "simple-request",
        (client(b"GET /x\n"), server(b"<p>hello\n")),
        ("GET /x -> -",),
        frozenset({"missing_version"}),
    ),
    Case(
        "simple-request-crlf",
        (client(b"GET /x\r\n"), server(b"<p>hello\n")),
        ("GET /x -> -",),
        frozenset({"missing_version"}),
    ),
    Case(
        "simple-request-to-1.0",
        (client(b"GET /x\r\n"), server(OK)),
        ("GET /x -> 200",),
        frozenset({"missing_version"}),
    ),
)

RESPONSE_LINES = (
    _response("status-no-reason", b"HTTP/1.1 200 \r\n" + _BODY),
    _response("status-no-reason-no-space", b"HTTP/1.1 200\r\n" + _BODY),
    _response("status-two-spaces", b"HTTP/1.1  200 OK\r\n" + _BODY, odd="start_line_whitespace"),
    _response("status-tab", b"HTTP/1.1\t200\tOK\r\n" + _BODY, odd="start_line_whitespace"),
    _response("status-reason-spaces", b"HTTP/1.1 200  all  is well \r\n" + _BODY),
    _response("status-reason-high-bytes", b"HTTP/1.1 200 \xe4\xff\r\n" + _BODY),
    _response("status-reason-colon", b"HTTP/1.1 200 a: b\r\n" + _BODY),
    _response("status-999", b"HTTP/1.1 999 No\r\n" + _BODY, _to("/", 999)),
    _response("status-600", b"HTTP/1.1 600 No\r\n" + _BODY, _to("/", 600)),
    _response(
        "status-099",
        b"HTTP/1.1 099 No\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "invalid_status",
    ),
    _response(
        "status-four-digits",
        b"HTTP/1.1 0200 OK\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "invalid_status",
    ),
    _response(
        "status-two-digits",
        b"HTTP/1.1 20 OK\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "invalid_status",
    ),
    _response(
        "status-letters",
        b"HTTP/1.1 2xx OK\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "invalid_status",
    ),
    _response("status-glued", b"HTTP/1.1 200OK\r\n" + _BODY, odd="invalid_status"),
    _response(
        "status-missing",
        b"HTTP/1.1\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "invalid_status",
    ),
    _response("status-version-2.0", b"HTTP/2.0 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response("status-version-1.2", b"HTTP/1.2 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response("status-version-0.9", b"HTTP/0.9 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response("status-version-1.01", b"HTTP/1.01 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response("status-version-01.1", b"HTTP/01.1 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response("status-version-1.", b"HTTP/1. 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response("status-version-1.a", b"HTTP/1.a 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response(
        "status-version-space",
        b"HTTP/ 1.1 200 OK\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "invalid_status",
    ),
    _response(
        "status-version-none",
        b"HTTP 200 OK\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "unreadable_response",
    ),
    _response("status-version-lower-case", b"http/1.1 200 OK\r\n" + _BODY, odd="unusual_version"),
    _response(
        "status-icy",
        b"ICY 200 OK\r\n" + _BODY,
        ("GET / -> -", "GET /next -> 404"),
        "unreadable_response",
    ),
    _response("status-space-before", b" HTTP/1.1 200 OK\r\n" + _BODY, odd="junk_before_start_line"),
    _response("status-empty-line-before", b"\r\n" + OK),
    _response("status-lf-before", b"\n" + OK),
    _response("status-junk-before", b"junk\r\n" + OK, odd="junk_before_start_line"),
    _response("status-junk-glued", b"junk" + OK, odd="junk_before_start_line"),
    _response("status-bom-before", b"\xef\xbb\xbf" + OK, odd="junk_before_start_line"),
)

_ONE_LINE: tuple[tuple[str, bytes, str], ...] = (
    ("header-no-space", b"A:b", ""),
    ("header-empty", b"A:", ""),
    ("header-only-space", b"A:   ", ""),
    ("header-many-spaces", b"A:   b  c   ", ""),
    ("header-tabs", b"A:\tb\t", ""),
    ("header-high-bytes", b"A: \xe4\xc3\xa4", ""),
    ("header-quoted", b'A: "b: c", d;e="f"', ""),
    ("header-colons", b"A: b:c:d", ""),
    ("header-nul", b"A: b\0c", "nul"),
    ("header-control", b"A: b\x01c\x7f", ""),
    ("header-bare-cr", b"A: b\rc", "bare_cr"),
    ("header-cr-before-crlf", b"A: b\r", "bare_cr"),
    ("header-only-cr", b"\r", "bare_cr"),
    ("header-cr-first", b"\rA: b", "bare_cr"),
    ("header-space-before-colon", b"A : b", "space_before_colon"),
    ("header-tab-before-colon", b"A\t: b", "space_before_colon"),
    ("header-name-with-space", b"A B: c", "invalid_header_line"),
    ("header-name-with-at", b"A@B: c", "invalid_header_line"),
    ("header-name-with-nul", b"A\0B: c", "invalid_header_line nul"),
    ("header-name-high-bytes", b"\xe4: c", "invalid_header_line"),
    ("header-name-quoted", b'"A": c', "invalid_header_line"),
    ("header-name-odd-token", b"A!#$%&'*+-.^_`|~9: c", ""),
    ("header-name-empty", b": c", "invalid_header_line"),
    ("header-name-number", b"1: c", ""),
    ("header-no-colon", b"nothing here", "invalid_header_line"),
    ("header-fold-space", b"A: b\r\n c", "obs_fold"),
    ("header-fold-tab", b"A: b\r\n\tc\r\n  d", "obs_fold"),
    ("header-fold-empty", b"A: b\r\n \r\nC: d", "obs_fold"),
    ("header-fold-behind-empty", b"A:\r\n b", "obs_fold"),
    ("header-fold-with-colon", b"A: b\r\n C: d", "obs_fold"),
    ("header-vertical-tab-line", b"\x0b", "invalid_header_line"),
    ("header-twice", b"A: b\r\na: c\r\nA: d", ""),
    ("header-like-start-line", b"GET /x HTTP/1.1", "invalid_header_line"),
    ("header-like-status-line", b"HTTP/1.1 200 OK", "invalid_header_line"),
    ("header-4k", b"A: " + b"b" * 4000, ""),
    ("header-many", b"\r\n".join(b"A%d: b" % n for n in range(120)), ""),
    ("header-basic-auth", b"Authorization: Basic dTpwOg==", ""),
    ("header-bare-lf", b"A: b\nC: d", "bare_lf"),
)

HEADER_LINES = (
    *(
        _request(name, asked(b"GET / HTTP/1.1", b"Host: a.example", line, b"Z: z"), odd=odd)
        for name, line, odd in _ONE_LINE
    ),
    *(
        _response(f"response-{name}", answered(b"HTTP/1.1 200 OK", line, b"Z: z"), odd=odd)
        for name, line, odd in _ONE_LINE
        if line != b"\r"
    ),
    # The block ends at its empty line, however many CRs that has: so the length is not in it.
    _response(
        "response-header-only-cr",
        answered(b"HTTP/1.1 200 OK", b"\r", b"Z: z"),
        ("GET / -> 200", "GET /next -> -"),
        "bare_cr",
    ),
    _request(
        "header-first-line-folded",
        asked(b"GET / HTTP/1.1", b" A: b", b"Host: a.example"),
        odd="leading_whitespace_in_headers",
    ),
    _response(
        "response-header-first-line-folded",
        answered(b"HTTP/1.1 200 OK", b" A: b", b"C: d"),
        odd="leading_whitespace_in_headers",
    ),
    _request(
        "host-twice",
        asked(b"GET / HTTP/1.1", b"Host: a.example", b"Host: b.example"),
        odd="multiple_host",
    ),
    _request("host-empty", asked(b"GET / HTTP/1.1", b"Host:")),
    _request("host-spaces", asked(b"GET / HTTP/1.1", b"Host:   a.example  ")),
    _request("user-agent-twice", asked(b"GET / HTTP/1.1", b"User-Agent: a", b"User-Agent: b")),
    _request("all-bare-lf", GET.replace(b"\r\n", b"\n"), odd="bare_lf"),
    _response(
        "response-all-bare-lf", b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", odd="bare_lf"
    ),
    _request("block-ends-lf-crlf", b"GET / HTTP/1.1\r\nA: b\n\r\n", odd="bare_lf"),
    _request("block-ends-crlf-lf", b"GET / HTTP/1.1\r\nA: b\r\n\n", odd="bare_lf"),
    _response(
        "response-ends-crlf-lf", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\nhello", odd="bare_lf"
    ),
    _response(
        "response-ends-lf-crlf", b"HTTP/1.1 200 OK\r\nContent-Length: 5\n\r\nhello", odd="bare_lf"
    ),
    _response(
        "response-cr-cr-lf",
        b"HTTP/1.1 200 OK\r\r\nContent-Length: 5\r\r\n\r\r\nhello",
        odd="bare_cr",
    ),
    _request("cr-cr-lf", b"GET / HTTP/1.1\r\r\nA: b\r\r\n\r\r\n", odd="bare_cr"),
    Case("only-cr", (client(b"GET / HTTP/1.1\rA: b\r\r"), server(OK)), ONE, frozenset({"bare_cr"})),
)

"""Where tshark tells a case of ours differently, and why ours is right.

A case that stands here and does not differ fails its test, as does one that differs and does not.
"""


def _because(why: str, names: str) -> dict[str, str]:
    """The same reason for several cases."""
    return dict.fromkeys(names.split(), why)


#: Name of a case to the reason.
REASONS = (
    _because(
        "the version is the last word of the line, and white space in front of it belongs to "
        "the target: RFC 9112 sections 3 and 3.2; tshark ends the target at its first space",
        "target-space target-space-http word-behind-version",
    )
    | _because(
        "white space behind the version is to be ignored: RFC 9112 section 3",
        "space-behind-version",
    )
    | _because(
        "any white space may part the words of a start line, and be in front of it: RFC 9112 "
        "section 3; tshark knows single spaces only",
        "two-spaces tab-separators space-before-method tab-before-method status-tab "
        "status-space-before target-empty",
    )
    | _because(
        "empty lines in front of a request line are ignored: RFC 9112 section 2.2; tshark "
        "reads on behind one CRLF only",
        "three-empty-lines-before lf-before status-lf-before",
    )
    | _because(
        "the name of the protocol is HTTP in capitals: RFC 9112 section 2.3; tshark takes "
        "whatever stands there for a version",
        "version-lower-case version-other-name status-version-lower-case",
    )
    | _because(
        "a method is any token: RFC 9110 section 9.1; tshark has a list",
        "method-lower-case method-mixed-case method-unknown method-notify method-subscribe "
        "method-purge method-long method-query method-unknown-second method-lower-case-second "
        "method-not-a-token-second request-body-without-length",
    )
    | _because(
        "a request without a version is HTTP/0.9: RFC 1945 section 5; tshark tells none",
        "simple-request simple-request-crlf simple-request-to-1.0",
    )
    | _because(
        "a status code has three digits, the first of them 1 to 5 or more: RFC 9112 section 4;"
        " tshark takes what digits there are",
        "status-099 status-four-digits status-two-digits status-letters status-missing "
        "status-version-space status-icy",
    )
    | _because(
        "bytes that begin no message are skipped: RFC 9112 section 2.2; tshark finds no "
        "message in the rest of the segment",
        "status-junk-before status-junk-glued status-bom-before status-version-none "
        "junk-between-requests junk-between-pipelined body-beyond-length-goes-on "
        "body-beyond-length-apart",
    )
    | _because(
        "a CR without LF ends no line: RFC 9112 section 2.2; for tshark it does",
        "header-bare-cr header-cr-before-crlf header-cr-first response-header-bare-cr "
        "response-header-cr-before-crlf response-header-cr-first response-cr-cr-lf cr-cr-lf "
        "coding-bare-cr only-cr",
    )
    | _because(
        "a header name is a token, and a line without one is dropped and named: RFC 9110 "
        "section 5.1; tshark shows any text in front of a colon",
        "header-name-with-space header-name-with-at header-name-with-nul "
        "header-name-high-bytes header-name-quoted header-name-empty "
        "response-header-name-with-space response-header-name-with-at "
        "response-header-name-with-nul response-header-name-high-bytes "
        "response-header-name-quoted response-header-name-empty header-first-line-folded "
        "response-header-first-line-folded",
    )
    | _because(
        "a header section ends with an empty line: RFC 9112 section 2.1; tshark ends it at a "
        "line that is no header",
        "header-no-colon response-header-no-colon header-vertical-tab-line "
        "response-header-vertical-tab-line header-like-start-line header-like-status-line",
    )
    | _because(
        "a folded line belongs to the value in front of it: RFC 9112 section 5.2; tshark ends "
        "the header section there",
        "header-fold-space header-fold-tab header-fold-empty header-fold-behind-empty "
        "header-fold-with-colon response-header-fold-space response-header-fold-tab "
        "response-header-fold-empty response-header-fold-behind-empty "
        "response-header-fold-with-colon length-folded coding-folded",
    )
    | _because(
        "a length that is no number, or several, leaves the end of the body open, and the next"
        " message is found by its start line: RFC 9112 section 6.3; tshark takes all to the "
        "end",
        "length-list-equal length-list-other length-twice-other length-hex length-negative "
        "length-empty length-semicolon length-fraction length-space-before-colon "
        "request-body-bad-length",
    )
    | _because(
        "the server answered a request whose body is still under way: RFC 9112 section 9.3; "
        "tshark tells a request only when its body is there",
        "response-before-body",
    )
    | _because(
        "a client that is refused need not send the body it announced: RFC 9110 section 10.1.1",
        "expect-refused",
    )
    | _because(
        "a status line is no trailer, which has a colon: RFC 9112 section 7.1.2; tshark takes it "
        "for one",
        "chunk-no-final-crlf-and-response",
    )
    | _because(
        "tshark's reassembly loses a response whose chunks come in single bytes",
        "chunk-in-bytes",
    )
    | _because(
        "a response to HEAD has no body: RFC 9112 section 6.3; tshark mistakes the next "
        "response of a pipeline for it",
        "head-pipelined",
    )
    | _because(
        "the proxy's exchange ends with its 200: RFC 9110 section 9.3.6; tshark reads what the"
        " tunnel holds",
        "connect-plain-inside",
    )
    | _because(
        "what was sent of a message that was cut off is told, and named: RFC 9112 section 8; "
        "tshark tells none of it",
        "request-cut-off response-cut-off no-blank-line-but-answered request-without-line-end",
    )
    | _because(
        "one side of a connection asks, the other answers: RFC 9112 section 9",
        "both-sides-ask",
    )
    | _because(
        "a block is taken as far as a limit, and the record says so: RFC 9112 section 2.3",
        "block-of-40-k",
    )
    | _because(
        "messages beyond a hole are found by their start lines; tshark waits for what was lost",
        "lost-in-request lost-in-response midstream-in-body "
        "lost-end-of-body-and-response-behind lost-end-of-body-and-next-start",
    )
    | _because(
        "no receiver takes a segment with a wrong checksum: RFC 9293 section 3.1; tshark does "
        "not ask, for offloading leaves it open",
        "decoy-checksum",
    )
    | _because(
        "HTTP is known by what is sent, not by ports (RFC 9110 section 4.2.1); tshark takes "
        "the lower port's protocol",
        "low-client-port",
    )
    | _because(
        "another protocol, whatever it resembles: RFC 7826 section 2",
        "not-http-rtsp",
    )
    | _because(
        "what a proxy says of the connection stands in front of the first request (PROXY "
        "protocol, sections 2.1 and 2.2)",
        "proxy-v1 proxy-v2",
    )
)

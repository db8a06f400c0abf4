"""Cases of the transport: segmentation, order, loss, repetition, both ends (RFC 9293)."""

from .case import (
    CHUNKED,
    GET,
    MISSING,
    NEXT,
    OK,
    ONE,
    TWO,
    Case,
    Step,
    answered,
    asked,
    client,
    server,
)
from .packets import ACK, CLIENT, FIN, PSH, RST, SERVER, SYN, URG, Talk

_LONG = asked(b"GET /long HTTP/1.1", *(b"H%d: %s" % (n, b"v" * 50) for n in range(30)))
_LONG_OK = answered(b"HTTP/1.1 200 OK", *(b"H%d: %s" % (n, b"v" * 50) for n in range(30)))
_BIG = answered(b"HTTP/1.1 200 OK", body=bytes(3000))
_LONG_TOLD = ("GET /long -> 200",)


def _order(side: int, data: bytes, *parts: tuple[int, int]) -> Step:
    """Slices of `data`, in this order on the wire."""

    def step(talk: Talk) -> None:
        for start, end in parts:
            talk.at(side, start, data[start:end])
        talk.skip(side, len(data))

    return step


def _lose(side: int, count: int) -> Step:
    return lambda talk: talk.skip(side, count)


def _repeat(side: int, back: int, data: bytes) -> Step:
    return lambda talk: talk.at(side, -back, data)


def _flags(side: int, flags: int, data: bytes = b"") -> Step:
    def step(talk: Talk) -> None:
        talk.send(side, data, flags)
        talk.skip(side, bool(flags & FIN))

    return step


def _elsewhere(flags: int, offset: int) -> Step:
    """An empty segment of the server's that lies so far from its next byte."""
    return lambda talk: talk.put(
        talk.segment(SERVER, flags=flags, sequence=talk.next[SERVER] + offset)
    )


def _acknowledge(side: int) -> Step:
    return lambda talk: talk.acknowledge(side)


def _fast_open(talk: Talk) -> None:
    talk.put(talk.segment(CLIENT, GET, SYN, sequence=talk.next[0] - 1))
    talk.skip(CLIENT, len(GET))
    talk.put(talk.segment(SERVER, flags=SYN | ACK, sequence=talk.next[1] - 1))
    talk.acknowledge(CLIENT)


def _again(talk: Talk) -> None:
    """The same ports once more."""
    talk.close()
    talk.next = [50001, 70001]
    talk.open()
    talk.send(CLIENT, NEXT)
    talk.send(SERVER, MISSING)


def _keep_alive(talk: Talk) -> None:
    talk.at(CLIENT, -1, b"\0")
    talk.acknowledge(SERVER)


def _decoy(talk: Talk) -> None:
    """A segment that no server takes, at the place of the request."""
    decoy = b"GET /decoy HTTP/1.1\r\nHost: x\r\n\r\n"
    talk.put(talk.segment(CLIENT, decoy, valid=False))


_third = (0, 500), (500, 1000), (1000, len(_LONG))
_third_ok = (0, 500), (500, 1000), (1000, len(_LONG_OK))
_ANSWER = server(OK)
_GO_ON = (client(NEXT), server(MISSING))

SEGMENTS = (
    Case(
        "bytes",
        (client(*(bytes([b]) for b in GET)), server(*(bytes([b]) for b in OK)), *_GO_ON),
        TWO,
    ),
    *(
        Case(f"request-split-at-{at}", (client(GET[:at], GET[at:]), _ANSWER, *_GO_ON), TWO)
        for at in (1, 2, 3, 4, 5, 14, 15, 16, len(GET) - 3, len(GET) - 2, len(GET) - 1)
    ),
    *(
        Case(f"response-split-at-{at}", (client(GET), server(OK[:at], OK[at:]), *_GO_ON), TWO)
        for at in (1, 4, 5, 7, 8, 9, 12, 16, 17, 37, 38, 39, 40, 41)
    ),
    Case(
        "long-block",
        (client(*(_LONG[a:b] for a, b in _third)), server(*(_LONG_OK[a:b] for a, b in _third_ok))),
        _LONG_TOLD,
    ),
    Case(
        "big-segment",
        (client(_LONG), server(answered(b"HTTP/1.1 200 OK", body=bytes(30000)) + MISSING)),
        ("GET /long -> 200", "- -> 404"),
    ),
    Case(
        "block-of-15-k", (client(asked(b"GET / HTTP/1.1", b"A: " + b"b" * 15000)), server(OK)), ONE
    ),
    Case(
        "block-of-40-k",
        (
            client(asked(b"GET / HTTP/1.1", *(b"A%d: %s" % (n, b"b" * 1000) for n in range(40)))),
            server(OK),
            *_GO_ON,
        ),
        TWO,
    ),
    Case(
        "next-request-split",
        (client(GET, NEXT[:10]), _ANSWER, client(NEXT[10:]), server(MISSING)),
        TWO,
    ),
)

ORDER = (
    Case(
        "request-swapped", (_order(CLIENT, _LONG, (500, len(_LONG)), (0, 500)), _ANSWER), _LONG_TOLD
    ),
    Case("request-three-reversed", (_order(CLIENT, _LONG, *_third[::-1]), _ANSWER), _LONG_TOLD),
    Case(
        "request-middle-last",
        (_order(CLIENT, _LONG, _third[0], _third[2], _third[1]), _ANSWER),
        _LONG_TOLD,
    ),
    Case(
        "response-swapped",
        (client(_LONG), _order(SERVER, _LONG_OK, (500, len(_LONG_OK)), (0, 500))),
        _LONG_TOLD,
    ),
    Case(
        "response-three-reversed",
        (client(_LONG), _order(SERVER, _LONG_OK, *_third_ok[::-1])),
        _LONG_TOLD,
    ),
    Case(
        "response-middle-last",
        (client(_LONG), _order(SERVER, _LONG_OK, _third_ok[0], _third_ok[2], _third_ok[1])),
        _LONG_TOLD,
    ),
    Case(
        "response-before-request",
        (_order(SERVER, OK, (0, len(OK))), client(GET)),
        ("- -> 200", "GET / -> -"),
    ),
    Case(
        "body-swapped",
        (client(GET), _order(SERVER, _BIG, (0, 500), (1500, len(_BIG)), (500, 1500)), *_GO_ON),
        TWO,
    ),
    Case(
        "chunks-swapped",
        (
            client(GET),
            _order(
                SERVER,
                CHUNKED + b"5\r\nhello\r\n3\r\nabc\r\n0\r\n\r\n",
                (0, 47),
                (57, 70),
                (47, 57),
            ),
            *_GO_ON,
        ),
        TWO,
    ),
    Case(
        "pipelined-swapped",
        (
            _order(CLIENT, GET + NEXT, (len(GET), len(GET + NEXT)), (0, len(GET))),
            server(OK + MISSING),
        ),
        TWO,
    ),
    Case(
        "fin-before-data",
        (
            client(GET),
            lambda t: t.put(t.segment(SERVER, flags=FIN | ACK, sequence=t.next[1] + len(OK))),
            server(OK),
        ),
        ONE,
    ),
)

REPEATS = (
    Case("request-twice", (client(GET), _repeat(CLIENT, len(GET), GET), _ANSWER, *_GO_ON), TWO),
    Case(
        "request-again-behind-response",
        (client(GET), _ANSWER, _repeat(CLIENT, len(GET), GET), *_GO_ON),
        TWO,
    ),
    Case("response-twice", (client(GET), _ANSWER, _repeat(SERVER, len(OK), OK), *_GO_ON), TWO),
    Case(
        "repeat-goes-on",
        (
            client(GET[:20]),
            _repeat(CLIENT, 20, GET),
            _lose(CLIENT, len(GET) - 20),
            _ANSWER,
            *_GO_ON,
        ),
        TWO,
    ),
    Case(
        "repeat-overlaps",
        (
            client(GET[:20]),
            _repeat(CLIENT, 10, GET[10:]),
            _lose(CLIENT, len(GET) - 20),
            _ANSWER,
            *_GO_ON,
        ),
        TWO,
    ),
    Case(
        "repeat-differs",
        (client(GET[:20]), _repeat(CLIENT, 15, b"/x HTTP/1.1\r\nHos"), client(GET[20:]), _ANSWER),
        ONE,
        frozenset({"overlap_conflict"}),
    ),
    Case(
        "response-repeat-differs",
        (client(GET), server(OK[:20]), _repeat(SERVER, 15, b"1 500 Not OK at"), server(OK[20:])),
        ONE,
        frozenset({"overlap_conflict"}),
    ),
    Case(
        "repeat-differs-and-goes-on",
        (
            client(GET),
            server(OK[:20]),
            _repeat(SERVER, 15, b"1 500 Not OK at" + OK[20:]),
            _lose(SERVER, len(OK) - 20),
        ),
        ONE,
        frozenset({"overlap_conflict"}),
    ),
    Case(
        "two-beyond-a-hole-differ",
        (
            lambda t: t.at(CLIENT, 20, GET[20:].replace(b"a.example", b"b.example")),
            lambda t: t.at(CLIENT, 20, GET[20:]),
            client(GET[:20]),
            _lose(CLIENT, len(GET) - 20),
            _ANSWER,
        ),
        ONE,
        frozenset({"overlap_conflict"}),
    ),
    Case("keep-alive-probe", (client(GET), _ANSWER, _keep_alive, *_GO_ON), TWO),
    Case("decoy-checksum", (_decoy, client(GET), _ANSWER, *_GO_ON), TWO),
    Case(
        "old-segment",
        (client(GET), _ANSWER, _repeat(CLIENT, 5000, b"GET /old HTTP/1.1\r\n\r\n"), *_GO_ON),
        TWO,
    ),
)

LOSS = (
    Case(
        "lost-in-body",
        (client(GET), server(_BIG[:500]), _lose(SERVER, 500), server(_BIG[1000:]), *_GO_ON),
        TWO,
    ),
    Case(
        "lost-end-of-body",
        (client(GET), server(_BIG[:500]), _lose(SERVER, len(_BIG) - 500), *_GO_ON),
        TWO,
    ),
    Case(
        "lost-end-of-body-and-response-behind",
        (
            client(GET, NEXT),
            server(_BIG[:500]),
            _lose(SERVER, 1000),
            server(_BIG[1500:] + MISSING),
        ),
        TWO,
    ),
    Case(
        "lost-end-of-body-and-next-start",
        (
            client(GET, NEXT),
            server(_BIG[:500]),
            _lose(SERVER, len(_BIG) - 500 + 10),
            server(MISSING[10:]),
        ),
        ("GET / -> 200", "GET /next -> -"),
    ),
    Case(
        "lost-in-request",
        (client(_LONG[:500]), _lose(CLIENT, 500), client(_LONG[1000:]), _ANSWER, *_GO_ON),
        ("GET /long -> 200", "GET /next -> 404"),
    ),
    Case(
        "lost-in-response",
        (client(GET), server(_LONG_OK[:500]), _lose(SERVER, 500), server(_LONG_OK[1000:]), *_GO_ON),
        TWO,
    ),
    Case(
        "lost-request",
        (_lose(CLIENT, len(GET)), _ANSWER, *_GO_ON),
        ("- -> 200", "GET /next -> 404"),
    ),
    Case(
        "lost-response",
        (client(GET), _lose(SERVER, len(OK)), *_GO_ON),
        ("GET / -> -", "GET /next -> 404"),
    ),
    Case(
        "lost-exchange",
        (client(GET), _ANSWER, _lose(CLIENT, len(GET)), _lose(SERVER, len(OK)), *_GO_ON),
        TWO,
    ),
    Case(
        "lost-chunk",
        (
            client(GET),
            server(CHUNKED + b"5\r\nhe"),
            _lose(SERVER, 8),
            server(b"3\r\nabc\r\n0\r\n\r\n"),
            *_GO_ON,
        ),
        TWO,
    ),
    Case(
        "cut-short-body",
        (client(GET), server(_BIG[:500]), _flags(SERVER, RST | ACK)),
        ONE,
        whole=False,
    ),
)

ENDS = (
    Case("midstream", (client(GET), _ANSWER, *_GO_ON), TWO, whole=False),
    Case(
        "midstream-response-first",
        (_ANSWER, *_GO_ON),
        ("- -> 200", "GET /next -> 404"),
        whole=False,
    ),
    Case(
        "midstream-in-body",
        (server(b"rest of a body"), *_GO_ON),
        ("GET /next -> 404",),
        whole=False,
    ),
    Case(
        "midstream-in-block",
        (client(b"xample\r\nA: b\r\n\r\n"), _ANSWER, *_GO_ON),
        ("- -> 200", "GET /next -> 404"),
        whole=False,
    ),
    Case("only-client", (client(GET, NEXT),), ("GET / -> -", "GET /next -> -"), whole=False),
    Case("only-server", (server(OK, MISSING),), ("- -> 200", "- -> 404"), whole=False),
    Case(
        "only-client-with-syn",
        (lambda t: t.put(t.segment(CLIENT, flags=SYN, sequence=t.next[0] - 1)), client(GET, NEXT)),
        ("GET / -> -", "GET /next -> -"),
        whole=False,
    ),
    Case("fast-open", (_fast_open, _ANSWER), ONE, whole=False),
    Case(
        "syn-twice",
        (
            lambda t: t.put(t.segment(CLIENT, flags=SYN, sequence=t.next[0] - 1)),
            lambda t: t.open(),
            client(GET),
            _ANSWER,
        ),
        ONE,
        whole=False,
    ),
    Case("data-with-fin", (client(GET), _flags(SERVER, FIN | PSH | ACK, OK)), ONE, whole=False),
    Case("request-with-fin", (_flags(CLIENT, FIN | PSH | ACK, GET), server(OK)), ONE, whole=False),
    Case(
        "half-closed",
        (
            client(GET),
            _flags(CLIENT, FIN | ACK),
            server(b"HTTP/1.1 200 OK\r\n\r\nhello"),
            _flags(SERVER, FIN | ACK),
        ),
        ONE,
        whole=False,
    ),
    Case(
        "reset-after-request",
        (client(GET), _flags(SERVER, RST | ACK)),
        ("GET / -> -",),
        whole=False,
    ),
    Case(
        "reset-with-data",
        (client(GET), _ANSWER, _flags(SERVER, RST | ACK, b"GET /reason HTTP/1.1\r\n\r\n")),
        ONE,
        whole=False,
    ),
    *(
        Case(
            f"{name}-that-counts-not",
            (client(GET), _elsewhere(flags, offset), _ANSWER, *_GO_ON),
            TWO,
        )
        for name, flags, offset in (
            ("reset-beyond", RST | ACK, 5_000_000),
            ("reset-behind", RST | ACK, -500_000),
            ("fin-beyond", FIN | ACK, 50_000_000),
            ("fin-behind", FIN | ACK, -1),
        )
    ),
    Case(
        "response-beyond-the-window",
        (
            client(GET),
            lambda t: t.at(SERVER, 20_000_000, b"HTTP/1.1 500 No\r\n\r\n"),
            _ANSWER,
            *_GO_ON,
        ),
        TWO,
    ),
    Case("ports-again", (client(GET), _ANSWER, _again), TWO),
    Case("urgent", (_flags(CLIENT, URG | PSH | ACK, GET), _ANSWER), ONE),
    Case("no-psh", (_flags(CLIENT, ACK, GET), _flags(SERVER, ACK, OK)), ONE),
    Case(
        "sequence-wraps",
        (client(GET), _ANSWER, *_GO_ON),
        TWO,
        talk={"first": (0xFFFFFFF0, 0xFFFFFFE0)},
    ),
    Case("same-port-twice", (client(GET), _ANSWER), ONE, talk={"ports": (80, 80)}),
    Case("other-port", (client(GET), _ANSWER, *_GO_ON), TWO, talk={"ports": (40000, 12345)}),
    Case("port-22", (client(GET), _ANSWER, *_GO_ON), TWO, talk={"ports": (40000, 22)}),
    Case("low-client-port", (client(GET), _ANSWER), ONE, talk={"ports": (25, 8000)}),
    Case("ipv6", (client(GET), _ANSWER, *_GO_ON), TWO, talk={"version": 6}),
    Case(
        "not-http-ssh",
        (server(b"SSH-2.0-OpenSSH_9\r\n"), client(b"SSH-2.0-x\r\n")),
        (),
        talk={"ports": (40000, 22)},
    ),
    Case(
        "http-to-ssh",
        (client(GET), server(b"SSH-2.0-OpenSSH_9\r\nProtocol mismatch.\r\n")),
        ("GET / -> -",),
    ),
    Case(
        "not-http-rtsp",
        (
            client(b"OPTIONS rtsp://a.example/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
            server(b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n"),
        ),
        (),
        talk={"ports": (40000, 554)},
    ),
    Case(
        "not-http-sip",
        (
            client(b"INVITE sip:a@b SIP/2.0\r\nVia: x\r\n\r\n"),
            server(b"SIP/2.0 100 Trying\r\n\r\n"),
        ),
        (),
        talk={"ports": (40000, 5060)},
    ),
    Case(
        "not-http-http2",
        (
            client(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"),
            server(b"\0\0\0\4\0\0\0\0\0"),
        ),
        (),
    ),
    Case(
        "proxy-v1",
        (client(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n" + GET), _ANSWER, *_GO_ON),
        TWO,
    ),
    Case(
        "proxy-v1-apart",
        (client(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 80\r\n", GET), _ANSWER, *_GO_ON),
        TWO,
    ),
    Case(
        "proxy-v2",
        (
            client(b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\2\1\xc0\0\2\2\0\1\0\x50" + GET),
            _ANSWER,
            *_GO_ON,
        ),
        TWO,
    ),
    Case(
        "socks4",
        (
            client(b"\4\1\0\x50\x5d\xb8\xd8\x22\0"),
            server(b"\0\x5a\0\0\0\0\0\0"),
            client(GET),
            _ANSWER,
        ),
        ONE,
        talk={"ports": (40000, 1080)},
    ),
)

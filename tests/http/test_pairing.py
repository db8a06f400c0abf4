"""One connection: responses to requests, and what becomes of either alone."""

import pytest
from wire import CLIENT, GET, MS, NOT_FOUND, OK, POST, SERVER, Wire, run, summary

from shipper.contract.events import Direction, Flag, FlowEnd, Kind
from shipper.contract.exchange import Connection, Exchange, Request, Response
from shipper.http import Assembler

HEAD = GET.replace(b"GET", b"HEAD")
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
UNFRAMED = b"HTTP/1.1 200 OK\r\n\r\n"


def test_plain_exchange() -> None:
    """Everything that two events tell stands in the exchange."""
    wire = Wire()
    start = wire.time
    events = wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=5)
    assert run(events) == [
        Exchange(
            Connection(
                stream="tcp",
                hook="cgroup",
                direction="ingress",
                client_address=b"\x0a\0\0\1",
                client_port=40000,
                server_address=b"\x0a\0\0\2",
                server_port=80,
                flow=1,
                cookie=11,
                cgroup=12,
                interface=3,
                scope=None,
            ),
            Request(
                "1.1",
                (("Host", "a.example"),),
                start + MS,
                start + MS,
                len(GET),
                0,
                method="GET",
                target="/one",
            ),
            Response(
                "1.1",
                (("Content-Length", "5"),),
                start + 2 * MS,
                start + 2 * MS,
                len(OK),
                5,
                status=200,
                reason="OK",
            ),
        )
    ]


def test_direction_and_unknown_facts() -> None:
    """Egress requests are the client's view; zero and UNKNOWN become None."""
    for direction, name in ((Direction.EGRESS, "egress"), (Direction.UNKNOWN, None)):
        event = Wire().send(CLIENT, GET)[0]
        [exchange] = run(
            [event._replace(direction=direction, cookie=0, cgroup=0, interface=0)], close=True
        )
        there = exchange.connection
        assert there.direction == name
        assert (there.cookie, there.cgroup, there.interface, there.scope) == (None,) * 4


def test_lone_response_names_its_receiver_as_client() -> None:
    """A response without a request: its destination is the client, EGRESS means ingress."""
    [exchange] = run(Wire().send(SERVER, OK, body=5))
    assert summary([exchange]) == [(None, 200, ["no_request"])]
    assert exchange.connection.client_port == 40000
    assert exchange.connection.direction == "ingress"
    assert exchange.start == exchange.response.start if exchange.response else 0


def test_ipv6() -> None:
    """An address that is not v4-mapped keeps its 16 bytes."""
    event = Wire().send(CLIENT, GET)[0]
    [exchange] = run([event._replace(source=bytes(range(16)))], close=True)
    assert exchange.connection.client_address == bytes(range(16))


def test_keep_alive_counts_exchanges() -> None:
    """Exchanges of a connection are numbered from 0."""
    wire = Wire()
    events = []
    for _ in range(3):
        events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    assert [each.number for each in run(events)] == [0, 1, 2]


def test_pipelining() -> None:
    """Responses answer requests in their order."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, POST, body=5)
    events += wire.send(SERVER, OK, body=5, rides=False) + wire.send(SERVER, NOT_FOUND)
    assert summary(run(events)) == [("/one", 200, []), ("/two", 404, [])]


def test_body_ends_later() -> None:
    """A message's end on its own gives the time of the last byte and the body's size."""
    wire = Wire()
    events = wire.send(CLIENT, POST, body=5, rides=False) + wire.send(
        SERVER, OK, body=5, rides=False
    )
    [exchange] = run(events)
    assert exchange.request
    assert exchange.response
    assert (exchange.request.end, exchange.request.body_bytes) == (events[1].time, 5)
    assert (exchange.response.end, exchange.response.body_bytes) == (events[3].time, 5)


def test_interim_responses() -> None:
    """1xx codes belong to the final response."""
    wire = Wire()
    events = wire.send(CLIENT, POST, body=None) + wire.send(SERVER, CONTINUE)
    events += wire.send(SERVER, CONTINUE.replace(b"100", b"103")) + wire.send(SERVER, OK, body=5)
    events += wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=5)
    first, second = run(events)
    assert first.response
    assert second.response
    assert first.response.interim == (100, 103)
    assert second.response.interim == ()


def test_flood_of_interim_responses_is_bounded() -> None:
    """Only so many codes are listed; the others are counted."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, GET)
    for _ in range(50):
        events += wire.send(SERVER, CONTINUE)
    [exchange] = run(events + wire.send(SERVER, NOT_FOUND), assembler)
    assert exchange.response
    assert len(exchange.response.interim) == 32
    assert assembler.counters["interim_dropped"] == 18


@pytest.mark.parametrize(
    ("request_block", "response_block"),
    [
        (b"CONNECT h:1 HTTP/1.1\r\n\r\n", b"HTTP/1.1 200 Connected\r\n\r\n"),
        (GET, b"HTTP/1.1 101 Switching Protocols\r\n\r\n"),
    ],
)
@pytest.mark.parametrize("splits", [(), (3, 9)])
def test_tunnels_end_at_the_header(
    request_block: bytes, response_block: bytes, splits: tuple[int, ...]
) -> None:
    """After 101, and 2xx to CONNECT, what follows is not HTTP: the exchange is whole."""
    wire = Wire()
    events = wire.send(CLIENT, request_block)
    events += wire.send(SERVER, response_block, body=None, splits=splits)
    [exchange] = run(events)
    assert exchange.incomplete == ()
    assert exchange.response
    assert (exchange.response.end, exchange.response.body_bytes) == (events[-1].time, 0)
    assert run([wire.end(FlowEnd.TUNNEL)]) == []


def test_refused_connect_has_a_body() -> None:
    """A 4xx to CONNECT is an ordinary response."""
    wire = Wire()
    events = wire.send(CLIENT, b"CONNECT h:1 HTTP/1.1\r\n\r\n")
    events += wire.send(SERVER, OK.replace(b"200", b"407"), body=5, rides=False)
    assert run(events[:-1]) == []
    assert summary(run(events)) == [("h:1", 407, [])]


def test_early_response() -> None:
    """A response before the request's body ended is handed out; the end is counted."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, POST, body=None) + wire.send(SERVER, NOT_FOUND)
    events.append(wire.event(CLIENT, Kind.MESSAGE_END, body=5))
    [exchange] = run(events, assembler)
    assert exchange.request
    assert exchange.request.end is None
    assert exchange.incomplete == ()
    assert assembler.counters["message_end_after_exchange"] == 1


def test_response_to_unfinished_request_block() -> None:
    """A 408 answers the half header block that it gave up on."""
    wire = Wire()
    half = wire.event(CLIENT, flags=Flag.START, data=GET[:-2])
    assert summary(run([half, *wire.send(SERVER, NOT_FOUND.replace(b"404", b"408"))])) == [
        ("/one", 408, ["request_cut_off"])
    ]


@pytest.mark.parametrize("reason", [FlowEnd.FIN, FlowEnd.RST, FlowEnd.CLOSED, FlowEnd.EVICTED])
def test_request_without_response_at_the_end(reason: FlowEnd) -> None:
    """The connection is over: no response will come."""
    wire = Wire()
    assert summary(run([*wire.send(CLIENT, GET), wire.end(reason)])) == [
        ("/one", None, ["no_response"])
    ]


def test_until_close() -> None:
    """A response may end with its connection, and then is whole."""
    wire = Wire()
    events = wire.send(CLIENT, GET)
    events += wire.send(SERVER, UNFRAMED, body=None, flags=Flag.UNTIL_CLOSE)
    events.append(wire.end(flags=Flag.UNTIL_CLOSE, body=99))
    [exchange] = run(events)
    assert exchange.response
    assert (exchange.response.end, exchange.response.body_bytes) == (events[-1].time, 99)
    assert exchange.incomplete == ()


def test_until_close_without_a_count() -> None:
    """Without the flag on the flow's end the size of the body is unknown, not zero."""
    wire = Wire()
    events = wire.send(CLIENT, GET)
    events += wire.send(SERVER, UNFRAMED, body=None, flags=Flag.UNTIL_CLOSE)
    [exchange] = run([*events, wire.end()])
    assert exchange.response
    assert exchange.response.end is not None
    assert exchange.response.body_bytes is None


@pytest.mark.parametrize(
    ("block", "flags", "reason", "incomplete"),
    [
        (OK, 0, FlowEnd.FIN, ["response_cut_off"]),
        (OK, 0, FlowEnd.RST, ["response_cut_off"]),
        (OK, 0, FlowEnd.CLOSED, ["response_cut_off"]),
        (OK, 0, FlowEnd.EVICTED, []),
        (CHUNKED, 0, FlowEnd.FIN, ["response_cut_off"]),
        (UNFRAMED, Flag.UNTIL_CLOSE, FlowEnd.RST, ["response_cut_off"]),
        (UNFRAMED, Flag.UNTIL_CLOSE, FlowEnd.CLOSED, []),
        (UNFRAMED, 0, FlowEnd.FIN, []),
    ],
)
def test_connection_ends_inside_the_response_body(
    block: bytes, flags: int, reason: FlowEnd, incomplete: list[str]
) -> None:
    """Cut off where the headers promised more; an evicted flow only ends what is seen of it."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, block, body=None, flags=flags)
    exchanges = run([*events, wire.end(reason)])
    assert summary(exchanges) == [("/one", 200, incomplete)]
    assert exchanges[0].response
    assert exchanges[0].response.end is None


def test_response_to_head_is_not_cut_off() -> None:
    """Its Content-Length is not that of a body."""
    wire = Wire()
    events = wire.send(CLIENT, HEAD) + wire.send(SERVER, OK, body=None)
    assert summary(run([*events, wire.end()])) == [("/one", 200, [])]


def test_gap_in_the_body_is_no_cut_off() -> None:
    """The end of a body with a gap is unknown; that it is missing says nothing."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=None)
    assert summary(run([*events, wire.gap(SERVER, 5), wire.end()])) == [("/one", 200, [])]


def test_connection_ends_inside_the_request_body() -> None:
    """The request is cut off, and unanswered."""
    wire = Wire()
    events = [*wire.send(CLIENT, POST, body=None), wire.end(FlowEnd.RST)]
    assert summary(run(events)) == [("/two", None, ["request_cut_off", "no_response"])]


def test_connection_ends_inside_both() -> None:
    """An early response whose body is not whole either."""
    wire = Wire()
    events = wire.send(CLIENT, POST, body=None) + wire.send(SERVER, OK, body=None)
    assert summary(run([*events, wire.end(FlowEnd.RST)])) == [
        ("/two", 200, ["request_cut_off", "response_cut_off"])
    ]


@pytest.mark.parametrize(("reason", "why"), [(FlowEnd.FIN, "cut_off"), (FlowEnd.EVICTED, "gap")])
def test_connection_ends_inside_a_header_block(reason: FlowEnd, why: str) -> None:
    """The complete lines make a message that says so."""
    wire = Wire()
    half = wire.event(CLIENT, flags=Flag.START, data=POST[:-6])
    [exchange] = run([half, wire.end(reason)])
    assert summary([exchange]) == [("/two", None, [f"request_{why}", "no_response"])]
    assert exchange.request
    assert list(exchange.request.headers) == [("Host", "a.example")]

    wire = Wire()
    events = wire.send(CLIENT, GET)
    events.append(wire.event(SERVER, flags=Flag.START, data=OK[:20]))
    assert summary(run([*events, wire.end(reason)])) == [("/one", 200, [f"response_{why}"])]


def test_next_response_ends_one_without_an_end() -> None:
    """It is handed out with its end unknown."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, UNFRAMED, body=None)
    events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    assert summary(run(events)) == [("/one", 200, []), ("/one", 404, [])]


def test_twin_is_dropped() -> None:
    """The other end of the connection tells the story: nothing comes of this one."""
    wire = Wire()
    assembler = Assembler()
    events = [*wire.send(CLIENT, GET), wire.event(SERVER, flags=Flag.START, data=OK[:9])]
    assert run([*events, wire.end(FlowEnd.TWIN)], assembler, close=True) == []
    assert assembler.counters["twin"] == 1
    assert assembler.counters["messages_twin"] == 1
    assert assembler.counters["block_twin"] == 1


def test_resumed_request_is_not_paired_across_the_loss() -> None:
    """What waited before the loss is told alone; what comes after says that it resumed."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, POST, body=5, flags=Flag.RESUMED)
    exchanges = run(events + wire.send(SERVER, NOT_FOUND))
    assert summary(exchanges) == [("/one", None, ["no_response"]), ("/two", 404, [])]
    assert [each.resumed for each in exchanges] == [False, True]


def test_resumed_response_with_one_request_waiting() -> None:
    """There is only one that it can answer, and the exchange says that the place was lost."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)
    [exchange] = run(events)
    assert summary([exchange]) == [("/one", 404, [])]
    assert exchange.resumed


def test_resumed_response_with_several_requests_waiting() -> None:
    """Nobody can tell which one it answers: none is guessed."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, POST, body=5)
    assert summary(run(events + wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED))) == [
        ("/one", None, ["no_response"]),
        ("/two", None, ["no_response"]),
        (None, 404, ["no_request"]),
    ]


def test_joined_late() -> None:
    """The exchange says that the connection's first bytes were not seen."""
    wire = Wire(late=True)
    [exchange] = run(wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND))
    assert exchange.joined_late


def test_unreadable_request_keeps_its_place() -> None:
    """Its response is told alone, and does not answer the next request."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, b"{} /\r\n\r\n") + wire.send(CLIENT, POST, body=5)
    events += wire.send(SERVER, OK, body=5) + wire.send(SERVER, NOT_FOUND)
    assert summary(run(events, assembler)) == [(None, 200, ["no_request"]), ("/two", 404, [])]
    assert assembler.counters["block_invalid_start_line"] == 1
    run([*wire.send(CLIENT, b"{} /\r\n\r\n", rides=False)], assembler)
    assert assembler.counters["message_end_unmatched"] == 1


def test_unreadable_response_keeps_its_place() -> None:
    """The request that it answers is told alone, with the reason."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, POST, body=5)
    events += wire.send(SERVER, b"\r\n\r\n") + wire.send(SERVER, NOT_FOUND)
    exchanges = run(events)
    assert summary(exchanges) == [("/one", None, ["response_cut_off"]), ("/two", 404, [])]
    assert exchanges[0].anomalies == ("unreadable_response",)


def test_roles_hold() -> None:
    """A request in the direction of the responses is counted and not paired."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, POST, body=5)
    assert summary(run(events + wire.send(SERVER, NOT_FOUND), assembler)) == [("/one", 404, [])]
    assert assembler.counters["block_role_conflict"] == 1


def test_full_pipeline_does_not_mispair() -> None:
    """Requests beyond the bound are told alone, and so are their responses."""
    wire = Wire()
    assembler = Assembler(max_pending=3)
    events = []
    for _ in range(4):
        events += wire.send(CLIENT, GET)
    for _ in range(4):
        events += wire.send(SERVER, OK, body=5)
    events += wire.send(CLIENT, POST, body=5) + wire.send(SERVER, NOT_FOUND)
    got = summary(run(events, assembler))
    assert got == [
        *[("/one", None, ["no_response"])] * 4,
        *[(None, 200, ["no_request"])] * 4,
        ("/two", 404, []),
    ]
    assert assembler.counters["pipeline_overflow"] == 1


def test_anomalies_of_both_messages() -> None:
    """An exchange names each anomaly of its messages once."""
    wire = Wire()
    events = wire.send(CLIENT, GET.replace(b"\r\n", b"\n"))
    events += wire.send(SERVER, NOT_FOUND.replace(b"\r\n", b"\n").replace(b"0\n", b"0\nA : b\n"))
    [exchange] = run(events)
    assert exchange.anomalies == ("bare_lf", "space_before_colon")


@pytest.mark.parametrize("side", [CLIENT, SERVER])
@pytest.mark.parametrize("splits", [(), (30,)])
def test_junk_before_a_start_line(side: int, splits: tuple[int, ...]) -> None:
    """The kernel skipped bytes that began no message: the exchange says so."""
    wire = Wire()
    events = wire.send(CLIENT, GET, splits=splits, flags=Flag.JUNK if side == CLIENT else 0)
    events += wire.send(SERVER, NOT_FOUND, splits=splits, flags=Flag.JUNK if side == SERVER else 0)
    [exchange] = run(events)
    assert summary([exchange]) == [("/one", 404, [])]
    assert exchange.anomalies == ("junk_before_start_line",)


def test_anomalies_of_interim_responses() -> None:
    """They are told with the final response, each once, however many there are."""
    wire = Wire()
    events = wire.send(CLIENT, GET)
    for _ in range(3):
        events += wire.send(SERVER, CONTINUE.replace(b"\r\n", b"\n"))
    events += wire.send(SERVER, NOT_FOUND) + wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    assert [each.anomalies for each in run(events)] == [("bare_lf",), ()]

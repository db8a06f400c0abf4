"""All connections: time, memory, and the equations over everything that can come."""

import random
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire import CLIENT, GET, MS, NOT_FOUND, OK, POST, SECOND, SERVER, Wire, run, summary

from shipper.contract.events import Event, Flag, FlowEnd, Kind
from shipper.http import Assembler

if TYPE_CHECKING:
    from shipper.contract.exchange import Exchange

TIMEOUT = 30 * SECOND


def test_request_times_out() -> None:
    """On the clock that `advance` moves on, neither sooner nor twice."""
    wire = Wire()
    assembler = Assembler()
    [event] = wire.send(CLIENT, GET)
    run([event], assembler)
    assert assembler.advance(event.time + TIMEOUT - 1) == []
    assert summary(assembler.advance(event.time + TIMEOUT)) == [("/one", None, ["no_response"])]
    assert assembler.advance(event.time + 2 * TIMEOUT) == []
    assert assembler.imbalance() == {}


def test_event_time_brings_time_outs() -> None:
    """An event of any connection moves the clock on."""
    assembler = Assembler()
    run(Wire().send(CLIENT, GET), assembler)
    later = Wire(2, time=SECOND + TIMEOUT).send(CLIENT, POST, body=5)
    assert summary(run(later, assembler)) == [("/one", None, ["no_response"])]


def test_response_after_the_time_out() -> None:
    """It is told alone, and does not answer the request that came meanwhile."""
    wire = Wire()
    assembler = Assembler()
    run(wire.send(CLIENT, GET), assembler)
    assembler.advance(wire.time + TIMEOUT)
    events = wire.send(CLIENT, POST, body=5) + wire.send(SERVER, OK, body=5)
    events += wire.send(SERVER, NOT_FOUND)
    assert summary(run(events, assembler)) == [(None, 200, ["no_request"]), ("/two", 404, [])]


def test_long_download() -> None:
    """Handed out after the time-out without an end, not as incomplete; the end is counted."""
    wire = Wire()
    assembler = Assembler()
    run(wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=None), assembler)
    [exchange] = assembler.advance(wire.time + TIMEOUT)
    assert summary([exchange]) == [("/one", 200, [])]
    assert exchange.response
    assert (exchange.response.end, exchange.response.body_bytes) == (None, None)
    assert run([wire.event(SERVER, Kind.MESSAGE_END, body=5)], assembler) == []
    assert assembler.counters["message_end_after_timeout"] == 1


def test_long_upload_is_not_waiting_yet() -> None:
    """While a request's body is being sent no response is due."""
    wire = Wire()
    assembler = Assembler()
    run(wire.send(CLIENT, POST, body=None), assembler)
    assert assembler.advance(wire.time + 3 * TIMEOUT) == []
    wire.time += 3 * TIMEOUT
    events = [wire.event(CLIENT, Kind.MESSAGE_END, body=5), *wire.send(SERVER, NOT_FOUND)]
    assert summary(run(events, assembler)) == [("/two", 404, [])]


def test_half_block_times_out() -> None:
    """A header block that stays unfinished is told as cut off."""
    wire = Wire()
    assembler = Assembler()
    run([wire.event(CLIENT, flags=Flag.START, data=GET[:-2])], assembler)
    assert summary(assembler.advance(wire.time + TIMEOUT)) == [
        ("/one", None, ["request_cut_off", "no_response"])
    ]
    assert assembler.imbalance() == {}


@pytest.mark.parametrize("rides", [True, False])
def test_clock_that_goes_back(rides: bool) -> None:  # noqa: FBT001
    """Processors may disagree a little: no message ends before it began."""
    wire = Wire()
    events = wire.send(CLIENT, GET)
    if rides:
        events += wire.send(SERVER, OK, body=5, rides=False)
        events[-1] = events[-1]._replace(time=SECOND)
    else:
        events += wire.send(SERVER, OK[:17] + b"\r\n", body=None, flags=Flag.UNTIL_CLOSE)
        events.append(wire.end()._replace(time=SECOND))
    [exchange] = run(events)
    assert exchange.response
    assert exchange.response.end == exchange.response.start


def test_idle_connections_are_forgotten() -> None:
    """Their state goes after `idle_ns`."""
    wire = Wire()
    assembler = Assembler(idle_ns=300 * SECOND)
    run(wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND), assembler)
    assembler.advance(wire.time + 300 * SECOND - 1)
    assert assembler.connections == 1
    assembler.advance(wire.time + 300 * SECOND)
    assert assembler.connections == 0
    assert assembler.counters["connections_idle"] == 1


def test_idle_shorter_than_time_out() -> None:
    """What is pending is handed out when the state goes."""
    wire = Wire()
    assembler = Assembler(idle_ns=SECOND)
    run(wire.send(CLIENT, GET), assembler)
    assert summary(assembler.advance(wire.time + SECOND)) == [("/one", None, ["no_response"])]
    assert assembler.connections == 0


def test_connections_are_bounded() -> None:
    """The one that was silent longest goes, and what it holds is handed out."""
    assembler = Assembler(max_connections=2)
    run(Wire(1).send(CLIENT, GET), assembler)
    run(Wire(2).send(CLIENT, POST, body=5), assembler)
    run(Wire(1).send(CLIENT, GET), assembler)
    assert summary(run(Wire(3).send(CLIENT, GET), assembler)) == [("/two", None, ["no_response"])]
    assert assembler.connections == 2
    assert assembler.counters["connections_evicted"] == 1


def test_flood_of_half_blocks_is_bounded() -> None:
    """Half-open header blocks of more connections than are kept cost a bound, and are told."""
    assembler = Assembler(max_connections=50)
    exchanges: list[Exchange] = []
    for flow in range(500):
        event = Wire(flow).event(CLIENT, flags=Flag.START, data=GET[:-2])
        exchanges += assembler.feed(event)
    assert assembler.connections == 50
    assert len(exchanges) == 450
    assert len(assembler.close()) == 50
    assert assembler.imbalance() == {}


def test_close_hands_out_all() -> None:
    """Nothing is held afterwards."""
    wire, other = Wire(1), Wire(2)
    events = [*wire.send(CLIENT, GET), other.event(CLIENT, flags=Flag.START, data=POST[:-2])]
    assert summary(run(events, close=True)) == [
        ("/one", None, ["no_response"]),
        ("/two", None, ["request_cut_off", "no_response"]),
    ]


def test_events_that_make_no_state() -> None:
    """Whatever can't begin anything is counted by what it is."""
    wire = Wire()
    assembler = Assembler()
    odd = wire.send(CLIENT, GET)[0]
    events = [
        wire.end(),
        wire.gap(CLIENT, 5),
        wire.event(CLIENT, Kind.MESSAGE_END),
        wire.end(FlowEnd.TWIN),
        odd._replace(kind=9),
        odd._replace(side=2),
        odd._replace(stream=9),
        odd,
        odd._replace(kind=9),
        odd._replace(side=2),
    ]
    assert len(run(events, assembler, close=True)) == 1
    counters = assembler.counters
    assert counters["flow_end_without_state"] == 1
    assert counters["gap_outside_block"] == 1
    assert counters["message_end_unmatched"] == 1
    assert counters["twin"] == 1
    assert counters["unknown_kind"] == 2
    assert counters["unknown_side"] == 2
    assert counters["unknown_stream"] == 1


HOST = ("Host", "a.example")
NAMES = st.text(alphabet="abcXYZ019-_", min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"host", "content-length", "transfer-encoding"}
)
VALUES = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=255, exclude_characters="\x7f"),
    max_size=20,
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=8)
TARGETS = st.text(
    alphabet=st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"),
    max_size=30,
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[str, str, int, list[tuple[str, str]], int, bool]:
    """Method, target, status, fields, body size, and whether its end comes on its own."""
    return (
        draw(st.sampled_from(["GET", "POST", "HEAD", "PROPFIND"])),
        "/" + draw(TARGETS),
        draw(st.sampled_from([200, 204, 304, 404, 500])),
        draw(FIELDS),
        draw(st.integers(0, 10_000)),
        draw(st.booleans()),
    )


def block(start_line: str, fields: list[tuple[str, str]]) -> bytes:
    """A header block as it is sent."""
    lines = [start_line, *(f"{name}: {value}" for name, value in fields), "", ""]
    return "\r\n".join(lines).encode("latin-1")


@settings(max_examples=300, deadline=None)
@given(
    st.lists(messages(), min_size=1, max_size=5),
    st.randoms(use_true_random=False),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_round_trip(
    sent: list[tuple[str, str, int, list[tuple[str, str]], int, bool]],
    chance: random.Random,
    pipelined: bool,  # noqa: FBT001
    sequence: int,
) -> None:
    """Exchanges, split anywhere and with retransmissions between, come out as they were."""
    wire = Wire(sequence=sequence)
    requests: list[list[Event]] = []
    responses: list[list[Event]] = []
    for method, target, status, fields, body, alone in sent:
        request = block(f"{method} {target} HTTP/1.1", [HOST, *fields])
        response = block(f"HTTP/1.1 {status} Fine", fields)
        for side, data, all_events in ((CLIENT, request, requests), (SERVER, response, responses)):
            splits = [chance.randrange(len(data)) for _ in range(chance.randrange(5))]
            events = wire.send(side, data, body=body, splits=splits, rides=not alone)
            all_events.append(repeated(events, chance))
    turns = (
        requests + responses
        if pipelined
        else [turn for pair in zip(requests, responses, strict=True) for turn in pair]
    )
    assembler = Assembler()
    got = run([event for turn in turns for event in turn], assembler)
    assert assembler.held_messages() == 0
    assert [
        (
            each.request.method,
            each.request.target,
            each.response.status,
            list(each.request.headers),
            list(each.response.headers),
            each.response.body_bytes,
            each.incomplete,
            each.anomalies,
        )
        for each in got
        if each.request and each.response
    ] == [
        (method, target, status, [HOST, *fields], fields, body, (), ())
        for method, target, status, fields, body, _ in sent
    ]
    assert len(got) == len(sent)


def repeated(events: list[Event], chance: random.Random) -> list[Event]:
    """The same with retransmissions of what came already, of any boundaries, in between."""
    block = b"".join(event.data for event in events)
    first = events[0].sequence
    out: list[Event] = []
    reach = 0
    for event in events:
        out.append(event)
        reach += len(event.data)
        if chance.random() < 0.3:
            at, until = sorted(chance.randrange(reach + 1) for _ in range(2))
            flags = int(event.flags & ~(Flag.START | Flag.END | Flag.MESSAGE_END) | Flag.OVERLAP)
            again = event._replace(
                kind=int(Kind.HEADER),
                flags=flags,
                sequence=(first + at) % 2**32,
                body_bytes=0,
                data=block[at:until],
            )
            out.append(again)
    return out


DATA = [
    GET,
    POST,
    OK,
    NOT_FOUND,
    b"",
    GET[:9],
    GET[9:],
    b"\r\n\r\n",
    b"\xff",
    b"GET /zero\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
    b"HTTP/1.1 abc\r\n\r\n",
    b"CONNECT h:1 HTTP/1.1\r\n\r\n",
    b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c" + bytes(12),
]
EVENTS = st.fixed_dictionaries(
    {
        "kind": st.sampled_from([*Kind, Kind.HEADER, Kind.HEADER, 9]),
        "stream": st.sampled_from([1, 1, 1, 9]),
        "hook": st.sampled_from([1, 2, 3, 9]),
        "direction": st.integers(0, 3),
        "flow": st.integers(0, 3),
        "side": st.sampled_from([0, 0, 0, 1, 1, 1, 2, 255]),
        # Any flags; and those that make sense together, or else hardly anything is taken.
        "flags": st.one_of(
            st.integers(0, 2**16 - 1),
            st.sampled_from(
                [
                    Flag.START | Flag.END | Flag.REQUEST,
                    Flag.START | Flag.END | Flag.RESPONSE | Flag.MESSAGE_END,
                    Flag.START | Flag.REQUEST,
                    Flag.END,
                    Flag.OVERLAP,
                    Flag.START | Flag.END | Flag.PROXY,
                    Flag.START | Flag.END | Flag.RESPONSE | Flag.SIMPLE | Flag.UNTIL_CLOSE,
                ]
            ).map(int),
        ),
        "sequence": st.one_of(st.integers(0, 60), st.integers(2**32 - 60, 2**32 - 1)),
        "until": st.integers(0, 90),
        "body_bytes": st.sampled_from([0, 5, 2**64 - 1]),
        "reason": st.sampled_from([*FlowEnd, 0, 99]),
        "data": st.one_of(st.sampled_from(DATA), st.binary(max_size=40)),
    }
)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(EVENTS, st.sampled_from([-MS, 0, MS, SECOND, TIMEOUT])), max_size=40),
    st.booleans(),
)
def test_equations_hold_whatever_comes(
    drawn: list[tuple[dict[str, Any], int]],
    advance: bool,  # noqa: FBT001
) -> None:
    """Any events in any order: no error, every equation after every event, nothing held."""
    template = Wire().event(CLIENT)
    time = SECOND
    assembler = Assembler(max_connections=3, max_pending=2, max_block=90)
    exchanges = []
    for fields, step in drawn:
        time += step
        exchanges += run([template._replace(**fields, time=time)], assembler)
        if advance:
            exchanges += assembler.advance(time + SECOND)
            assert assembler.imbalance() == {}
    exchanges += run([], assembler, close=True)
    assert assembler.counters["events"] == len(drawn)
    for exchange in exchanges:
        assert exchange.request or exchange.response
        assert exchange.incomplete or (exchange.request and exchange.response)
        for message in (exchange.request, exchange.response):
            assert message is None or message.end is None or message.end >= message.start
        status = exchange.response.status if exchange.response else None
        assert status is None or 100 <= status <= 999

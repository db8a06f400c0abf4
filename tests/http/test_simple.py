"""HTTP/0.9 (RFC 1945 sections 5 and 6): a request of one line, an answer of nothing but a body."""

import pytest
from wire import CLIENT, GET, NOT_FOUND, SECOND, SERVER, WHOLE, Wire, run, summary

from shipper.contract.events import Event, Flag, FlowEnd, Kind
from shipper.contract.exchange import Exchange
from shipper.http import Assembler

ASK = b"GET /zero\r\n"


def ask(wire: Wire, data: bytes = ASK) -> Event:
    """A request that no blank line ends."""
    event = wire.event(CLIENT, flags=Flag.START, data=data)
    wire.skip(CLIENT, len(data))
    return event


def answer(wire: Wire) -> Event:
    """The beginning of bytes that are no status line."""
    return wire.event(SERVER, flags=WHOLE | Flag.UNTIL_CLOSE | Flag.SIMPLE)


def check(exchange: Exchange, end: int) -> None:
    """Whole, of version 0.9 on both sides, without a status."""
    request, response = exchange.request, exchange.response
    assert request
    assert (request.version, request.target, list(request.headers)) == ("0.9", "/zero", [])
    assert (request.header_bytes, request.body_bytes) == (len(ASK), 0)
    assert request.end == request.start
    assert response
    assert (response.version, response.status, list(response.headers)) == ("0.9", None, [])
    assert (response.header_bytes, response.body_bytes, response.end) == (0, 99, end)
    assert exchange.incomplete == ()
    assert exchange.anomalies == ("missing_version", "simple_response")


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("alone", [True, False])
def test_simple_exchange(whole: bool, alone: bool) -> None:  # noqa: FBT001
    """The answer, or the request's own blank line, ends the request; FIN ends the answer."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, ASK + b"\r\n") if whole else [ask(wire)]
    events.append(answer(wire))
    end = wire.event(SERVER, Kind.MESSAGE_END, body=99)
    events += [end, wire.end()] if alone else [wire.end(flags=Flag.UNTIL_CLOSE, body=99)]
    [exchange] = run(events, assembler)
    if whole:
        assert exchange.request
        assert exchange.request.header_bytes == len(ASK) + 2
        exchange.request.header_bytes -= 2
    check(exchange, events[2].time)
    assert assembler.counters["blocks"] == 2


def test_cut_off_answer() -> None:
    """RST instead of FIN: nobody knows whether it was all."""
    wire = Wire()
    exchanges = run([ask(wire), answer(wire), wire.end(FlowEnd.RST)])
    assert summary(exchanges) == [("/zero", None, ["response_cut_off"])]


@pytest.mark.parametrize("reason", [FlowEnd.FIN, FlowEnd.RST, FlowEnd.CLOSED])
def test_request_that_the_end_of_the_connection_ends(reason: FlowEnd) -> None:
    """It is whole, and was not answered."""
    wire = Wire()
    [exchange] = run([ask(wire), wire.end(reason)])
    assert summary([exchange]) == [("/zero", None, ["no_response"])]
    assert exchange.request
    assert exchange.request.version == "0.9"


def test_request_that_an_ordinary_response_answers() -> None:
    """Servers of today answer with a status line, mostly 400."""
    wire = Wire()
    [exchange] = run([ask(wire), *wire.send(SERVER, NOT_FOUND)])
    assert summary([exchange]) == [("/zero", 404, [])]
    assert exchange.request
    assert exchange.request.version == "0.9"


@pytest.mark.parametrize(
    "data", [ASK[:-2], ASK + b"A: 1\r\n", ASK + b"A", b"GET / HTTP/1.0\r\n", b"GET / HTTP/\r\n"]
)
def test_what_is_no_simple_request(data: bytes) -> None:
    """No end of the line, a header behind it, or a version: cut off, or no message at all."""
    wire = Wire()
    for exchange in run([ask(wire, data), wire.end()]):
        assert exchange.request
        assert exchange.request.version != "0.9"
        assert summary([exchange])[0][2] == ["request_cut_off", "no_response"]


def test_gap_behind_the_line() -> None:
    """What was lost may have been header lines."""
    wire = Wire()
    [exchange] = run([ask(wire), wire.gap(CLIENT, 9), wire.end()])
    assert summary([exchange]) == [("/zero", None, ["request_gap", "no_response"])]


def test_answer_without_a_request() -> None:
    """Told alone, as every response whose request was not seen."""
    wire = Wire()
    exchanges = run([answer(wire), wire.event(SERVER, Kind.MESSAGE_END, body=99)])
    assert summary(exchanges) == [(None, None, ["no_request"])]


def test_answer_in_the_middle_of_a_block() -> None:
    """Nonsense from below: each is told as far as it goes."""
    wire = Wire()
    events = [*wire.send(CLIENT, GET), wire.event(SERVER, flags=Flag.START, data=NOT_FOUND[:24])]
    exchanges = run([*events, answer(wire)], close=True)
    assert summary(exchanges) == [("/one", 404, ["response_gap"]), (None, None, ["no_request"])]


def test_answer_on_the_wrong_side() -> None:
    """A side that asks does not answer."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, b"GET /one\r\n\r\n")
    wrong = answer(wire)._replace(side=CLIENT, sequence=9)
    assert summary(run([*events, wrong, *wire.send(SERVER, NOT_FOUND)], assembler)) == [
        ("/one", 404, [])
    ]
    assert assembler.counters["block_role_conflict"] == 1


def test_request_whose_version_has_no_number() -> None:
    """It is no HTTP/0.9, whatever answers it."""
    wire = Wire()
    events = [*wire.send(CLIENT, b"GET /zero HTTP/\r\n\r\n"), answer(wire)]
    [exchange] = run([*events, wire.event(SERVER, Kind.MESSAGE_END, body=9)])
    assert exchange.request
    assert exchange.request.version is None
    assert exchange.anomalies == ("unusual_version", "unreadable_response")


def test_headers_without_a_version() -> None:
    """A request line without a version, and headers: no simple request, so nobody knows."""
    wire = Wire()
    events = [*wire.send(CLIENT, ASK + b"Host: h\r\n\r\n"), answer(wire)]
    [exchange] = run([*events, wire.event(SERVER, Kind.MESSAGE_END, body=9)])
    assert exchange.request
    assert exchange.response
    assert (exchange.request.version, exchange.response.version) == (None, None)
    assert exchange.anomalies == ("missing_version", "simple_response")


def test_answer_that_goes_on() -> None:
    """Handed out after the wait without an end, as every long download."""
    wire = Wire()
    assembler = Assembler()
    run([ask(wire), answer(wire)], assembler)
    [exchange] = assembler.advance(wire.time + 30 * SECOND)
    assert summary([exchange]) == [("/zero", None, [])]
    assert run([wire.event(SERVER, Kind.MESSAGE_END, body=5)], assembler) == []
    assert assembler.counters["message_end_after_timeout"] == 1

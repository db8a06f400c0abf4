"""Header blocks out of pieces: split, repeated, overlapping, with holes, and out of place."""

import pytest
from wire import (
    CLIENT,
    GET,
    NOT_FOUND,
    OK,
    POST,
    SERVER,
    Wire,
    run,
    summary,
)

from shipper.contract.events import Event, Flag, Kind
from shipper.http import Assembler


def test_byte_by_byte_with_messages_around() -> None:
    """Every split gives what the whole gives, also when other messages come before and behind."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    events += wire.send(CLIENT, POST, body=5, splits=range(len(POST)))
    events += wire.send(SERVER, OK, body=5, splits=range(len(OK)), rides=False)
    events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    _, exchange, _ = run(events)
    assert exchange.request
    assert exchange.response
    assert list(exchange.request.headers) == [("Host", "a.example"), ("Content-Length", "5")]
    assert (exchange.request.header_bytes, exchange.request.body_bytes) == (len(POST), 5)
    assert exchange.request.start == events[2].time
    assert exchange.request.end == events[2 + len(POST) - 1].time
    assert (exchange.response.header_bytes, exchange.response.body_bytes) == (len(OK), 5)
    assert exchange.incomplete == ()


def overlap(wire: Wire, side: int, sequence: int, data: bytes) -> Event:
    """A retransmission of bytes of a block."""
    return wire.event(side, flags=Flag.OVERLAP, data=data, sequence=sequence % 2**32)


@pytest.mark.parametrize("cut", range(1, len(GET)))
def test_overlap_that_agrees(cut: int) -> None:
    """Whatever the boundaries, and however far the block has come: nothing changes."""
    wire = Wire()
    assembler = Assembler()
    start = wire.next[CLIENT]
    first, second = wire.send(CLIENT, GET, splits=[cut])
    again = [overlap(wire, CLIENT, start + at, GET[at:]) for at in (0, cut // 2)]
    before = [overlap(wire, CLIENT, start - 5, b"abcde" + GET)]
    [exchange] = run([first, *again, second, *again, *before], assembler, close=True)
    assert exchange.request
    assert (exchange.request.target, exchange.request.header_bytes) == ("/one", len(GET))
    assert exchange.anomalies == ()
    assert assembler.counters["duplicate"] == 5
    assert assembler.counters["overlap_conflict"] == 0


@pytest.mark.parametrize("cut", [len(GET), 20])
@pytest.mark.parametrize("at", range(5))
def test_overlap_that_disagrees(cut: int, at: int) -> None:
    """The first copy stays, and the exchange names the conflict; it is counted once a message."""
    wire = Wire()
    assembler = Assembler()
    start = wire.next[CLIENT]
    other = GET.replace(b"/one", b"/two")
    events = wire.send(CLIENT, GET, splits=[cut])
    events[1:1] = [overlap(wire, CLIENT, start + at, other[at:])] * 2
    [exchange] = run([*events, *wire.send(SERVER, NOT_FOUND)], assembler)
    assert exchange.request
    assert exchange.request.target == "/one"
    assert exchange.anomalies == ("overlap_conflict",)
    assert assembler.counters["overlap_conflict"] == 1
    assert assembler.counters["duplicate"] == 2


def test_overlap_of_a_block_before_the_last() -> None:
    """Only the block in progress and the last one are compared."""
    wire = Wire()
    assembler = Assembler()
    start = wire.next[CLIENT]
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, POST, body=5)
    events.append(overlap(wire, CLIENT, start, b"PUT"))
    events += wire.send(SERVER, OK, body=5) + wire.send(SERVER, NOT_FOUND)
    assert [each.anomalies for each in run(events, assembler)] == [(), ()]
    assert assembler.counters["duplicate"] == 1


def test_overlap_of_the_last_block_while_the_next_is_in_progress() -> None:
    """It may reach into both: each message is marked for its own bytes."""
    wire = Wire()
    start = wire.next[CLIENT]
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, GET, splits=[20])
    both = GET[:-6] + b"*" + GET[-5:] + GET[:4]
    events.insert(2, overlap(wire, CLIENT, start, both))
    events += wire.send(SERVER, NOT_FOUND) + wire.send(SERVER, NOT_FOUND)
    assert [each.anomalies for each in run(events)] == [("overlap_conflict",), ()]


def test_overlap_without_its_block() -> None:
    """Nothing is made of it, on a connection that is not known and on one that is."""
    wire = Wire()
    assembler = Assembler()
    again = overlap(wire, CLIENT, 5, GET)
    assert run([again, *wire.send(CLIENT, GET), *wire.send(SERVER, OK), again], assembler) != []
    assert run([again], assembler, close=True) == []
    assert assembler.counters["duplicate"] == 3


def test_piece_with_other_boundaries() -> None:
    """Of a piece that begins among bytes had already, only what is new is taken."""
    wire = Wire()
    start = wire.next[CLIENT]
    one = wire.event(CLIENT, flags=Flag.START, data=GET[:20])
    two = wire.event(CLIENT, flags=Flag.END, data=GET[9:], sequence=(start + 9) % 2**32)
    [exchange] = run([one, two], close=True)
    assert exchange.request
    assert list(exchange.request.headers) == [("Host", "a.example")]
    assert exchange.request.header_bytes == len(GET)
    assert exchange.anomalies == ()


@pytest.mark.parametrize("ahead", [1, 30, 2**31 - 100])
def test_piece_behind_a_hole(ahead: int) -> None:
    """The kernel promises order; a piece beyond the next byte breaks the block off."""
    wire = Wire()
    assembler = Assembler()
    events = [wire.event(CLIENT, flags=Flag.START, data=POST[:30])]
    wire.skip(CLIENT, 30 + ahead)
    events += [wire.event(CLIENT, flags=Flag.END, data=POST[40:]), *wire.send(SERVER, OK, body=5)]
    assert summary(run(events, assembler)) == [("/two", 200, ["request_gap"])]
    assert assembler.counters["header_out_of_order"] == 1


def test_piece_from_before_the_block() -> None:
    """It is counted, and the block in progress goes on."""
    wire = Wire()
    assembler = Assembler()
    one, two = wire.send(CLIENT, GET, splits=[20])
    stray = wire.event(CLIENT, data=b"x: y\r\n", sequence=one.sequence - 99)
    [exchange] = run([one, stray, two, *wire.send(SERVER, OK, body=5)], assembler)
    assert exchange.request
    assert list(exchange.request.headers) == [("Host", "a.example")]
    assert exchange.incomplete == exchange.anomalies == ()
    assert assembler.counters["header_out_of_order"] == 1


def test_exact_retransmission() -> None:
    """Bytes had already change nothing, before and behind the exchange, flagged or not."""
    wire = Wire()
    assembler = Assembler()
    [request] = wire.send(CLIENT, GET)
    [response] = wire.send(SERVER, NOT_FOUND)
    again = request._replace(flags=request.flags | Flag.OVERLAP)
    assert len(run([request, request, again, response, response, again], assembler)) == 1
    assert assembler.counters["duplicate"] == 4
    assert assembler.counters["overlap_conflict"] == 0


def test_gap_in_a_request_block() -> None:
    """What lies before the gap makes a request that says so, and its response finds it."""
    wire = Wire()
    one = wire.event(CLIENT, flags=Flag.START, data=POST[:30])
    wire.skip(CLIENT, 30)
    events = [one, wire.gap(CLIENT, 20), *wire.send(SERVER, NOT_FOUND)]
    assert summary(run(events)) == [("/two", 404, ["request_gap"])]


def test_gap_in_a_response_block() -> None:
    """The same for a response."""
    wire = Wire()
    events = wire.send(CLIENT, GET)
    events.append(wire.event(SERVER, flags=Flag.START, data=OK[:20]))
    wire.skip(SERVER, 20)
    assert summary(run([*events, wire.gap(SERVER, 20)])) == [("/one", 200, ["response_gap"])]


def test_gap_before_the_start_line_ends() -> None:
    """No message without a start line: counted, and the response is told alone."""
    wire = Wire()
    assembler = Assembler()
    one = wire.event(CLIENT, flags=Flag.START, data=POST[:9])
    wire.skip(CLIENT, 9)
    events = [one, wire.gap(CLIENT, 20), *wire.send(SERVER, NOT_FOUND)]
    assert summary(run(events, assembler)) == [(None, 404, ["no_request"])]
    assert assembler.counters["block_no_start_line"] == 1


def test_new_start_breaks_off_a_half_block() -> None:
    """A block that begins elsewhere says that the rest of the one before will not come."""
    wire = Wire()
    half = wire.event(CLIENT, flags=Flag.START, data=POST[:30])
    wire.skip(CLIENT, 9999)
    events = [half, *wire.send(CLIENT, GET, flags=Flag.RESUMED), *wire.send(SERVER, NOT_FOUND)]
    assert summary(run(events)) == [
        ("/two", None, ["request_gap", "no_response"]),
        ("/one", 404, []),
    ]


def test_cut_by_the_kernel() -> None:
    """A block longer than is taken: its complete lines, marked."""
    wire = Wire()
    one = wire.event(CLIENT, flags=Flag.START | Flag.CUT, data=GET[:-4])
    [exchange] = run([one, *wire.send(SERVER, NOT_FOUND)])
    assert exchange.request
    assert exchange.request.cut
    assert list(exchange.request.headers) == []
    assert exchange.incomplete == ()


def test_block_over_the_bound() -> None:
    """A block that grows beyond the bound is cut here too; what follows is counted."""
    wire = Wire()
    assembler = Assembler(max_block=64)
    long = GET[:-2] + b"A: " + b"a" * 99 + b"\r\n\r\n"
    events = [*wire.send(CLIENT, long, splits=range(0, 200, 30)), *wire.send(SERVER, NOT_FOUND)]
    [exchange] = run(events, assembler)
    assert exchange.request
    assert exchange.request.cut
    assert list(exchange.request.headers) == [("Host", "a.example")]
    assert assembler.counters["header_without_start"] == 2


def test_piece_without_a_beginning() -> None:
    """It makes no state and is counted."""
    assembler = Assembler()
    run([Wire().event(CLIENT, data=b"a: b\r\n")], assembler)
    assert assembler.counters["header_without_start"] == 1
    assert assembler.connections == 0


def test_sequence_numbers_wrap() -> None:
    """A block across 2**32 is one block."""
    wire = Wire(sequence=2**32 - 10)
    events = wire.send(CLIENT, GET, splits=[5, 10, 15]) + wire.send(SERVER, NOT_FOUND)
    assert summary(run(events)) == [("/one", 404, [])]


def test_body_of_more_than_4_gib() -> None:
    """The next block is not taken for a repetition, however far away it lies."""
    wire = Wire()
    events = []
    for size in (5, 3 * 2**30, 6 * 2**30, 5):
        events += wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=size, rides=False)
    assert [each.response and each.response.body_bytes for each in run(events)] == [
        5,
        3 * 2**30,
        6 * 2**30,
        5,
    ]


def test_end_of_message_repeated_or_unmatched() -> None:
    """Ends that belong to nothing are counted by what they are."""
    wire = Wire()
    assembler = Assembler()
    end = wire.event(CLIENT, Kind.MESSAGE_END, body=5)
    run([end, *wire.send(CLIENT, GET), end], assembler)
    assert assembler.counters["message_end_unmatched"] == 1
    assert assembler.counters["message_end_repeated"] == 1
    assert assembler.counters["message_end_taken"] == 0

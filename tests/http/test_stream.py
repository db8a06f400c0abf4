"""Header blocks out of pieces: split, repeated, overlapping, out of order, with holes."""

import pytest
from wire import (
    CLIENT,
    GET,
    NOT_FOUND,
    OK,
    POST,
    SECOND,
    SERVER,
    WHOLE,
    Wire,
    run,
    summary,
)

from shipper.contract.events import Event, Flag, Kind
from shipper.http import Assembler

BODY_LIKE_A_REQUEST = b"GET /smuggled HTTP/1.1\r\n\r\n"


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
    assert exchange.request.headers == [("Host", "a.example"), ("Content-Length", "5")]
    assert (exchange.request.header_bytes, exchange.request.body_bytes) == (len(POST), 5)
    assert exchange.request.start == events[2].time
    assert exchange.request.end == events[2 + len(POST) - 1].time
    assert (exchange.response.header_bytes, exchange.response.body_bytes) == (len(OK), 5)
    assert exchange.incomplete == ()


@pytest.mark.parametrize("cut", range(1, len(GET)))
def test_two_segments_in_either_order(cut: int) -> None:
    """The second segment may come first once the block began; the split may fall anywhere."""
    wire = Wire()
    first, second = wire.send(CLIENT, GET, splits=[cut])
    assert summary(run([first, second], close=True)) == [("/one", None, ["no_response"])]
    speculative = second._replace(flags=second.flags | Flag.SPECULATIVE)
    [exchange] = run([speculative, first], close=True)
    assert exchange.request
    assert exchange.request.header_bytes == len(GET)
    assert exchange.incomplete == ("no_response",)


@pytest.mark.parametrize("cut", range(1, len(POST)))
def test_next_request_in_either_order(cut: int) -> None:
    """So it may on a connection that has had messages before."""
    wire = Wire()
    before = wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    first, second = wire.send(CLIENT, POST, body=None, splits=[cut])
    speculative = second._replace(flags=second.flags | Flag.SPECULATIVE)
    end = wire.event(CLIENT, Kind.MESSAGE_END, body=5)
    assembler = Assembler()
    events = [*before, speculative, first, end, *wire.send(SERVER, OK, body=5)]
    _, exchange = run(events, assembler)
    assert exchange.incomplete == exchange.anomalies == ()
    assert exchange.request
    assert exchange.request.headers == [("Host", "a.example"), ("Content-Length", "5")]
    assert (exchange.request.header_bytes, exchange.request.body_bytes) == (len(POST), 5)
    assert assembler.counters["speculative_discarded"] == 0
    assert assembler.held() == (0, 0)


def test_piece_of_the_block_after_the_next() -> None:
    """One segment ends a request and begins another, whose next segment had come first."""
    wire = Wire()
    [one] = wire.send(CLIENT, GET)
    two, three = wire.send(CLIENT, POST, body=5, splits=[20])
    three = three._replace(flags=three.flags | Flag.SPECULATIVE)
    events = [three, one, two, *wire.send(SERVER, OK, body=5), *wire.send(SERVER, NOT_FOUND)]
    assert summary(run(events)) == [("/one", 200, []), ("/two", 404, [])]


def piece(wire: Wire, ahead: int = 0) -> Event:
    """A piece so many bytes beyond the client's next byte."""
    place = (wire.next[CLIENT] + ahead) % 2**32
    data = BODY_LIKE_A_REQUEST
    return wire.event(CLIENT, flags=Flag.SPECULATIVE | Flag.END, data=data, sequence=place)


def test_held_until_a_start_beyond() -> None:
    """What lies before the next block is no part of it; what lies behind may be."""
    wire = Wire()
    assembler = Assembler()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    events += [piece(wire, 10), piece(wire, 900)]
    run(events, assembler)
    assert assembler.held() == (2, 0)
    wire.skip(CLIENT, 100)
    run(wire.send(CLIENT, POST, flags=Flag.RESUMED), assembler)
    assert assembler.held() == (1, 1)
    assert assembler.counters["speculative_discarded"] == 1


def test_held_until_a_gap_covers_it() -> None:
    """The bytes before it will not come."""
    wire = Wire()
    assembler = Assembler()
    run([*wire.send(CLIENT, GET), piece(wire, 10), piece(wire, 900)], assembler)
    run([wire.gap(CLIENT, 100)], assembler)
    assert assembler.held() == (1, 1)
    assert assembler.counters["speculative_discarded"] == 1


@pytest.mark.parametrize("rides", [True, False])
def test_held_until_the_message_ends_behind_it(rides: bool) -> None:  # noqa: FBT001
    """It was body, also where the body looks like a request."""
    wire = Wire()
    assembler = Assembler()
    [one, body] = [*wire.send(CLIENT, POST, body=None), piece(wire, 3)]
    length = 3 + len(BODY_LIKE_A_REQUEST)
    if rides:
        events = [body, one._replace(flags=one.flags | Flag.MESSAGE_END, body_bytes=length)]
        run(events, assembler)
    else:
        run([body, one], assembler)
        assert assembler.held() == (1, 1)
        wire.skip(CLIENT, length)
        run([wire.event(CLIENT, Kind.MESSAGE_END, body=length)], assembler)
    assert assembler.held() == (0, 1)
    assert assembler.counters["speculative_discarded"] == 1
    got = run(wire.send(CLIENT, GET) + wire.send(SERVER, OK), assembler, close=True)
    assert summary(got) == [("/two", 200, []), ("/one", None, ["no_response"])]


def test_held_until_the_wait_is_over() -> None:
    """Nothing is kept of a connection that ended or fell silent."""
    for over in (True, False):
        wire = Wire()
        assembler = Assembler(timeout_ns=SECOND)
        run([*wire.send(CLIENT, GET), *wire.send(SERVER, OK), piece(wire, 10)], assembler)
        assert assembler.held() == (1, 0)
        if over:
            run([wire.end()], assembler)
        else:
            assert assembler.advance(wire.time + SECOND) == []
        assert assembler.held() == (0, 0)
        assert assembler.counters["speculative_discarded"] == 1
        assert assembler.imbalance() == {}


def test_three_segments_with_a_hole() -> None:
    """A hole inside a block is filled; the block is then as sent."""
    wire = Wire()
    one, two, three = wire.send(CLIENT, POST, body=5, splits=[20, 40])
    three = three._replace(flags=three.flags | Flag.SPECULATIVE)
    events = [one, three, two, *wire.send(SERVER, NOT_FOUND)]
    assembler = Assembler()
    [exchange] = run(events, assembler)
    assert exchange.request
    assert exchange.request.headers == [("Host", "a.example"), ("Content-Length", "5")]
    assert exchange.incomplete == ()
    assert assembler.counters["speculative_discarded"] == 0


def test_speculative_bytes_that_prove_to_be_body() -> None:
    """The block ended before them: they are thrown away and counted."""
    wire = Wire()
    one, two = wire.send(CLIENT, POST, body=None, splits=[20])
    body = wire.event(
        CLIENT,
        flags=Flag.SPECULATIVE | Flag.END,
        data=BODY_LIKE_A_REQUEST,
        sequence=(wire.next[CLIENT] + 3) % 2**32,
    )
    assembler = Assembler()
    got = run([one, body, two, *wire.send(SERVER, NOT_FOUND)], assembler, close=True)
    assert summary(got) == [("/two", 404, [])]
    assert assembler.counters["speculative_discarded"] == 1
    # The same bytes, once the block is whole.
    assembler = Assembler()
    got = run([one, two, body, *wire.send(SERVER, NOT_FOUND)], assembler, close=True)
    assert summary(got) == [("/two", 404, [])]
    assert assembler.counters["speculative_discarded"] == 1


@pytest.mark.parametrize("lead", [1, 2, 3])
def test_blank_line_across_the_joint(lead: int) -> None:
    r"""The blank line lies across the joint with speculative bytes: what follows it is body."""
    wire = Wire()
    one = wire.event(CLIENT, flags=Flag.START, data=GET[:20])
    wire.skip(CLIENT, 20)
    two = wire.event(CLIENT, data=GET[20:-lead])
    wire.skip(CLIENT, len(GET) - 20 - lead)
    three = wire.event(
        CLIENT, flags=Flag.SPECULATIVE | Flag.END, data=GET[-lead:] + BODY_LIKE_A_REQUEST
    )
    [exchange] = run([one, three, two], close=True)
    assert exchange.request
    assert exchange.request.header_bytes == len(GET)
    assert exchange.request.headers == [("Host", "a.example")]


def test_exact_retransmission() -> None:
    """Bytes had already change nothing, before and behind the exchange."""
    wire = Wire()
    assembler = Assembler()
    [request] = wire.send(CLIENT, GET)
    [response] = wire.send(SERVER, NOT_FOUND)
    again = request._replace(flags=request.flags | Flag.OVERLAP)
    assert len(run([request, request, again, response, response, again], assembler)) == 1
    assert assembler.counters["duplicate"] == 4
    assert assembler.counters["overlap_conflict"] == 0


def test_overlap_with_other_boundaries() -> None:
    """The part that is new is taken, the part that was had is not."""
    wire = Wire()
    start = wire.next[CLIENT]
    one = wire.event(CLIENT, flags=Flag.START, data=GET[:20])
    two = wire.event(
        CLIENT, flags=Flag.OVERLAP | Flag.END, data=GET[9:], sequence=(start + 9) % 2**32
    )
    [exchange] = run([one, two], close=True)
    assert exchange.request
    assert exchange.request.target == "/one"
    assert exchange.anomalies == ()


@pytest.mark.parametrize("whole", [True, False])
def test_overlap_that_disagrees(whole: bool) -> None:  # noqa: FBT001
    """The first copy stays, and the exchange names the conflict."""
    wire = Wire()
    start = wire.next[CLIENT]
    other = GET.replace(b"/one", b"/two")
    if whole:
        events = wire.send(CLIENT, GET)
        flags = Flag.OVERLAP | WHOLE
    else:
        events = [wire.event(CLIENT, flags=Flag.START, data=GET[:20])]
        flags = Flag.OVERLAP | WHOLE
    events.append(wire.event(CLIENT, flags=flags, data=other, sequence=start))
    [exchange] = run(events, close=True)
    assert exchange.request
    assert exchange.request.target == "/one"
    assert exchange.anomalies == ("overlap_conflict",)


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
    assert exchange.request.headers == []
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
    assert exchange.request.headers == [("Host", "a.example")]
    assert assembler.counters["header_without_start"] == 2


@pytest.mark.parametrize("begun", [True, False])
def test_held_bytes_are_bounded(begun: bool) -> None:  # noqa: FBT001
    """Pieces beyond a hole that would not fit into a block are discarded."""
    wire = Wire()
    assembler = Assembler(max_block=64)
    if begun:
        events = [wire.event(CLIENT, flags=Flag.START, data=GET[:5])]
    else:
        events = wire.send(CLIENT, GET) + wire.send(SERVER, OK)
    for at in range(5):
        place = (wire.next[CLIENT] + 10 + 40 * at) % 2**32
        events.append(wire.event(CLIENT, flags=Flag.SPECULATIVE, data=b"a" * 40, sequence=place))
    run(events, assembler)
    assert assembler.counters["speculative_discarded"] == 4
    assert assembler.held() == (1, 0)


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

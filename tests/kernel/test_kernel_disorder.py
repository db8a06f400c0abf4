"""Segments late, twice, out of order or missing; connections joined late, reset, used again."""

import itertools
import random

import pytest

from shipper.contract.events import Event, Flag, FlowEnd, Kind

from .wire import ACK, FIN, PSH, RST, SYN, Connection, End, Harness, exchanges, headers

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n"
CHUNKED = b"PUT /c HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n0\r\n\r\n"
POST = b"POST /b HTTP/1.1\r\nHost: example.org\r\nX-One: 1\r\nContent-Length: 4\r\nX-Two: 2\r\n\r\n"


def place(connection: Connection, data: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    """The client's next bytes cut into segments: sequence number and bytes."""
    base = connection.client.sequence
    connection.client.sequence += len(data)
    borders = [0, *cuts, len(data)]
    return [(base + a, data[a:b]) for a, b in itertools.pairwise(borders)]


def show(connection: Connection, segments: list[tuple[int, bytes]]) -> None:
    """Show segments in the order given."""
    for at, data in segments:
        connection.packet(connection.client, data, at=at)


def fresh(events: list[Event]) -> list[bytes]:
    """The bytes of the header events that are not only there to be compared."""
    return headers([event for event in events if not event.flags & Flag.OVERLAP])


def test_repeated_segment_is_nothing_new(kernel: Harness) -> None:
    """The same segment again, in every state: its bytes of the block to be compared, no more."""
    connection = kernel.connection()
    before = kernel.counters()
    middle, end = POST[:30], POST[30:]
    for part, repeated in ((middle, middle), (end + b"bo", end), (b"dy", b""), (GET, GET)):
        at = connection.client.sequence
        assert fresh(connection.ask(part)) or part == b"dy"
        again = connection.packet(connection.client, part, at=at)
        assert all(event.flags & Flag.OVERLAP for event in again), part
        assert b"".join(headers(again)) == repeated
    assert kernel.counted(before)["retransmitted"] == 4
    assert kernel.counted(before)["overlapped"] == 3


def test_keep_alive_is_no_overlap(connection: Connection) -> None:
    """A byte of anything just before the next one asks whether the peer is there."""
    connection.ask(GET)
    at = connection.client.sequence - 1
    assert connection.packet(connection.client, b"\0", at=at) == []


def test_other_boundaries(kernel: Harness) -> None:
    """Retransmissions that begin and end elsewhere: each byte is emitted as new once."""
    stream = POST + b"body" + GET + POST + b"body"
    generator = random.Random(5)
    overlaps = 0
    for case in range(60):
        connection = kernel.connection()
        base, at = connection.client.sequence, 0
        while at < len(stream):
            start = max(0, at - generator.randrange(30))
            end = min(len(stream), start + generator.randrange(1, 40))
            connection.packet(connection.client, stream[start:end], at=base + start)
            at = max(at, end)
        assert b"".join(fresh(connection.events)) == POST + GET + POST, case
        for event in connection.events:
            if event.flags & Flag.OVERLAP:
                overlaps += 1
                assert stream[event.sequence - base :].startswith(event.data)
    assert overlaps > 60


@pytest.mark.parametrize("earlier", [0, 1])
def test_reordered(kernel: Harness, earlier: int) -> None:
    """Any two cuts of a message, its pieces in any order, also of the first one: the same events.

    Nothing is handed out before what lies in front of it has come.
    """
    stream = POST + b"body" + CHUNKED + GET
    borders = range(1, len(stream))
    for cuts in itertools.islice(itertools.combinations(borders, 2), 0, None, 61):
        for order in itertools.permutations(range(3)):
            connection = kernel.connection()
            for _ in range(earlier):
                connection.ask(GET)
                connection.answer(OK + b"ab")
            connection.events.clear()
            pieces = place(connection, stream, list(cuts))
            seen: set[int] = set()
            for at in order:
                events = connection.packet(connection.client, pieces[at][1], at=pieces[at][0])
                assert 0 in seen | {at} or events == [], (cuts, order)
                seen.add(at)
            assert b"".join(headers(connection.events)) == POST + CHUNKED[:56] + GET, (cuts, order)
            for number in range(3):
                connection.answer(OK.replace(b"200", b"20%d" % number) + b"ab")
            exchanges_made = [
                (e.request and e.request.method, e.response and e.response.status, e.incomplete)
                for e in connection.exchanges()
            ]
            assert exchanges_made == [("POST", 200, ()), ("PUT", 201, ()), ("GET", 202, ())], (
                cuts,
                order,
            )


def test_as_many_as_a_hold_takes(kernel: Harness) -> None:
    """The first byte of 33 segments comes last: 32 were kept."""
    connection = kernel.connection()
    base = connection.client.sequence
    block = b"GET / HTTP/1.1\r\nX: " + bytes(range(97, 97 + 26)) * 20 + b"\r\n\r\n"
    size = -(-len(block) // 33)
    for at in range(32 * size, -1, -size):
        connection.packet(connection.client, block[at : at + size], at=base + at)
    connection.client.sequence += len(block)
    connection.answer(OK + b"ab")  # what one chain of calls could not take
    assert b"".join(headers(connection.events[:-1])) == block


def test_more_than_a_hold_takes(kernel: Harness) -> None:
    """What finds no room costs the place, and is counted; a start line gives it back."""
    connection = kernel.connection()
    before = kernel.counters()
    base = connection.client.sequence
    block = b"GET / HTTP/1.1\r\nX: " + b"x" * 2000 + b"\r\n\r\n"
    for at in range(len(block) - 40, 0, -40):
        connection.packet(connection.client, block[at : at + 40], at=base + at)
    assert kernel.counted(before)["held_full"] > 1
    connection.packet(connection.client, block[:40], at=base)
    connection.client.sequence += len(block)
    connection.answer(OK + b"ab")
    connection.ask(GET)
    assert connection.events[-1].data == GET
    assert connection.events[-1].flags & Flag.RESUMED


def test_holds_are_lent(kernel: Harness) -> None:
    """More connections wait for a segment than there are holds: the oldest lose theirs."""
    before = kernel.counters()
    waiting = [kernel.connection() for _ in range(300)]
    for connection in waiting:
        show(connection, place(connection, GET + GET, [20])[1:])
    for connection in waiting:
        connection.packet(connection.client, GET[:20], at=connection.client.sequence - 2 * len(GET))
    whole = sum(b"".join(headers(connection.events)) == GET + GET for connection in waiting)
    lost = kernel.counted(before)["held_lost"]
    assert whole + lost == 300
    assert whole > 50
    connection = kernel.connection()
    show(connection, place(connection, GET + GET, [20])[::-1])
    assert b"".join(headers(connection.events)) == GET + GET


def test_out_of_the_window(kernel: Harness) -> None:
    """What its receiver can't take moves nothing, whether data, FIN or RST."""
    for flags, data in ((ACK, GET), (FIN | ACK, b""), (RST, b""), (ACK, b"x" * 500)):
        connection = kernel.connection()
        connection.ask(POST)
        before = kernel.counters()
        far = connection.client.sequence + 300_000
        assert connection.packet(connection.client, data, at=far, flags=flags) == []
        assert kernel.counted(before)["out_of_window"] == 1
        (end, event) = connection.ask(b"body" + GET)
        assert (end.kind, event.data) == (Kind.MESSAGE_END, GET)


def test_window_scale(kernel: Harness) -> None:
    """The scale counts where both announced one (RFC 7323 section 2.2)."""
    for scales, taken in (((7, 7), True), ((7, None), False), ((None, 7), False)):
        connection = kernel.connection(handshake=False)
        for end, scale, flags in (
            (connection.client, scales[0], SYN),
            (connection.server, scales[1], SYN | ACK),
        ):
            options = b"" if scale is None else b"\x02\x04\x05\xb4\x01\x03\x03" + bytes([scale])
            connection.packet(end, flags=flags, options=options)
            end.sequence += 1
        connection.ask(POST)
        connection.packet(connection.server)
        before = kernel.counters()
        far = connection.client.sequence + 300_000
        connection.packet(connection.client, b"x", at=far)
        assert ("out_of_window" not in kernel.counted(before)) is taken, scales


def test_fin_before_the_last_data(kernel: Harness) -> None:
    """A FIN that overtakes data ends the stream when they have come."""
    connection = kernel.connection()
    connection.ask(GET)
    answer = OK + b"ab"
    end = connection.server.sequence + len(answer)
    assert connection.packet(connection.server, at=end, flags=FIN | ACK) == []
    header, closed = connection.answer(answer)
    assert (header.data, closed.kind, closed.reason) == (OK, Kind.FLOW_END, FlowEnd.FIN)


def test_gap_known_by_acknowledgement(kernel: Harness) -> None:
    """The server acknowledges what was never seen: a GAP, and the next start line is RESUMED."""
    connection = kernel.connection()
    before = kernel.counters()
    connection.ask(GET)
    connection.answer(OK + b"ab")
    lost = connection.client.sequence
    connection.client.sequence += 300
    assert connection.ask(b"rest of a header: x\r\n\r\n") == []
    (gap,) = connection.packet(connection.server)
    assert (gap.kind, gap.sequence, gap.until) == (Kind.GAP, lost, lost + 300)
    assert gap.side != connection.events[1].side
    (event,) = connection.ask(GET)
    assert event.flags & Flag.RESUMED
    counted = kernel.counted(before)
    assert counted["place_lost"] == counted["place_resumed"] == counted["events_gap"] == 1
    connection.answer(OK + b"ab")
    assert [e.incomplete for e in connection.exchanges()] == [(), ()]


def test_gap_acknowledged_before_the_next_segment(kernel: Harness) -> None:
    """A whole request was missed and answered: the next one is found at once, after a GAP."""
    connection = kernel.connection()
    connection.ask(GET)
    connection.answer(OK + b"ab")
    connection.client.sequence += len(GET)
    connection.answer(OK + b"ab")
    gap, header = connection.ask(GET)
    assert (gap.kind, gap.until - gap.sequence) == (Kind.GAP, len(GET))
    assert header.flags & Flag.RESUMED
    connection.answer(OK + b"ab")
    assert [bool(e.request) for e in connection.exchanges()] == [True, False, True]


def test_hole_without_acknowledgements_is_given_up(kernel: Harness) -> None:
    """One direction only: after some segments beyond it, a hole is believed to stay."""
    connection = kernel.connection()
    connection.ask(GET)
    connection.client.sequence += 100
    for _ in range(80):
        connection.ask(GET)
    kinds = [event.kind for event in connection.events]
    assert kinds.count(Kind.GAP) == 1
    assert connection.events[-1].flags & Flag.END


def test_hole_in_a_body_costs_nothing(connection: Connection) -> None:
    """Body segments may be missed: the end is known by arithmetic."""
    connection.ask(b"POST / HTTP/1.1\r\nContent-Length: 10000\r\n\r\n" + b"x" * 100)
    connection.client.sequence += 9800
    end, header = connection.ask(b"x" * 100 + GET)
    assert (end.kind, end.body_bytes) == (Kind.MESSAGE_END, 10000)
    assert header.data == GET


def test_joined_in_the_middle(kernel: Harness) -> None:
    """No SYN was seen: bytes before the first start line are left alone; what follows is LATE."""
    connection = kernel.connection(handshake=False)
    before = kernel.counters()
    assert connection.ask(b"the rest of some body\r\n\r\n") == []
    counted = kernel.counted(before)
    assert counted["state_missing"] == counted["server_late"] == 1
    (event,) = connection.ask(GET)
    assert event.flags & Flag.LATE
    assert not event.flags & Flag.RESUMED
    (event,) = connection.answer(OK + b"ab")
    assert event.flags & Flag.LATE
    (exchange,) = connection.exchanges()
    assert exchange.joined_late
    assert not exchange.resumed


def test_joined_in_the_middle_of_a_word(kernel: Harness) -> None:
    """A late flow takes only a complete start line with its version."""
    connection = kernel.connection(handshake=False)
    for data in (b"GET / HTT", b"GET /no-version-in-this-line\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n"):
        assert connection.ask(data) == []
    assert headers(connection.ask(GET)) == [GET]


def test_port_used_again(kernel: Harness) -> None:
    """A SYN on the same ports begins another flow and ends the old one."""
    connection = kernel.connection()
    connection.ask(GET)
    old = connection.events[0].flow
    connection.client.sequence, connection.server.sequence = 7_000_000, 9_000_000
    connection.open()
    closed = connection.events[-1]
    assert (closed.kind, closed.reason, closed.flow) == (Kind.FLOW_END, FlowEnd.CLOSED, old)
    connection.ask(GET)
    assert connection.events[-1].flow != old
    connection.answer(OK + b"ab")
    assert [bool(e.response) for e in connection.exchanges()] == [False, True]


def test_port_used_again_after_close(kernel: Harness) -> None:
    """Also right after both FINs; late segments of the old connection begin nothing."""
    connection = kernel.connection()
    connection.ask(GET)
    connection.answer(OK + b"ab")
    connection.finish(connection.client)
    connection.finish(connection.server)
    assert [e.reason for e in connection.events if e.kind == Kind.FLOW_END] == [FlowEnd.FIN]
    assert connection.packet(connection.client, GET, at=connection.client.sequence) == []
    connection.client.sequence, connection.server.sequence = 7_000_000, 9_000_000
    connection.open()
    assert headers(connection.ask(GET)) == [GET]


def test_repeated_syn_changes_nothing(connection: Connection) -> None:
    """A retransmitted SYN is the same connection."""
    connection.ask(GET)
    at = connection.events[0].sequence - 1
    assert connection.packet(connection.client, flags=SYN, at=at) == []
    (event,) = connection.ask(GET)
    assert event.flow == connection.events[0].flow


def test_data_on_the_syn(kernel: Harness) -> None:
    """TCP Fast Open (RFC 7413): the first byte is one behind the SYN."""
    connection = kernel.connection(handshake=False)
    (event,) = connection.packet(connection.client, GET, flags=SYN)
    assert (event.data, event.sequence) == (GET, connection.client.sequence + 1)


@pytest.mark.parametrize("from_server", [False, True])
def test_reset(kernel: Harness, from_server: bool) -> None:  # noqa: FBT001
    """RST ends the flow from either side; nothing is read afterwards."""
    connection = kernel.connection()
    connection.ask(GET)
    end = connection.server if from_server else connection.client
    (event,) = connection.packet(end, flags=RST)
    assert (event.kind, event.reason) == (Kind.FLOW_END, FlowEnd.RST)
    assert connection.answer(OK + b"ab") == []


def test_half_close(connection: Connection) -> None:
    """A client that has closed its half is still answered; the flow ends once."""
    connection.send(connection.client, GET, flags=ACK | PSH | FIN)
    connection.client.sequence += 1
    connection.answer(OK + b"ab")
    connection.finish(connection.server)
    ends = [event for event in connection.events if event.kind == Kind.FLOW_END]
    assert len(ends) == 1
    (exchange,) = connection.exchanges()
    assert exchange.incomplete == ()


def test_one_direction_only(kernel: Harness) -> None:
    """Requests alone, and responses alone, are found."""
    asking, answering = kernel.connection(), kernel.connection()
    asking.ask(GET)
    answering.answer(OK + b"ab" + OK + b"ab")
    assert len(asking.exchanges()) == 1
    assert len(answering.exchanges()) == 2


def test_disorder_never_invents(kernel: Harness) -> None:
    """Random loss, order and repetition: what is paired belongs together."""
    generator = random.Random(11)
    paired = 0
    for case in range(500):
        connection = kernel.connection()
        packets = []
        for number in range(6):
            request = POST.replace(b"/b", b"/%d" % number) + b"body"
            response = OK.replace(b"200", b"%d" % (200 + number)) + b"ab"
            for end, data in ((connection.client, request), (connection.server, response)):
                at = 0
                while at < len(data):
                    step = generator.randrange(1, 90)
                    packets.append((end, connection.build(end, data[at : at + step])))
                    end.sequence += len(data[at : at + step])
                    at += step
        disturb(packets, generator)
        events = [event for _, packet in packets for event in kernel.show(packet)]
        for made in exchanges(events):
            if made.request and made.response:
                paired += 1
                assert made.response.status == 200 + int(made.request.target[1:]), case
    assert paired > 500 * 6 // 2


def disturb(packets: list[tuple[End, bytes]], generator: random.Random) -> None:
    """Lose, repeat or swap three packets."""
    for _ in range(3):
        change, at = generator.randrange(3), generator.randrange(len(packets) - 1)
        if change == 0:
            del packets[at]
        elif change == 1:
            packets.insert(at, packets[at])
        else:
            packets[at : at + 2] = packets[at + 1], packets[at]


def test_disorder_is_got_over(kernel: Harness) -> None:
    """Whatever was lost, doubled or swapped: a few orderly exchanges later all is read again."""
    generator = random.Random(3)
    for case in range(150):
        connection = kernel.connection()
        for _ in range(3):
            for end, data in (
                (connection.client, POST + b"body"),
                (
                    connection.server,
                    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
                ),
                (connection.server, b"0\r\n\r\n"),
            ):
                pieces = place_of(end, data, sorted(generator.sample(range(1, len(data)), 2)))
                generator.shuffle(pieces)
                for at, part in pieces:
                    for _ in range(generator.choice((0, 1, 1, 1, 2))):
                        connection.packet(end, part, at=at)
        # A body or a block that lacks its end takes some of what follows for its own.
        for _ in range(8):
            connection.ask(GET)
            connection.answer(OK + b"ab")
        connection.events.clear()
        connection.ask(GET)
        connection.answer(OK + b"ab")
        assert headers(connection.events) == [GET, OK], case


def place_of(end: End, data: bytes, cuts: list[int]) -> list[tuple[int, bytes]]:
    """The next bytes of an end cut into segments: sequence number and bytes."""
    base = end.sequence
    end.sequence += len(data)
    return [(base + a, data[a:b]) for a, b in itertools.pairwise([0, *cuts, len(data)])]

"""Body bytes stay in the kernel, with exactly the bound of the design.

In order, no byte of a body leaves it. A segment beyond a hole is handed out only if the hole lies
inside a header block, flagged, and only to its first blank line. Where the place is lost, only a
segment that starts with a complete start line is taken, flagged.
"""

import itertools
import re
from typing import NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shipper.contract.events import Event, Flag

from .wire import Connection, Harness

MARK = b"\xc3\x9f\xa7"
MARKS = re.compile(b"[\xc3\x9f\xa7]")
#: what a body may hold to lead a reader astray; each piece carries the marker
PIECES = [
    MARK,
    MARK * 40,
    b"\r\n\r\n" + MARK,
    b"GET /" + MARK + b" HTTP/1.1\r\nHost: " + MARK + b"\r\n\r\n",
    b"HTTP/1.1 200 " + MARK + b"\r\nContent-Length: 7\r\n\r\n",
    b"Content-Length: 99\r\nX: " + MARK + b"\r\n",
    b"Transfer-Encoding: chunked\r\n" + MARK,
    b"0\r\n\r\n" + MARK,
]

bodies = st.lists(st.sampled_from(PIECES), max_size=6).map(b"".join)


class Message(NamedTuple):
    """A message as its header block and the rest."""

    block: bytes
    body: bytes


def framed(start: bytes, body: bytes, chunked: bool) -> Message:  # noqa: FBT001
    """A message with its body, by length or in chunks."""
    if not chunked:
        return Message(start + b"\r\nContent-Length: %d\r\nA: b\r\n\r\n" % len(body), body)
    parts = [body[at : at + 50] for at in range(0, len(body), 50)]
    framing = b"".join(b"%x;e\r\n%b\r\n" % (len(part), part) for part in parts)
    return Message(
        start + b"\r\nTransfer-Encoding: chunked\r\nA: b\r\n\r\n", framing + b"0\r\n\r\n"
    )


messages = st.builds(framed, st.just(b"POST / HTTP/1.1"), bodies, st.booleans())
answers = st.builds(framed, st.just(b"HTTP/1.1 200 OK"), bodies, st.booleans())
cases = st.lists(st.tuples(messages, answers), min_size=1, max_size=4)
quick = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def pieces(data: st.DataObject, stream: bytes) -> list[tuple[int, bytes]]:
    """A stream cut into segments: where each begins, and its bytes."""
    cuts = data.draw(st.lists(st.integers(1, max(1, len(stream) - 1)), max_size=8, unique=True))
    borders = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    return [(a, stream[a:b]) for a, b in itertools.pairwise(borders) if a < b]


def leaks(events: list[Event]) -> list[Event]:
    """The events that hold a byte of a body."""
    return [event for event in events if MARKS.search(event.data)]


@quick
@given(case=cases, data=st.data())
def test_in_order_nothing_leaves(
    kernel: Harness, case: list[tuple[Message, Message]], data: st.DataObject
) -> None:
    """Any framing, any segments, blocks and bodies sharing them or not: no byte of a body."""
    connection = kernel.connection()
    for request, response in case:
        for end, message in ((connection.client, request), (connection.server, response)):
            for _, part in pieces(data, message.block + message.body):
                connection.send(end, part)
    assert leaks(connection.events) == []
    blocks = b"".join(message.block for pair in case for message in pair)
    assert b"".join(event.data for event in connection.events) == blocks


@quick
@given(case=cases, data=st.data())
def test_reordered_only_up_to_a_blank_line(
    kernel: Harness, case: list[tuple[Message, Message]], data: st.DataObject
) -> None:
    """Two neighbours swapped: the flagged segment's bytes before its first blank line at most.

    And only where the hole lay in a header block.
    """
    connection = kernel.connection()
    first, answer = case[0]
    connection.ask(first.block + first.body)
    connection.answer(answer.block + answer.body)
    for request, response in case[1:]:
        segments = pieces(data, request.block + request.body)
        base = connection.client.sequence
        if len(segments) > 1:
            at = data.draw(st.integers(0, len(segments) - 2))
            hole = segments[at][0]
            segments[at : at + 2] = segments[at + 1], segments[at]
        else:
            hole = 0
        for start, part in segments:
            events = connection.packet(connection.client, part, at=base + start)
            for event in leaks(events):
                if event.flags & (Flag.RESUMED | Flag.START):
                    assert_resumed(event, part)
                    continue
                assert event.flags & Flag.SPECULATIVE, event
                assert hole < len(request.block), event
                assert_one_blank_line(event)
        connection.client.sequence = base + len(request.block) + len(request.body)
        connection.answer(response.block + response.body)


@quick
@given(case=cases, data=st.data())
def test_lost_or_joined_late(
    kernel: Harness, case: list[tuple[Message, Message]], data: st.DataObject
) -> None:
    """Segments missing, or the beginning of everything: only flagged events hold body bytes.

    Each is of a segment that starts with a start line, or goes on with it, or lies beyond a hole.
    Where a body itself holds whole messages, the place that the first of them gave back leads to
    the next ones: these are as good as the flagged one before them on their side, and follow it.
    """
    late = data.draw(st.booleans())
    connection = kernel.connection(handshake=not late)
    taken: set[int] = set()  # sides whose place a start line gave back
    for request, response in case:
        for end, message in ((connection.client, request), (connection.server, response)):
            for _, part in pieces(data, message.block + message.body):
                if data.draw(st.integers(0, 5)) == 0:
                    end.sequence += len(part)
                    continue
                for event in connection.send(end, part):
                    if not MARKS.search(event.data):
                        continue
                    if event.flags & Flag.SPECULATIVE:
                        assert_one_blank_line(event)
                    elif event.flags & Flag.START and event.side not in taken:
                        assert_resumed(event, part)
                        taken.add(event.side)
                    else:  # it goes on behind such a segment's beginning
                        assert event.side in taken


def assert_one_blank_line(event: Event) -> None:
    """Nothing stands behind the event's first blank line."""
    data = event.data
    assert not re.search(rb"\n\r?\n.", data, re.DOTALL), data
    assert not re.match(rb"\r?\n.", data, re.DOTALL) or not event.flags & Flag.START


def assert_resumed(event: Event, part: bytes) -> None:
    """The segment began with a complete start line, and the event says how it was taken."""
    assert event.flags & (Flag.RESUMED | Flag.LATE), event
    assert part.startswith(event.data)
    line = event.data.split(b"\n", 1)[0]
    assert line.startswith(b"HTTP/1.") or b" HTTP/1." in line
    assert not re.search(rb"\n\r?\n.", event.data, re.DOTALL)


def test_headers_and_body_in_one_segment(connection: Connection) -> None:
    """The plain case, and bodies that are nothing but requests and blank lines."""
    for piece in PIECES:
        body = piece * 9
        for message in (
            framed(b"POST / HTTP/1.1", body, chunked=False),
            framed(b"POST / HTTP/1.1", body, chunked=True),
        ):
            event = connection.ask(message.block + message.body)[0]
            assert event.data == message.block
    assert leaks(connection.events) == []


def test_speculation_stops_at_the_segments_first_blank_line(kernel: Harness) -> None:
    """Beyond a hole in a block: header lines and no more; a leading line end stops it at once."""
    for head, handed in (
        (b"X: y\r\n\r\n", b"X: y\r\n\r\n"),
        (b"X: y\n\n", b"X: y\n\n"),
        (b"\r\n", b"\r\n"),
        (b"\n", b"\n"),
    ):
        connection = kernel.connection()
        connection.ask(b"GET / HTTP/1.1\r\n\r\n")
        connection.answer(b"HTTP/1.1 204 X\r\n\r\n")
        connection.ask(b"POST / HTTP/1.1\r\nContent-Length: 300\r\n")
        connection.client.sequence += 50
        (event,) = connection.ask(head + MARK * 50 + b"\r\n\r\n" + MARK)
        assert event.flags & Flag.SPECULATIVE
        assert event.data == handed


def test_hole_in_a_body_gives_nothing(kernel: Harness) -> None:
    """Beyond a hole in a body, or in chunk framing, nothing is handed out."""
    for framing in (b"Content-Length: 900", b"Transfer-Encoding: chunked"):
        connection = kernel.connection()
        connection.ask(b"POST / HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        connection.client.sequence += 50
        assert connection.ask(PIECES[3] + MARK) == []

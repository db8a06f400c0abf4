"""Body bytes stay in the kernel, with exactly the bound of the design.

No byte of a body leaves it, in order or not: what lies beyond a hole waits. Only where the place is
lost a segment that starts with a complete start line is taken, flagged.
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
def test_reordered_nothing_leaves(
    kernel: Harness, case: list[tuple[Message, Message]], data: st.DataObject
) -> None:
    """Segments in any order, some of them twice: no byte of a body, and every block whole."""
    connection = kernel.connection()
    for request, response in case:
        for end, message in ((connection.client, request), (connection.server, response)):
            base = end.sequence
            segments = pieces(data, message.block + message.body)
            segments += data.draw(st.lists(st.sampled_from(segments), max_size=2))
            for start, part in data.draw(st.permutations(segments)):
                connection.packet(end, part, at=base + start)
            end.sequence += len(message.block + message.body)
    assert leaks(connection.events) == []
    blocks = b"".join(message.block for pair in case for message in pair)
    fresh = [event.data for event in connection.events if not event.flags & Flag.OVERLAP]
    assert b"".join(fresh) == blocks


@quick
@given(case=cases, data=st.data())
def test_lost_or_joined_late(
    kernel: Harness, case: list[tuple[Message, Message]], data: st.DataObject
) -> None:
    """Segments missing, or the beginning of everything: only flagged events hold body bytes.

    Each is of a segment that starts with a start line, or goes on with it.
    Where a body itself holds whole messages, the place that the first of them gave back leads to
    the next ones: these are as good as the flagged one before them on their side, and follow it.
    """
    late = data.draw(st.booleans())
    connection = kernel.connection(handshake=not late)
    taken: set[int] = set()  # sides whose place a start line gave back
    sent: dict[int, bytes] = {}  # a segment may have been kept for a while
    for request, response in case:
        for end, message in ((connection.client, request), (connection.server, response)):
            for _, part in pieces(data, message.block + message.body):
                if data.draw(st.integers(0, 5)) == 0:
                    end.sequence += len(part)
                    continue
                sent[end.sequence] = part
                for event in connection.send(end, part):
                    if not MARKS.search(event.data):
                        continue
                    if event.flags & Flag.START and event.side not in taken:
                        assert_resumed(event, sent[event.sequence])
                        taken.add(event.side)
                    else:  # it goes on behind such a segment's beginning
                        assert event.side in taken


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


def test_hole_gives_nothing(kernel: Harness) -> None:
    """Beyond a hole in a body, in chunk framing or in a header block, nothing is handed out."""
    for framing in (b"Content-Length: 900\r\n", b"Transfer-Encoding: chunked\r\n", b"X: y"):
        connection = kernel.connection()
        connection.ask(b"POST / HTTP/1.1\r\n" + framing + b"\r\n" * (framing[-1] == 0x0A))
        connection.client.sequence += 50
        assert connection.ask(PIECES[3] + MARK) == []

"""Two streams in, the segments that show them out: cut anywhere, in any order, more than once.

What a receiver does is kept to: it acknowledges what it has without a hole, or less, and answers
nothing that it does not have. Knows bytes by their places, and not what they say.
"""

import itertools
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from kernel.wire import ACK, FIN, PSH, RST, SYN

from .streams import CLIENT, SERVER, Stream

#: bytes of a segment: what one test-run takes with room for all headers, and what a wire does
LARGEST: Final = 2900
USUAL: Final = 1400
#: segments that one direction is cut into, about
MOST: Final = 30
#: The program takes a step at a time, and at most 33 of them on one packet: one for each segment,
#: kept ones that the packet makes readable included, and one for each message's end in them. What
#: is left waits for the next packets, so that some come at the end.
STEPS: Final = 30
LAST_ACKS: Final = 4
#: Segments and bytes of one side beyond a hole: half of what the program keeps (32 and 16384), for
#: what it is done with, or could not take yet, counts there until the last of them is used.
SEGMENTS_HELD: Final = 16
BYTES_HELD: Final = 8192
#: the window that every packet offers
WINDOW: Final = 65535


class Segment(NamedTuple):
    """The bytes from `start` to `end` of a side's stream, or other bytes in their place.

    Places count from the first byte; the SYN stands at -1. `due`: bytes of the other side that
    have to have been shown. `acknowledged` is a place too.
    """

    side: int
    start: int
    end: int
    flags: int
    due: int = 0
    acknowledged: int = 0
    instead: bytes = b""


@dataclass(frozen=True, slots=True)
class Manner:
    """How streams are shown.

    `cuts`: "whole", "few", "small", "bytes" or "any"; `window`: of so many segments to come any
    may be next; `again` and `overlaps`: of ten segments, so many are shown once more, as they
    were or with other borders; `acks`: of ten segments, so many have a bare ACK behind them;
    `held`: segments of one side that may lie beyond a hole; `clear`: each message begins a
    segment, which holds its start line. `end`: "none", "server", "client",
    "both", "half" (the client's FIN comes behind its last request), "reset" or "both_reset".
    """

    cuts: str = "few"
    window: int = 1
    again: int = 0
    overlaps: int = 0
    acks: int = 2
    clear: bool = False
    end: str = "both"


@dataclass(slots=True)
class Direction:
    """What was shown of one stream, and what is still to be."""

    stream: Stream
    pending: list[Segment]
    shown: int = 0  # without a hole; with the FIN one more than there are bytes
    beyond: list[tuple[int, int]] = field(default_factory=list)
    acknowledges: int = 0
    held: int = 0
    bytes_held: int = 0

    def take(self, start: int, end: int) -> None:
        """Note what a segment shows."""
        if start > self.shown:
            self.held += 1
            self.bytes_held += end - start
        self.beyond.append((start, end))
        self.beyond.sort()
        while self.beyond and self.beyond[0][0] <= self.shown:
            self.shown = max(self.shown, self.beyond.pop(0)[1])
        if not self.beyond:
            self.held = self.bytes_held = 0

    @property
    def furthest(self) -> int:
        """One past the last byte shown, whatever holes lie before it."""
        return max([self.shown, *(end for _, end in self.beyond)])

    def may_take(self, segment: Segment) -> bool:
        """Whether there is room for it if it lies beyond a hole."""
        start, end = segment.start, segment.end
        return start <= self.shown or (
            self.held < SEGMENTS_HELD and self.bytes_held + end - start <= BYTES_HELD
        )


def _places(chance: Random, size: int, cuts: str) -> set[int]:
    """Where to cut a stream of so many bytes."""
    if cuts == "few":
        return {chance.randint(0, size) for _ in range(chance.randint(0, 6))}
    if cuts == "bytes":
        start = chance.randint(0, size)
        return set(range(start, min(size, start + MOST)))
    if cuts == "whole":
        return set()
    least = max(1, size // MOST)
    most = max(least, 30 if cuts == "small" else USUAL)
    out, place = set(), 0
    while place < size:
        out.add(place)
        place += chance.randint(least, chance.randint(least, most))
    return out


def borders(chance: Random, stream: Stream, manner: Manner) -> list[int]:
    """Where segments begin and end: the stream's borders and others."""
    size = len(stream.data)
    at = _places(chance, size, manner.cuts)
    if manner.clear:
        for start in stream.starts:
            at -= set(range(start, stream.data.index(b"\n", start) + 2))
        at |= set(stream.starts)
    at |= {0, size, *stream.borders}
    for before, behind in itertools.pairwise(sorted(at)):
        at |= set(range(before, behind, LARGEST))
        steps = [step for step in stream.steps if before < step < behind]
        at |= set(steps[STEPS - 1 :: STEPS])
    return sorted(at)


def cut(chance: Random, side: int, stream: Stream, manner: Manner) -> list[Segment]:
    """The segments of a side in their order, those that come again among them."""
    out: list[Segment] = []
    for start, end in itertools.pairwise(borders(chance, stream, manner)):
        flags = ACK | PSH if chance.random() < 0.3 else ACK
        out.append(Segment(side, start, end, flags, stream.due(end - 1)))
        if chance.randrange(10) < manner.again:
            out.append(chance.choice(out[-8:]))
        if chance.randrange(10) < manner.overlaps:
            out.append(_overlap(chance, side, stream, end))
    return out


def _overlap(chance: Random, side: int, stream: Stream, end: int) -> Segment:
    """Some bytes before `end`, or around it as far as the stream goes on at that time."""
    limit = next((border for border in stream.borders if border > end), len(stream.data))
    start = max(0, end - chance.choice((1, 2, 10, 100, 1000)))
    stop = min(limit, start + chance.choice((1, 2, 10, 100, 1000)))
    stop = max(stop, start + 1)
    return Segment(side, start, stop, ACK, stream.due(stop - 1))


def script(chance: Random, streams: list[Stream], manner: Manner) -> list[Segment]:
    """Everything in the order in which it is shown, from the SYN on, with acknowledgements."""
    sides = [
        Direction(stream, cut(chance, side, stream, manner)) for side, stream in enumerate(streams)
    ]
    _finish(chance, sides, manner)
    out = _handshake(chance, sides)
    while any(side.pending for side in sides):
        segment = _next(chance, sides, manner)
        ours, theirs = sides[segment.side], sides[1 - segment.side]
        if segment.end - theirs.acknowledges > WINDOW:
            theirs.acknowledges = ours.shown
            out.append(Segment(1 - segment.side, theirs.shown, theirs.shown, ACK, 0, ours.shown))
        ours.take(segment.start, segment.end + bool(segment.flags & FIN))
        out.append(_acknowledging(chance, segment, ours, theirs))
        if chance.randrange(10) < manner.acks:
            out.append(_acknowledging(chance, _ack(chance, 1 - segment.side, theirs), theirs, ours))
    for which in [CLIENT, SERVER] * (LAST_ACKS // 2):
        at = sides[which].shown
        out.append(Segment(which, at, at, ACK, 0, sides[1 - which].shown))
    if manner.end in {"reset", "both_reset"}:
        side = chance.randrange(2)
        shown = sides[side].shown
        out.append(Segment(side, shown, shown, RST | ACK, 0, sides[1 - side].shown))
    return out


def _handshake(chance: Random, sides: list[Direction]) -> list[Segment]:
    """SYN and SYN-ACK, now and then twice, or with the first data (RFC 7413)."""
    opening = Segment(CLIENT, -1, 0, SYN)
    first = sides[CLIENT].pending[0]
    if chance.random() < 0.05 and first.start == first.due == 0:
        opening = opening._replace(end=first.end)
        sides[CLIENT].take(0, first.end)
        if chance.random() < 0.5:
            del sides[CLIENT].pending[0]
    answer = Segment(SERVER, -1, 0, SYN | ACK)
    return [
        segment
        for one in (opening, answer)
        for segment in [one] * chance.choice((1, 1, 1, 1, 1, 1, 2))
    ]


def _ack(chance: Random, which: int, side: Direction) -> Segment:
    """A bare ACK, or a keep-alive: the last place without a byte or with any (RFC 9293, 3.8.4)."""
    at = side.shown
    if chance.random() < 0.05 and 0 < at <= len(side.stream.data) and not side.beyond:
        garbage = chance.choice((b"", b"\0"))
        return Segment(which, at - 1, at - 1 + len(garbage), ACK, instead=garbage)
    return Segment(which, at, at, ACK)


def _acknowledging(chance: Random, segment: Segment, ours: Direction, theirs: Direction) -> Segment:
    if chance.random() < 0.7:
        ours.acknowledges = theirs.shown
    # An answer acknowledges what it answers, whichever way its packet took.
    return segment._replace(acknowledged=max(ours.acknowledges, segment.due))


def _next(chance: Random, sides: list[Direction], manner: Manner) -> Segment:
    """One of the segments that may come now; there is always one."""
    order = [CLIENT, SERVER] if chance.random() < 0.5 else [SERVER, CLIENT]
    for which in order:
        side, other = sides[which], sides[1 - which]
        window = side.pending[: manner.window]
        ready = [one for one in window if one.due <= other.shown and side.may_take(one)]
        if not ready:  # the one before the hole may stand behind its own copies
            ready = [
                one
                for one in side.pending
                if one.start <= side.shown < one.end and one.due <= other.shown
            ][:1]
        if ready:
            segment = chance.choice(ready)
            side.pending.remove(segment)
            return segment
    msg = "each side waits for the other"
    raise AssertionError(msg)


def _finish(chance: Random, sides: list[Direction], manner: Manner) -> None:
    """Let FINs follow: on the last segment, or by themselves."""
    lengths = [len(side.stream.data) for side in sides]
    ends = {
        "both": (1, 1),
        "both_reset": (1, 1),
        "half": (2, 1),
        "server": (0, 1),
        "client": (1, 0),
    }
    for which, how in enumerate(ends.get(manner.end, (0, 0))):
        side, end = sides[which], lengths[which]
        due = 0 if how == 2 else lengths[1 - which]
        last = side.pending[-1] if side.pending else Segment(which, 0, -1, 0)
        if how and last.end == end and due <= last.due and chance.random() < 0.5:
            side.pending[-1] = last._replace(flags=last.flags | FIN)
        elif how:
            side.pending.append(Segment(side=which, start=end, end=end, flags=FIN | ACK, due=due))

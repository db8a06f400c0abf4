"""A connection's segments in, the same with retransmissions that lie, or without some, out.

What is told of it is then no longer what was sent: beside the segments stands what may differ.
"""

from random import Random
from typing import Final

from kernel.wire import ACK, FIN

from .segments import Direction, Segment
from .streams import CLIENT, SERVER, Stream

#: bytes of a retransmission that the program hands out for comparison
COMPARED: Final = 2048
#: bytes of a block that it may keep to itself until more is there
CARRY: Final = 48


def conflicting(
    chance: Random, streams: list[Stream], segments: list[Segment]
) -> tuple[list[Segment], set[int]]:
    """Retransmissions among the segments that disagree with a header block already shown.

    Also the exchanges that they are about. Such a segment comes while its exchange is under way and
    its block is the last one that its side began.
    """
    sides = [Direction(stream, []) for stream in streams]
    out: list[Segment] = []
    lied: set[int] = set()
    for segment in segments:
        out.append(segment)
        end = segment.end + bool(segment.flags & FIN)
        sides[segment.side].take(max(0, segment.start), end)
        if chance.random() < 0.7:
            continue
        side = chance.choice((CLIENT, SERVER))
        number = _under_way(streams, side, sides)
        if number is not None:
            start, end = streams[side].blocks[number]
            end = min(end, sides[side].shown)
            theirs = sides[1 - side].shown
            out.append(_lie(chance, streams[side], side, (start, end), theirs))
            lied.add(number)
    return out, lied


def _under_way(streams: list[Stream], side: int, sides: list[Direction]) -> int | None:
    """The exchange of which a side showed the header block, or its begin, last; if it is not over.

    What lies beyond a hole counts as shown: a body goes on over its holes.
    """
    stream, shown = streams[side], sides[side].shown
    latest = max((start for start in stream.starts if start < sides[side].furthest), default=None)
    for number, (start, end) in enumerate(stream.blocks):  # a 1xx response is none of these
        seen = shown >= min(end, start + CARRY + 1)
        if start == latest and seen and sides[SERVER].furthest < streams[SERVER].ends[number]:
            return number
    return None


def _lie(chance: Random, stream: Stream, side: int, block: tuple[int, int], theirs: int) -> Segment:
    """Some bytes of a block once more, at least one of them another."""
    start = chance.randrange(block[0], block[1] - 1)  # a last byte alone is a keep-alive
    end = chance.randint(start + 1, min(block[1], start + COMPARED))
    instead = bytearray(stream.data[start:end])
    for _ in range(chance.choice((1, 1, 1, 3, 20))):
        at = chance.randrange(len(instead))
        instead[at] = chance.choice([byte for byte in b"\r\n aZ0:\xff" if byte != instead[at]])
    if instead == stream.data[start:end]:
        instead[0] ^= 1
    return Segment(side, start, end, ACK, 0, theirs, bytes(instead))


def losing(chance: Random, segments: list[Segment]) -> tuple[list[Segment], list[Segment]]:
    """Some of the segments, and those that were not shown although their receiver had them."""
    data = [at for at, segment in enumerate(segments) if segment.end > segment.start >= 0]
    lost: set[int] = set()
    for _ in range(chance.choice((1, 1, 2, 3))):
        first = chance.randrange(len(data))
        lost |= set(data[first : first + chance.choice((1, 1, 2, 4))])
    return (
        [segment for at, segment in enumerate(segments) if at not in lost],
        [segments[at] for at in sorted(lost)],
    )

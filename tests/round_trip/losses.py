"""What came out of a connection of which segments were lost in, what is wrong with it out.

The capture missed them, the receiver did not: it acknowledged them, and the connection went on.
"""

import bisect
from typing import Final

from shipper.contract.exchange import Exchange, Incomplete, Message

from .messages import Told, told
from .running import Shown, whole
from .segments import Segment
from .streams import CLIENT

_OF_REQUEST: Final = {Incomplete.REQUEST_GAP, Incomplete.REQUEST_CUT_OFF, Incomplete.NO_REQUEST}
_OF_RESPONSE: Final = {
    Incomplete.RESPONSE_GAP,
    Incomplete.RESPONSE_CUT_OFF,
    Incomplete.NO_RESPONSE,
}
#: of `Told`: what one header block says
_ASKED: Final = slice(1, 6)
_ANSWERED: Final = slice(7, 12)


def complaints(shown: Shown, lost: list[Segment]) -> list[str]:
    """What is told wrongly: a mixture, something twice, something falsified or invented.

    Or nothing at all of an exchange that came when the losses were over.
    """
    out: list[str] = []
    expected = whole(shown.case)
    guessed = any(sent.shape.pipelined for sent in shown.case.sent)
    asked: list[int] = []
    answered: list[int] = []
    for one in shown.exchanges:
        pair = number_of(one.request), number_of(one.response)
        asked += [number for number in pair[:1] if number is not None]
        answered += [number for number in pair[1:] if number is not None]
        out += _told_wrongly(one, pair, expected, guessed=guessed)
    for numbers in (asked, answered):
        out += [f"{n} is told twice" for n in set(numbers) if numbers.count(n) > 1]
    for number in _calm_after(shown, lost):
        if not any(_is(one, expected[number]) for one in shown.exchanges):
            out.append(f"{number} came behind the losses and is not told as it was")
    return out


def number_of(message: Message | None) -> int | None:
    """Which exchange it says that it belongs to."""
    if message is None:
        return None
    marks = [value for name, value in message.headers if name == "X-Exchange"]
    return int(marks[0].split("-")[1]) if marks and marks[0].endswith("-") else None


def _told_wrongly(
    one: Exchange, pair: tuple[int | None, int | None], expected: list[Told], *, guessed: bool
) -> list[str]:
    """`guessed`: who pipelines asks at any time, so that nobody knows how many were lost between.

    The pair may then be the neighbour's, and a response without a body be taken for HEAD's; each
    header block must be what was sent all the same.
    """
    out = []
    asked, answered = pair
    marked = bool(one.incomplete) or one.resumed or guessed
    if asked is not None and answered is not None and asked != answered and not marked:
        out.append(f"request {asked} with response {answered}")
    for message, number, faults, part in (
        (one.request, asked, _OF_REQUEST, _ASKED),
        (one.response, answered, _OF_RESPONSE, _ANSWERED),
    ):
        if message is None or faults.intersection(one.incomplete):
            continue
        if number is None or _block(message) != expected[number][part]:
            out.append(f"not marked, and not what was sent: {message}")
    # A body of which not all was seen has no size: that is how it says so.
    unsized = None in {m.body_bytes for m in (one.request, one.response) if m is not None}
    if not marked and not unsized and (asked is None or not _is(one, expected[asked])):
        out.append(f"not marked, and not as it was: {one}")
    return out


def _block(message: Message) -> tuple[object, ...]:
    """What its header block says, as `Told` has it."""
    first = (
        (getattr(message, "status", None), getattr(message, "reason", None))
        if hasattr(message, "status")
        else (getattr(message, "method", None), getattr(message, "target", None))
    )
    return (*first, message.version, list(message.headers), message.header_bytes)


def _is(one: Exchange, expected: Told) -> bool:
    """Whether it is this exchange, with nothing of it missing; it may be marked as resumed."""
    out = told(one)
    if not isinstance(out, Told) or one.incomplete:
        return False
    same = expected._replace(number=out.number, remarks=out.remarks)
    late = out.request_body_bytes is None  # an early answer: see `running.came_out`
    return out == (same._replace(request_body_bytes=None) if late else same)


def _calm_after(shown: Shown, lost: list[Segment]) -> range:
    """The exchanges behind all losses but one, where it can be said that they have to be told.

    The first of them may be told as two halves: who saw a request without an answer can't be sure
    which of two the next answer is meant for.
    Of who was seen to ask before the answer is there, nobody can say how much of it was missed; and
    without the start line of a HEAD nobody knows where its response ends. Where the place is lost,
    nothing is kept that comes out of order.
    """
    case = shown.case
    latest = max(
        bisect.bisect_right(case.streams[segment.side].ends, segment.end - 1) for segment in lost
    )
    for segment in lost:
        first = bisect.bisect_right(case.streams[CLIENT].ends, segment.start)
        last = bisect.bisect_right(case.streams[CLIENT].ends, segment.end - 1)
        methods = [sent.method for sent in case.sent[first : last + 1]]
        if segment.side == CLIENT and b"HEAD" in methods:
            return range(0)
    shapes = [sent.shape for sent in case.sent]
    if case.plan.manner.window > 1 or any(shape.pipelined for shape in shapes):
        return range(0)
    if any(shape.early for shape in shapes[latest:]):
        return range(0)
    return range(latest + 2, len(case.sent))

"""What hypothesis draws: the plan of a case, small enough to be shrunk.

The bytes come from the seeds in it. (Drawn one by one they would take hypothesis a second for what
takes it three milliseconds so.)
"""

import itertools
import os
import secrets
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from hypothesis import strategies as st

from .messages import Sent, Shape, exchange
from .segments import Manner, Segment, script
from .streams import Stream, streams
from .wire import Ends

#: a run explores others than the one before; the same again with this variable
#: Where a landing depends on it, chance does not; elsewhere others each time.
SEED: Final = int(
    os.environ.get("ROUND_TRIP_SEED")
    or (20261123 if os.environ.get("CI") else secrets.randbits(32))
)
#: of all properties together
CASES: Final = int(
    os.environ.get("ROUND_TRIP_CASES") or (20_000 if os.environ.get("CI") else 2_000)
)

_ASKS: Final = ("bare", "length", "chunked")
_ANSWERS: Final = ("length", "chunked", "head", "no_content", "not_modified")


@dataclass(frozen=True, slots=True)
class Plan:
    """One connection: its exchanges, and how they are shown."""

    seed: int
    shapes: tuple[Shape, ...]
    manner: Manner
    six: bool = False
    wraps: bool = False


@dataclass(slots=True)
class Case:
    """What a plan comes to."""

    plan: Plan
    sent: list[Sent]
    streams: list[Stream]
    ends: Ends
    segments: list[Segment]


def case(plan: Plan) -> Case:
    """Make everything that the plan says."""
    chance = Random(plan.seed)
    count = len(plan.shapes)
    sent = [exchange(shape, n, last=n + 1 == count) for n, shape in enumerate(plan.shapes)]
    tunnelled = (b"", b"")
    if sent[-1].shape.answers in {"connect", "upgrade"}:
        tunnelled = (b"GET /tunnelled HTTP/1.1\r\n\r\n", chance.randbytes(chance.randint(0, 300)))
    both = streams(sent, tunnelled)
    ends = Ends.chosen(chance, six=plan.six, wraps=plan.wraps)
    return Case(plan, sent, both, ends, script(chance, both, plan.manner))


#: how a request comes beside what was asked before; most do nothing special
_WAYS: Final[tuple[dict[str, bool], ...]] = (
    *({},) * 6,
    {"pipelined": True},
    {"pipelined": True},
    {"early": True},
    {"expect": True},
    {"odd_method": True},
    {"odd_method": True, "pipelined": True},
)


#: Tables rather than a draw for each word, because a draw takes a tenth of a millisecond.
_framings: Final = st.sampled_from(tuple(itertools.product(_ASKS, _ANSWERS)))
_sizes: Final = st.sampled_from(
    tuple(
        itertools.product(
            (False, True), (False, True), (0,) * 7 + (1000, 5000, 12000), (0, 0, 1, 2)
        )
    )
)


def _shape(
    seed: int,
    framing: tuple[str, str],
    way: dict[str, bool],
    size: tuple[bool, bool, int, int],
) -> Shape:
    asks, answers = framing
    rich, astray, large, interim = size
    return Shape(seed, asks, answers, rich=rich, astray=astray, large=large, interim=interim, **way)


_shapes: Final = st.builds(_shape, st.integers(0, 255), _framings, st.sampled_from(_WAYS), _sizes)
_lists: Final = st.lists(_shapes, min_size=1, max_size=6)
_ends: Final = ("both", "server", "none", "client", "half", "reset", "both_reset")
#: how the last exchange ends, and the connection with it
_endings: Final = st.sampled_from(
    (
        *((None, end) for end in _ends),
        *((None, end) for end in _ends),
        *((last, end) for last in ("connect", "upgrade") for end in ("both", "none", "reset")),
        *(("until_close", end) for end in ("both", "server", "half", "both_reset")),
    )
)


_CUTS: Final = ("few", "whole", "small", "bytes", "any")
_extras: Final = st.sampled_from(tuple(itertools.product((0, 0, 1, 3), (0, 0, 1, 3), (0, 1, 5))))
_networks: Final = st.sampled_from(
    tuple(itertools.product((False, True), (False, False, False, True)))
)


def plans(windows: tuple[int, ...] = (1,)) -> st.SearchStrategy[Plan]:
    """A connection of one to six exchanges; `windows` are those of `Manner`."""
    orders = st.sampled_from(tuple(itertools.product(windows, _CUTS)))
    return st.builds(
        _plan,
        seed=st.integers(0, 1 << 32),
        shapes=_lists,
        order=orders,
        extras=_extras,
        ending=_endings,
        network=_networks,
    )


def _plan(  # noqa: PLR0913 - what is drawn of a connection
    *,
    seed: int,
    shapes: list[Shape],
    order: tuple[int, str],
    extras: tuple[int, int, int],
    ending: tuple[str | None, str],
    network: tuple[bool, bool],
) -> Plan:
    window, cuts = order
    again, overlaps, acks = extras
    last, end = ending
    six, wraps = network
    if last is not None:
        shapes[-1] = replace(shapes[-1], answers=last)
    manner = Manner(cuts, window, again, overlaps, acks, end=end)
    return Plan(seed, tuple(shapes), manner, six, wraps)


def calm(plan: Plan) -> Plan:
    """The same without anything that looks like HTTP and is not, or that HTTP gives way to.

    And without methods of no registry, by which a lost place is not found again, and segments that
    come twice, by which it may be found where it had been before.
    """
    shapes = tuple(
        replace(
            shape,
            astray=False,
            odd_method=False,
            answers="length" if shape.answers in {"connect", "upgrade"} else shape.answers,
        )
        for shape in plan.shapes
    )
    manner = replace(plan.manner, clear=True, again=0, overlaps=0)
    return replace(plan, shapes=shapes, manner=manner)

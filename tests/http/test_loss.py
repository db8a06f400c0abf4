"""Loss on a connection: whatever is paired belongs together, and pairing comes back."""

import random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire import CLIENT, GET, NOT_FOUND, OK, POST, SECOND, SERVER, Wire, run, summary

from shipper.contract.events import Event, Flag, Kind
from shipper.contract.exchange import Exchange
from shipper.http import Assembler

TIMEOUT: Final = 30 * SECOND


class Lossy:
    """A connection of numbered exchanges; what is lost is marked as the kernel marks it."""

    def __init__(self, chance: random.Random) -> None:
        self.wire = Wire()
        self.chance = chance
        self.lost = [False, False]  # whether the next start of the side says RESUMED
        self.hit: set[int] = set()  # the sides that ever lost anything

    def message(self, side: int, number: int, *, loss: bool = False) -> list[Event]:
        """A message in one to three pieces, of which the last ones, or all, may be lost."""
        line = b"GET /%d HTTP/1.1" if side == CLIENT else b"HTTP/1.1 %d OK"
        block = line % (number if side == CLIENT else 200 + number)
        block += b"\r\nContent-Length: 0\r\nA: some more of it\r\n\r\n"
        splits = self.chance.sample(range(20, len(block)), self.chance.randrange(3))
        flags = Flag.RESUMED if self.lost[side] else Flag(0)
        events = self.wire.send(side, block, splits=splits, flags=flags)
        if not loss:
            self.lost[side] = False
            return events
        self.hit.add(side)
        self.lost[side] = True
        kept = events[: self.chance.randrange(len(events))]
        if self.chance.random() < 0.5:
            until = self.wire.next[side]
            first = sum(len(event.data) for event in events[len(kept) :])
            gap = self.wire.event(side, Kind.GAP, sequence=(until - first) % 2**32, until=until)
            kept.append(gap)
        return kept


def mispaired(exchanges: list[Exchange]) -> list[Exchange]:
    """Those whose response is another request's."""
    return [
        each
        for each in exchanges
        if each.request
        and each.response
        and each.request.target != f"/{(each.response.status or 0) - 200}"
    ]


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_one_at_a_time(losses: list[tuple[bool, bool]], chance: random.Random) -> None:
    """A client that waits for its answers: no wrong pair, but for what both sides lost.

    There a request may have gone without a trace, and the pair says that it resumed. What is
    orderly again is told whole again.
    """
    lossy = Lossy(chance)
    events = []
    for number, lost in enumerate(losses):
        for side in (CLIENT, SERVER):
            events += lossy.message(side, number, loss=lost[side])
    assembler = Assembler()
    wrong = mispaired(run(events, assembler))
    assert all(each.resumed for each in wrong)
    assert not wrong or lossy.hit == {CLIENT, SERVER}
    after: list[Exchange] = []
    for number in range(100, 105):
        after += run(lossy.message(CLIENT, number) + lossy.message(SERVER, number), assembler)
    assert (after[-1].incomplete, after[-1].resumed) == ((), False)
    assert mispaired(after[-1:]) == []


@settings(max_examples=500, deadline=None)
@given(
    st.sampled_from([CLIENT, SERVER]),
    st.integers(2, 4),
    st.lists(st.booleans(), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
)
def test_pipelined(side: int, window: int, losses: list[bool], chance: random.Random) -> None:
    """A client that was seen to pipeline: no wrong pair after a loss, and silence heals."""
    lossy = Lossy(chance)
    assembler = Assembler()
    numbers = range(window, window + len(losses))
    events = [event for n in range(window) for event in lossy.message(CLIENT, n)]
    events += lossy.message(SERVER, 0)
    for number, lost in zip(numbers, losses, strict=True):
        events += lossy.message(CLIENT, number, loss=lost and side == CLIENT)
        events += lossy.message(SERVER, number - window + 1, loss=lost and side == SERVER)
    for number in range(len(losses) + 1, window + len(losses)):
        events += lossy.message(SERVER, number)
    events += lossy.message(CLIENT, 99) + lossy.message(SERVER, 99)
    assert mispaired(run(events, assembler)) == []
    assembler.advance(lossy.wire.time + TIMEOUT)
    lossy.wire.time += TIMEOUT
    after: list[Exchange] = []
    for number in range(100, 103):
        after += run(lossy.message(CLIENT, number) + lossy.message(SERVER, number), assembler)
    assert mispaired(after) == []
    assert after[-1].incomplete == ()


def test_resumed_response_while_a_request_is_half_assembled() -> None:
    """It may answer the one that waits or the one that is coming: neither is guessed."""
    wire = Wire()
    one, two = wire.send(CLIENT, POST, body=5, splits=[30])
    events = [*wire.send(CLIENT, GET), one, *wire.send(SERVER, OK, flags=Flag.RESUMED), two]
    events += wire.send(SERVER, NOT_FOUND)
    assert summary(run(events)) == [
        ("/one", None, ["no_response"]),
        (None, 200, ["no_request"]),
        ("/two", None, ["no_response"]),
        (None, 404, ["no_request"]),
    ]


@pytest.mark.parametrize("inside", [True, False])
def test_resumed_response_after_a_gap_in_the_requests(inside: bool) -> None:  # noqa: FBT001
    """Whole requests may lie in a gap, in the block that waits or behind it."""
    wire = Wire()
    if inside:
        events = [wire.event(CLIENT, flags=Flag.START, data=GET[:-2])]
        wire.skip(CLIENT, len(GET) - 2)
    else:
        events = wire.send(CLIENT, GET)
    events += [wire.gap(CLIENT, 200), *wire.send(SERVER, OK, flags=Flag.RESUMED)]
    one, other = run(events)
    assert one.request
    assert not one.response
    assert not other.request


def test_response_broken_off_after_the_next_request_began() -> None:
    """The end of its block was lost; the request that waits by then is not the one it answers."""
    wire = Wire()
    events = wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)
    half = wire.event(SERVER, flags=Flag.START, data=OK[:20])
    wire.skip(SERVER, len(OK))
    events += [half, *wire.send(CLIENT, POST, flags=Flag.RESUMED)]
    got = run([*events, *wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)], close=True)
    assert ("/two", 200, ["response_gap"]) not in summary(got)
    assert (None, 200, ["response_gap", "no_request"]) in summary(got)


def test_response_ahead_of_its_request() -> None:
    """A capture showed the two in the wrong order: it does not shift all pairs that follow."""
    wire = Wire()
    events = wire.send(SERVER, OK) + wire.send(CLIENT, GET)
    for _ in range(4):
        events += wire.send(CLIENT, POST) + wire.send(SERVER, NOT_FOUND)
    got = run(events)
    assert summary(got)[-1] == ("/two", 404, [])
    assert ("/one", 404, []) not in summary(got)
    assert not got[-1].resumed

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

    def __init__(self, chance: random.Random, *, acks: bool = False) -> None:
        self.wire = Wire(acks=acks)
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
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=8),
    st.randoms(use_true_random=False),
)
def test_one_at_a_time_with_acknowledgements(
    losses: list[tuple[bool, bool]], chance: random.Random
) -> None:
    """Whatever was lost around it: each exchange that was seen whole is told whole, no other is.

    It is resumed exactly where one of its messages was found again behind a loss.
    """
    lossy = Lossy(chance, acks=True)
    events = []
    resumed = set()
    for number, lost in enumerate(losses):
        if lossy.lost[CLIENT] or lossy.lost[SERVER]:
            resumed.add(f"/{number}")
        for side in (CLIENT, SERVER):
            events += lossy.message(side, number, loss=lost[side])
    got = run(events, close=True)
    assert mispaired(got) == []
    whole = {
        e.request.target: e.resumed for e in got if e.request and e.response and not e.incomplete
    }
    expected = [f"/{n}" for n, lost in enumerate(losses) if not any(lost)]
    assert whole == {target: target in resumed for target in expected}


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


def test_lost_response() -> None:
    """The next one answers the request that had it before it: the first was never answered."""
    wire = Wire(acks=True)
    events = wire.send(CLIENT, GET)
    wire.skip(SERVER, len(OK) + 5)
    events += wire.send(CLIENT, POST, body=5) + wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)
    events += wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=5)
    got = run(events)
    assert summary(got) == [("/one", None, ["no_response"]), ("/two", 404, []), ("/one", 200, [])]
    assert [each.resumed for each in got] == [False, True, False]


def test_lost_requests_and_responses() -> None:
    """The end of a body, a whole exchange and the next response: only what was seen is paired."""
    wire = Wire(acks=True)
    events = wire.send(CLIENT, GET) + wire.send(SERVER, OK, body=None)
    wire.skip(SERVER, 5)
    wire.skip(CLIENT, len(GET))
    wire.skip(SERVER, len(OK) + 5)
    events += wire.send(CLIENT, GET, flags=Flag.RESUMED)
    wire.skip(SERVER, len(OK) + 5)
    events += wire.send(CLIENT, POST, body=5) + wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)
    assert summary(run(events)) == [
        ("/one", 200, []),
        ("/one", None, ["no_response"]),
        ("/two", 404, []),
    ]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("acks", [True, False])
def test_lost_interim_response(first: bool, acks: bool) -> None:  # noqa: FBT001
    """The final one answers the same request, whichever interim one was lost before it."""
    wire = Wire(acks=acks)
    interim = b"HTTP/1.1 100 Continue\r\n\r\n"
    events = wire.send(CLIENT, POST, body=5)
    if not first:
        events += wire.send(SERVER, interim)
    wire.skip(SERVER, len(interim))
    if first:
        events += wire.send(SERVER, interim, flags=Flag.RESUMED) + wire.send(SERVER, OK, body=5)
    else:
        events += wire.send(SERVER, OK, body=5, flags=Flag.RESUMED)
    events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    one, two = run(events)
    assert summary([one, two]) == [("/two", 200, []), ("/one", 404, [])]
    assert one.resumed
    assert two.resumed is not acks  # without, it takes one pair to be sure again
    assert one.response
    assert one.response.interim == ((100,) if first else ())


def test_interim_response_of_a_lost_request() -> None:
    """Its final one is not the next request's, though that was asked before it came."""
    wire = Wire(acks=True)
    wire.skip(CLIENT, len(POST))
    events = wire.send(SERVER, b"HTTP/1.1 100 Continue\r\n\r\n")
    events += wire.send(CLIENT, GET, flags=Flag.RESUMED) + wire.send(SERVER, OK, body=5)
    events += wire.send(SERVER, NOT_FOUND)
    got = run(events)
    assert summary(got)[0] == (None, 200, ["no_request"])
    assert got[0].response
    assert got[0].response.interim == (100,)


def test_response_to_what_was_lost() -> None:
    """One waits, but the server had more than it when it answered, or nothing of it: no pair."""
    for more in (len(GET), -len(GET)):
        wire = Wire(acks=True)
        events = wire.send(CLIENT, GET)
        wire.skip(SERVER, len(OK))
        wire.skip(CLIENT, more)
        events += wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)
        wire.skip(CLIENT, max(-more, 0))
        assert (None, 404, ["no_request"]) in summary(run(events, close=True))


def test_response_to_an_earlier_request() -> None:
    """What was asked behind it goes on waiting for its own."""
    wire = Wire(acks=True)
    end = wire.event(SERVER, Kind.HEADER, flags=Flag.START, data=OK[:20])
    wire.skip(SERVER, len(OK) + 5)
    events = [end, *wire.send(CLIENT, GET, flags=Flag.RESUMED)]
    late = wire.event(
        SERVER, flags=Flag.END | Flag.MESSAGE_END, sequence=end.sequence + 20, data=OK[20:], body=5
    )
    events += [late, *wire.send(SERVER, NOT_FOUND)]
    got = run(events)
    assert summary(got) == [(None, 200, ["no_request"]), ("/one", 404, [])]
    assert got[1].resumed


def test_pipeline_seen_by_its_acknowledgements() -> None:
    """Two requests that expect the same byte: neither is told from the other across a loss."""
    wire = Wire(acks=True)
    events = wire.send(CLIENT, GET) + wire.send(CLIENT, POST, body=5)
    wire.skip(SERVER, len(OK))
    events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)
    assert summary(run(events)) == [
        ("/one", None, ["no_response"]),
        ("/two", None, ["no_response"]),
        ("/one", None, ["no_response"]),
        (None, 404, ["no_request"]),
    ]


def test_answer_to_a_half_request_behind_a_loss() -> None:
    """A 408 begins where the request's client was: it is the answer to what there is of it."""
    wire = Wire(acks=True)
    wire.skip(CLIENT, 99)
    half = wire.event(CLIENT, flags=Flag.START | Flag.RESUMED, data=GET[:-2])
    wire.skip(CLIENT, len(GET) - 2)
    [exchange] = run([half, *wire.send(SERVER, NOT_FOUND)])
    assert summary([exchange]) == [("/one", 404, ["request_cut_off"])]
    assert exchange.resumed


def test_unreadable_response_behind_a_loss() -> None:
    """Which request it answers nobody can say, so none is said to be."""
    wire = Wire()
    events = wire.send(SERVER, OK, body=5) + wire.send(CLIENT, GET)
    assert summary(run([*events, *wire.send(SERVER, b"\r\n\r\n")], close=True)) == [
        (None, 200, ["no_request"]),
        ("/one", None, ["no_response"]),
    ]

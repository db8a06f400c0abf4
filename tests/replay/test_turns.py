"""The events of a capture file, passed on by turns as a live host's are."""

from itertools import pairwise

from shipper.contract.events import Event
from shipper.replay import CaptureClock

MILLISECOND = 1_000_000
TURN = 10 * MILLISECOND  # in the time of the capture


def _turns(times: list[int]) -> list[tuple[list[int], int]]:
    """Each turn's times, and "now" at its end."""
    clock = CaptureClock()
    events = (Event._make([*[0] * 8, time, *[0] * 9, b"", b"", b"", None]) for time in times)
    return [([event.time for event in turn], clock.now) for turn in clock.turns(events)]


def test_a_turn_ends_by_the_capture_s_time() -> None:
    """What comes later than a turn lasts begins the next; the one before knows nothing of it."""
    start = 1_700_000_000_000 * MILLISECOND
    times = [start, start + TURN, start + TURN + 1, start + 5 * TURN]
    assert _turns(times) == [
        ([start, start + TURN], start + TURN),
        ([start + TURN + 1], start + TURN + 1),
        ([start + 5 * TURN], start + 5 * TURN),
    ]


def test_a_turn_is_bounded_whatever_its_time() -> None:
    """A flood within one millisecond is passed on by parts, all of it and in its order."""
    times = list(range(1_000))
    turns = _turns(times)
    assert [time for turn, _ in turns for time in turn] == times
    assert 1 < len(turns) < len(times)
    assert max(len(turn) for turn, _ in turns) == len(turns[0][0])


def test_now_never_goes_back() -> None:
    """Of packets out of order in the file the latest time that was seen is "now"."""
    turns = _turns([9 * TURN, 2 * TURN, 30 * TURN, 25 * TURN])
    assert [time for turn, _ in turns for time in turn] == [
        9 * TURN,
        2 * TURN,
        30 * TURN,
        25 * TURN,
    ]
    assert all(before <= after for (_, before), (_, after) in pairwise(turns))
    assert turns[-1][1] == 30 * TURN


def test_nothing_gives_no_turn() -> None:
    """An empty capture file is no error."""
    assert _turns([]) == []

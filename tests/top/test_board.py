"""What is counted is what came, in each window, and memory is bounded whatever comes."""

import json
import math
from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.insight.top.board import (
    LIMIT,
    OTHER,
    SETTLE_S,
    SLICES,
    TOTAL_LIMIT,
    WINDOWS,
    Board,
    Total,
)
from shipper.insight.top.columns import BY_TITLE, COLUMNS, matching, ordered
from shipper.insight.top.sample import LONGEST, Dimension, Sample, sample
from shipper.insight.top.tally import ACCURACY, QUANTILES, Tally

from .records import EXAMPLES, record

NOW = 1_800_000_000.5


def exchange(end: float, name: str = "GET /", seconds: float | None = 0.01) -> Sample:
    """A sample with one name in every dimension."""
    return Sample(end, (name, name, name, name), 2, failed=False, seconds=seconds)


def test_slower_is_held_against_what_was_before() -> None:
    """A route that has taken four times as long for two minutes now, and one that does not.

    What is new, or rare, is held against nothing.
    """
    board = Board(NOW - 900)
    for n in range(6000):
        at = NOW - 600 + n / 10
        slow = 0.04 if at > NOW - 120 else 0.01
        board.add(exchange(at, "slow", slow), at)
        board.add(exchange(at, "calm", 0.01), at)
        if n % 400 == 0:
            board.add(exchange(at, "rare", slow), at)
        if at > NOW - 60:
            board.add(exchange(at, "new", 0.5), at)
    found = {line.name: line.slower for line in board.view(10, Dimension.ROUTES, NOW).lines}
    assert found.pop("slow") == pytest.approx(4, rel=3 * ACCURACY)
    assert found.pop("calm") == pytest.approx(1, rel=3 * ACCURACY)
    assert set(found.values()) <= {None}
    assert "new" in found
    (column,) = (one for one in COLUMNS if one.title == "slower")
    lines = board.view(10, Dimension.ROUTES, NOW).lines
    assert [line.name for line in lines if column.alarming(line)] == ["slow"]


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*/*.json")), ids=lambda p: p.stem)
def test_every_golden_record_counts(path: object) -> None:
    """Whatever an agent publishes is counted as what it says."""
    document = json.loads(open(str(path)).read())  # noqa: PTH123, SIM115
    found = sample(document)
    assert found is not None
    status = document["http"].get("response", {}).get("status_code")
    assert found.status_class == (status // 100 if status else 0)
    assert found.failed == (
        (status or 0) >= 500 or "no_response" in document["shipper"].get("incomplete", [])
    )
    duration = document["event"].get("duration")
    assert found.seconds == (None if duration is None else duration / 1e9)


@pytest.mark.parametrize(
    ("document", "route"),
    [
        (record(NOW, "/users/4711"), "GET /users/{id}"),
        (record(NOW, "/a/\x1b]0;x"), "GET /a/{text}"),
        (record(NOW, "/", method="\x1b[2J"), "\\x1b[2J /"),
        ({"event": {"end": "2026-01-01T00:00:00Z"}}, "(request not seen)"),
    ],
)
def test_routes_of_records(document: dict[str, object], route: str) -> None:
    """Numbers are folded, and nothing that a terminal acts on is left."""
    found = sample(document)
    assert found is not None
    assert found.names[Dimension.ROUTES] == route


@pytest.mark.parametrize(
    "document",
    [{}, {"event": 1}, {"@timestamp": 7}, {"@timestamp": "yesterday"}, {"event": {"end": []}}],
)
def test_what_is_no_record_is_no_sample(document: dict[str, object]) -> None:
    """No time, no sample; and no exception."""
    assert sample(document) is None


def test_names_are_short() -> None:
    """A peer that sends much is not kept."""
    found = sample(record(NOW, agent="\x00" * 10_000, host="a" * 10_000))
    assert found is not None
    assert max(map(len, found.names)) <= LONGEST


@given(st.lists(st.floats(1e-6, 86_400), min_size=1, max_size=300), st.integers(1, 5))
def test_quantiles_are_within_the_bound(durations: list[float], parts: int) -> None:
    """However the samples were spread over slices, a quantile is within 1 % of the true one."""
    tallies = [Tally() for _ in range(parts)]
    for number, seconds in enumerate(durations):
        tallies[number % parts].add(exchange(NOW, seconds=seconds))
    whole = Tally()
    for tally in tallies:
        whole.merge(tally)
    found = whole.figures("", 1.0)
    for quantile, told in zip(QUANTILES, (found.p50, found.p95, found.p99), strict=True):
        true = sorted(durations)[int(quantile * (len(durations) - 1))]
        assert told is not None
        assert abs(told - true) <= ACCURACY * true * (1 + 1e-9)


def test_a_folded_record_counts_as_many_as_it_stands_for() -> None:
    """In every dimension, in the classes, in the rate and in the quantiles: with their mean."""
    folded = record(NOW - 70, "/healthz", seconds=0.5)
    folded["shipper"] |= {
        "fold_count": 12,
        "fold_last": datetime.fromtimestamp(NOW - 5, UTC).isoformat(),
        "fold_duration": 12 * 10_000_000,
    }
    board = Board(NOW - 100)
    for document in (folded, record(NOW - 5, "/api", seconds=0.5)):
        found = sample(document)
        assert found is not None
        board.add(found, NOW)
    for dimension in Dimension:
        total = board.view(10, dimension, NOW).total
        assert (total.requests, total.by_class[2]) == (13, 13)
        assert total.p50 == pytest.approx(0.01, rel=0.02)
    assert sum(board.history(NOW)) == 13


@pytest.mark.parametrize("seconds", WINDOWS)
def test_a_window_holds_what_happened_in_it(seconds: int) -> None:
    """Counts of 5,000 samples, in disorder, against a count by hand of the same stretch of time."""
    chance = Random(seconds)
    board = Board(NOW - 2000)
    ends = [NOW - chance.random() * 1.5 * WINDOWS[-1] for _ in range(5000)]
    for end in ends:
        board.add(exchange(end, f"GET /{int(end) % 7}"), NOW)
    view = board.view(seconds, Dimension.ROUTES, NOW)

    until = math.floor(NOW) - SETTLE_S
    width = seconds / SLICES
    begin = (math.ceil(until / width) - SLICES) * width
    # The latest slice may be one that is not over: it holds what came up to now.
    inside = [end for end in ends if begin <= end < max(until, math.ceil(until / width) * width)]
    assert inside
    assert {line.name: line.requests for line in view.lines} == Counter(
        f"GET /{int(end) % 7}" for end in inside
    )
    assert view.total.requests == len(inside)
    assert view.span_s == until - begin
    assert seconds * (1 - 1 / SLICES) <= view.span_s <= seconds
    assert view.total.per_second == len(inside) / view.span_s


def test_time_passes() -> None:
    """What is over leaves the windows, the shortest first."""
    board = Board(NOW - 100)
    board.add(exchange(NOW - 2), NOW)
    assert board.view(10, Dimension.HOSTS, NOW).total.requests == 1
    assert board.view(10, Dimension.HOSTS, NOW + 20).total.requests == 0
    assert board.view(60, Dimension.HOSTS, NOW + 20).total.requests == 1
    assert board.view(60, Dimension.HOSTS, NOW + 80).total.requests == 0


def test_late_and_early() -> None:
    """What ended before any window is counted as late; a clock that is ahead counts as now."""
    board = Board(NOW - 2000)
    board.add(exchange(NOW - 1000), NOW)
    assert board.late == 1
    board.add(exchange(NOW + 3600), NOW)
    assert board.view(10, Dimension.HOSTS, NOW + 3).total.requests == 1


def test_a_rate_goes_by_the_time_that_was_watched() -> None:
    """Thirty requests in the first three seconds are ten a second, not three."""
    board = Board(int(NOW) - 4)
    for _ in range(30):
        board.add(exchange(NOW - 3), NOW)
    assert board.view(10, Dimension.ROUTES, NOW).total.per_second == 10


@pytest.mark.parametrize("kind", ["board", "total"])
def test_a_flood_of_names_is_bounded_and_counted(kind: str) -> None:
    """20,000 names: at most LIMIT and the others are told, sums stay, the busy ones stay."""
    board = Board(NOW - 60) if kind == "board" else Total()
    for number in range(20_000):
        name = f"GET /busy/{number % 5}" if number % 4 == 0 else f"GET /{number:x}-noise"
        if isinstance(board, Board):
            board.add(exchange(NOW - 2, name), NOW)
        else:
            board.add(exchange(NOW - 2, name))
    if isinstance(board, Board):
        view = board.view(10, Dimension.ROUTES, NOW)
    else:
        view = board.view(Dimension.ROUTES, 10)
    counts = {line.name: line.requests for line in view.lines}
    assert len(counts) <= 2 * (LIMIT if kind == "board" else TOTAL_LIMIT) + 1
    assert sum(counts.values()) == 20_000 == view.total.requests
    assert counts[OTHER] > 10_000
    assert {name: counts[name] for name in counts if "busy" in name} == {
        f"GET /busy/{n}": 1000 for n in range(5)
    }


def test_history_counts_each_second() -> None:
    """The last value is the last second that is over."""
    board = Board(NOW - 60)
    for end, count in ((NOW - 1.6, 3), (NOW - 2.6, 5), (NOW - 119.6, 2)):
        for _ in range(count):
            board.add(exchange(end), NOW)
    history = board.history(NOW)
    assert len(history) == 120
    assert history[-2:] == [5, 3]
    assert sum(history) == 10


def test_order_and_filter() -> None:
    """The greatest first in any column, absent latencies last, names by a part in any case."""
    board = Board(NOW - 60)
    for name, count, seconds in (("GET /a", 3, 0.2), ("GET /B", 9, 0.01), ("GET /c", 5, None)):
        for _ in range(count):
            board.add(exchange(NOW - 2, name, seconds), NOW)
    lines = board.view(10, Dimension.ROUTES, NOW).lines
    assert [f.name for f in ordered(lines, BY_TITLE["req/s"])] == ["GET /B", "GET /c", "GET /a"]
    assert [f.name for f in ordered(lines, BY_TITLE["p95 ms"])] == ["GET /a", "GET /B", "GET /c"]
    assert [f.name for f in matching(lines, "get /b")] == ["GET /B"]
    assert matching(lines, "", failing=True) == []

"""Rules held against records without Kafka: what takes hours is done in no time."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from shipper.insight.watch.episodes import Raised
from shipper.insight.watch.observe import Observer
from shipper.insight.watch.settings import Settings
from shipper.insight.watch.shard import Shard
from shipper.insight.watch.watched import watched

from .memory import Store
from .watching import BEGIN, Record, record

_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


class Watch:
    """One rule, and all shards of it; records come in their order of time."""

    def __init__(self, **rule: object) -> None:
        ready = watched(Settings.model_validate({"rule": [{"id": "r", **rule}]}), Path())
        self._observer = Observer(ready)
        self._shard = Shard({one.id: one for one in ready}, 0, 1000)
        self._stores: dict[int, Store] = {}

    def take(self, records: Iterable[Record]) -> None:
        """More records."""
        for one in records:
            for seen in self._observer.observations(one):
                self._shard.take(seen, self._stores.setdefault(seen["shard"], Store()))

    def known(self, seconds: float) -> list[Raised]:
        """What is raised once all is known until so long after the beginning."""
        until = int((BEGIN + seconds) * 1000)
        return [one for store in self._stores.values() for one in self._shard.known(until, store)]

    @property
    def late(self) -> int:
        """What came too late."""
        return self._shard.counters.late


def steady(minutes: range, each: int, first: int = 0) -> Iterator[Record]:
    """So many records in each of these minutes, evenly."""
    for n in range(each * len(minutes)):
        at = BEGIN + minutes.start * _MINUTE + n * _MINUTE / each
        yield record(first + n, at, service__name="shop")


def told(raised: Iterable[Raised]) -> list[tuple[str, int]]:
    """State, and the minute in which it began."""
    return [(one.state, round((one.begun / 1000 - BEGIN) / _MINUTE)) for one in raised]


def test_a_rate_that_falls_is_a_change() -> None:
    """A fifth of the usual rate, and later nothing at all; a rise says nothing to this rule."""
    watch = Watch(
        kind="change",
        by=["service"],
        measure="rate",
        direction="down",
        factor=3,
        window="1m",
        learn="10m",
        memory="1h",
        mute="2m",
    )
    watch.take(steady(range(20), 100))
    watch.take(steady(range(20, 23), 20, 5000))
    watch.take(steady(range(23, 30), 100, 6000))
    watch.take(steady(range(30, 32), 400, 8000))
    watch.take(steady(range(32, 40), 100, 10_000))
    raised = watch.known(45 * _MINUTE)
    assert told(raised) == [("firing", 20), ("resolved", 20), ("firing", 40)]
    assert raised[0].value == 20 / _MINUTE
    assert raised[0].limit is not None
    assert 0.3 < raised[0].limit * _MINUTE / 100 < 0.35
    assert raised[2].value == 0


def test_a_client_that_begins_to_fail_is_a_change() -> None:
    """Half of its requests fail, of which a twentieth always did; another client is as it was.

    So is a third, which comes rarely at last: one failure of two requests says nothing.
    """
    watch = Watch(
        kind="change",
        by=["client"],
        measure="share",
        match={"status": ["4xx", "5xx"]},
        factor=5.0,
        floor=0.05,
        window="1m",
        learn="10m",
        mute="2m",
    )
    for client, fails in (("198.51.100.1", range(20, 22)), ("198.51.100.2", range(0))):
        for n, one in enumerate(steady(range(30), 60)):
            often = n // 60 in fails
            one["source"]["ip"] = client
            one["http"]["response"]["status_code"] = 500 if n % (2 if often else 20) == 0 else 200
            watch.take([one])
    for n, one in enumerate([*steady(range(20), 60), *steady(range(20, 30), 2)]):
        one["source"]["ip"] = "198.51.100.3"
        one["http"]["response"]["status_code"] = 500 if n % 20 == 0 or n > 60 * 20 + 10 else 200
        watch.take([one])
    raised = watch.known(35 * _MINUTE)
    assert told(raised) == [("firing", 20), ("resolved", 20)]
    assert {one.group for one in raised} == {("198.51.100.1",)}
    assert raised[0].value == 0.5


def agents(day: float, *names: str) -> Iterator[Record]:
    """A record of each of these, on that day."""
    for n, name in enumerate(names):
        at = BEGIN + day * _DAY + n
        yield record(round(day * 100) + n, at, service__name="shop", user_agent__original=name)


def test_what_was_not_seen_for_long_is_new_again() -> None:
    """A value that is away for less than `remember` is known; one that is away longer is news."""
    watch = Watch(
        kind="new", by=["service"], field="user_agent", learn="1d", remember="3d", mute="1m"
    )
    for day in range(12):
        watch.take(agents(day, "curl"))
    watch.take(agents(0.1, "rare", "gone"))
    watch.take(agents(2.5, "rare"))
    watch.take(agents(4.5, "new", "rare", "gone"))
    watch.take(agents(10.5, "rare"))
    firing = [one for one in watch.known(13 * _DAY) if one.state == "firing"]
    days = sorted((one.group[1], round((one.begun / 1000 - BEGIN) / _DAY, 1)) for one in firing)
    assert days == [("gone", 4.5), ("new", 4.5), ("rare", 10.5)]


def test_a_clock_that_is_set_back_judges_nothing_twice() -> None:
    """Until it is as late again as it was nothing is told, and what comes meanwhile is late."""
    watch = Watch(
        kind="threshold", by=["service"], measure="count", above=5, window="1m", mute="1m"
    )
    watch.take(steady(range(1), 10))
    assert told(watch.known(10 * _MINUTE)) == [("firing", 0), ("resolved", 0)]
    watch.take(steady(range(5, 6), 10, 100))
    assert watch.late == 10
    assert not watch.known(6 * _MINUTE)
    watch.take(steady(range(10, 11), 10, 200))
    assert told(watch.known(15 * _MINUTE)) == [("firing", 10), ("resolved", 10)]

"""Exchanges that are alike become one record, which says how many it stands for."""

from collections import Counter
from dataclasses import replace
from itertools import count
from typing import Any, Final

import orjson
import pytest
from cli.test_pipeline import SlowSink, pipeline
from hypothesis import given, settings
from hypothesis import strategies as st

from reload.test_volume import Hand
from reload.test_volume_rules import exchange
from shipper.contract.exchange import Exchange, Incomplete, Proxied, Request
from shipper.volume import Group, Rule, Volume, VolumeSettings

SECOND: Final = 1_000_000_000
FOLD: Final = Rule("noise", "fold", window_ns=10 * SECOND, paths=("/healthz",))


class Folding:
    """A pipeline that folds, and what has become of what it was given."""

    def __init__(self, volume: Volume) -> None:
        self.sink = SlowSink()
        self.pipeline = pipeline(self.sink, patience=1_000_000)
        self.pipeline.volume, self.pipeline.folds = volume.leaves_out, volume.folds
        self.given = 0

    def see(self, *exchanges: Exchange) -> None:
        """The assembler has told them."""
        for one in exchanges:
            self.given += 1
            self.pipeline._ship([one], 0, one.start)
            self.adds_up()

    def at(self, now: int) -> None:
        """It is so late by the events' clock (ns)."""
        self.pipeline.feed([], 0, now)
        self.adds_up()

    def adds_up(self) -> None:
        """As in the ledger, at any moment."""
        joined = self.pipeline
        assert self.given == joined.exchanges + sum(joined.left_out.values())
        assert joined.exchanges == joined.sequence + joined.held

    def records(self) -> list[dict[str, Any]]:
        """Those that were taken, in their order."""
        return [orjson.loads(record.value) for record in self.sink.taken]

    def counts(self) -> list[int]:
        """For how many exchanges each stands."""
        return [record["shipper"].get("fold_count", 1) for record in self.records()]


def folding(**more: Any) -> Folding:  # noqa: ANN401 - of the settings
    """One with the rule above."""
    return Folding(Volume(VolumeSettings(**{"rules": (FOLD,), **more})))


def check(at: int = 0, **more: Any) -> Exchange:  # noqa: ANN401 - of an exchange
    """A health check that began then (ns) and took 2 ms, of a connection of its own."""
    one = exchange("/healthz", **more)
    one.connection = replace(one.connection, client_port=10_000 + at % 50_000)
    for message, start in ((one.request, at), (one.response, at + 1_000_000)):
        if message is not None:
            message.start, message.end = start, start + 1_000_000
    return one


def test_what_is_alike_is_one_record_when_the_window_ends() -> None:
    """The first one's, with a count; the next window has the next, and what is left comes last."""
    folded = folding()
    folded.at(SECOND)
    folded.see(*(check(SECOND + number) for number in range(5)))
    folded.at(11 * SECOND - 1)
    assert folded.records() == []
    assert folded.pipeline.held == 1
    folded.at(11 * SECOND)
    assert folded.counts() == [5]
    assert folded.records()[0]["source"]["port"] == check(SECOND).connection.client_port
    folded.see(check(12 * SECOND), check(13 * SECOND), exchange("/api"))
    assert folded.counts() == [5, 1]
    folded.pipeline.finish(0, 13 * SECOND)
    assert folded.counts() == [5, 1, 2]
    assert folded.pipeline.left_out == {"fold_noise": 5}
    assert folded.pipeline.held == 0


def test_one_that_stays_alone_is_an_ordinary_record() -> None:
    """It stands for itself, and says nothing else."""
    folded = folding()
    folded.see(check())
    folded.at(10 * SECOND)
    (record,) = folded.records()
    assert "fold_count" not in record["shipper"]


_BEHIND: Final = Proxied(1, b"\x0a\0\0\x07", 1, b"\x0a\0\0\x08", 2)


def _with(**more: Any) -> Exchange:  # noqa: ANN401 - of a connection
    one = check()
    one.connection = replace(one.connection, **more)
    return one


def _headed(name: str, value: str) -> Exchange:
    one = check()
    assert one.request is not None
    one.request = replace(one.request, headers=(*one.request.headers, (name, value)))
    return one


@pytest.mark.parametrize(
    ("other", "alike"),
    [
        (check(), True),
        (check(30 * SECOND), True),
        (_headed("X-Request-Id", "17"), True),
        (_with(cookie=17, flow=18), True),
        (_with(server_port=81), False),
        (_with(server_address=b"\x0a\0\0\3"), False),
        (_with(cgroup=7), False),
        (_with(direction="egress"), False),
        (_with(proxied=_BEHIND), False),
        (check(client=b"\x0a\0\0\2"), False),
        (check(method="HEAD"), False),
        (check(host="b.example"), False),
        (check(agent="curl/8"), False),
        (check(status=204), False),
        (exchange("/healthz?full=1"), False),
        (_headed("X-Forwarded-For", "192.0.2.1"), False),
    ],
)
def test_what_is_alike(other: Exchange, alike: bool) -> None:  # noqa: FBT001 - a table of cases
    """All that says who asked whom for what and was answered how; not when, nor by which port."""
    folded = folding()
    folded.see(check(), other)
    folded.pipeline.finish(0, SECOND)
    assert folded.counts() == ([2] if alike else [1, 1])


@pytest.mark.parametrize(
    "failure",
    [
        {"status": 500},
        {"status": None},
        {"anomalies": ("bare_lf",)},
        {"incomplete": (Incomplete.RESPONSE_CUT_OFF,)},
    ],
)
def test_failures_are_told_apart_unless_that_is_not_wanted(failure: dict[str, Any]) -> None:
    """An error, what was odd and what is not whole; asked for, those alike are folded too."""
    apart = folding()
    apart.see(check(**failure), check(**failure))
    assert apart.counts() == [1, 1]
    asked = folding(keep_failures=False)
    asked.see(check(**failure), check(**failure), check())
    asked.pipeline.finish(0, SECOND)
    assert asked.counts() == [2, 1]


def test_no_more_groups_are_open_than_may_be() -> None:
    """What would open another is a record at once; one that is over makes room."""
    folded = folding(max_folds=2)
    folded.see(*(check(client=bytes([10, 0, 0, last])) for last in (1, 2, 3, 3, 1)))
    assert folded.counts() == [1, 1]
    folded.at(10 * SECOND)
    assert folded.counts() == [1, 1, 2, 1]
    folded.see(check(client=b"\x0a\0\0\3"))
    assert folded.pipeline.held == 1


def test_each_window_ends_by_itself() -> None:
    """A short one of a later rule does not wait for a long one before it."""
    short = replace(FOLD, name="short", window_ns=SECOND, paths=("/short",))
    folded = folding(rules=(FOLD, short))
    folded.see(check(), exchange("/short"), exchange("/short"))
    folded.at(SECOND)
    assert folded.counts() == [2]
    folded.at(10 * SECOND)
    assert folded.counts() == [2, 1]


def test_what_is_folded_takes_nothing_of_a_rate() -> None:
    """A rate is one of records: it is asked about the first of a group alone."""
    clock = Hand()
    volume = Volume(VolumeSettings(rules=(FOLD,), max_per_second=2.0), clock)
    fates = [volume.leaves_out(check(number)) for number in range(50)]
    assert isinstance(fates[0], Group)
    assert fates[1:] == ["fold_noise"] * 49
    others = [volume.leaves_out(exchange("/api")) for _ in range(2)]
    assert others == [None, "rate_cap"]


def test_new_rules_leave_what_is_open_to_its_end() -> None:
    """The window of the old rule goes on, and nothing follows."""
    volume = Volume(VolumeSettings(rules=(FOLD,)))
    folded = Folding(volume)
    folded.see(check(), check())
    volume.renew(VolumeSettings())
    folded.see(check())
    assert folded.counts() == [1]
    folded.at(10 * SECOND)
    assert folded.counts() == [1, 2]


def _seen(one: Exchange) -> tuple[object, ...]:
    """What a reader can tell exchanges of the test below apart by."""
    assert one.response is not None
    assert isinstance(one.request, Request)
    address = ".".join(map(str, one.connection.client_address))
    return (one.request.target, one.response.status, address)


def _told(record: dict[str, Any]) -> tuple[object, ...]:
    response = record["http"]["response"]
    return (record["url"]["path"], response["status_code"], record["source"]["ip"])


_STEPS: Final = st.lists(
    st.tuples(
        st.integers(0, 4 * SECOND),
        st.sampled_from(("/healthz", "/healthz/deep", "/dropped", "/api")),
        st.sampled_from((200, 204, 500)),
        st.integers(1, 3),
    ),
    max_size=60,
)
_RULES: Final = (
    replace(FOLD, paths=("/healthz",)),
    replace(FOLD, name="deep", paths=("/healthz/*",), window_ns=3 * SECOND),
    Rule("dropped", "drop", paths=("/dropped",)),
)


@settings(deadline=None, max_examples=150)
@given(_STEPS, st.integers(1, 6), st.booleans())
def test_counts_restore_what_came_in(
    steps: list[tuple[int, str, int, int]],
    most: int,
    keep_failures: bool,  # noqa: FBT001 - drawn
) -> None:
    """Whatever comes, and when: of each kind the counts are as many as came, or were dropped."""
    made = VolumeSettings(rules=_RULES, max_folds=most, keep_failures=keep_failures)
    folded = Folding(Volume(made))
    now, came = 0, Counter[tuple[object, ...]]()
    for number, (later, target, status, client) in zip(count(1), steps, strict=False):
        now += later
        folded.at(now)
        one = check(now, status=status, client=bytes([10, 0, 0, client]))
        assert one.request is not None
        one.request.target = target
        one.number = number
        if target != "/dropped" or (keep_failures and status == 500):
            came[_seen(one)] += 1
        folded.see(one)
        assert len(folded.pipeline.folds or ()) <= most
    folded.pipeline.finish(0, now)
    folded.adds_up()
    assert folded.pipeline.held == 0
    told = Counter[tuple[object, ...]]()
    for record, stands_for in zip(folded.records(), folded.counts(), strict=True):
        told[_told(record)] += stands_for
    assert told == came

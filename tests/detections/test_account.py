"""The account of `make e2e-detect`: that it can fail. The run itself takes minutes: no test."""

import dataclasses
from collections import Counter

import pytest

from .live.account import Account
from .live.crowd import Crowd
from .live.seeds import attacks, by_stream, counted, single
from .ruleset import correlations, rules

_ALERT, _MONITOR = ("r", ("192.0.2.1",)), ("r", "")
_WELL = Account(
    ordinary=2,
    background=1,
    seeded=1,
    records=4,
    indexed=4,
    stream_expected={_ALERT},
    stream=Counter([_ALERT]),
    watched=4,
    monitors_expected={_MONITOR},
    monitors=Counter([_MONITOR]),
    found_expected={"r": {"192.0.2.1"}},
    found={"r": Counter(["192.0.2.1"])},
    panels=58,
    empty=["Records given up"],
)


@pytest.mark.parametrize(
    "change",
    [
        {"records": 3, "indexed": 3, "watched": 3},
        {"indexed": 3},
        {"watched": 5},
        {"early": Counter([_MONITOR])},
        {"stream": Counter[object]()},
        {"stream": Counter([_ALERT, _ALERT])},
        {"stream": Counter([_ALERT, ("r", ("192.0.2.2",))])},
        {"unproven": 1},
        {"monitors": Counter[object]()},
        {"monitors": Counter([_MONITOR, _MONITOR])},
        {"monitors": Counter([_MONITOR, ("s", "")])},
        {"found": {"r": Counter[str]()}},
        {"found": {"r": Counter(["192.0.2.1", "198.18.0.1"])}},
        {"found": {"r": Counter(["192.0.2.1", "192.0.2.1"])}},
        {"empty": ["one"] * 29},
    ],
    ids=str,
)
def test_a_figure_that_differs_falls_short(change: dict[str, object]) -> None:
    """One that differs is named; none is where all is well."""
    assert not _WELL.shortfalls()
    assert len(dataclasses.replace(_WELL, **change).shortfalls()) == 1  # type: ignore[arg-type]


def test_every_rule_is_seeded() -> None:
    """Each has an attack of its own, from an address that nobody else has."""
    assert all(single().values())
    assert len({seen.client for seen in attacks()}) == len(attacks())
    ids = {name for name, _ in by_stream()}
    assert ids >= {str(rule.id) for rule in rules().values()}
    assert ids >= {str(counting.id) for _, counting in correlations().values()}
    assert set(counted()) == set(correlations())


def test_the_crowd_is_no_attacker() -> None:
    """Whoever comes every day has no attacker's address, and comes in every kind."""
    visits = Crowd().visits()
    asked = [seen for _ in range(3000) for seen in next(visits)]
    assert not {seen.client for seen in asked} & {seen.client for seen in attacks()}
    agents = " ".join({header for seen in asked for header in seen.headers})
    assert all(name in agents for name in ("Googlebot", "Firefox", "curl", "kube-probe"))
    failed = sum((seen.status or 500) >= 500 for seen in asked)
    assert 0 < failed < len(asked) / 100

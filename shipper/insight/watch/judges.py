"""A group's window -> whether its rule holds, in numbers and in words. Pure: time is handed in.

A judge keeps what it remembers of a group in the group's document, which lies in a store.
"""

from typing import Any, Final, NamedTuple, Protocol

from shipper.insight.watch.rules import Change, Measure, New, Silence, Threshold
from shipper.insight.watch.slots import Slot, count, quantile

_SECOND: Final = 1000
_DAY: Final = 86_400_000
_MEDIAN: Final = 0.5

#: A group's document: `born` (ms) and `last` (ms, its newest record), and what its judge adds.
Group = dict[str, Any]


class Verdict(NamedTuple):
    """Whether it holds; `what` continues "GET /orders of shop.example: "."""

    holds: bool
    what: str = ""
    value: float | None = None
    limit: float | None = None


class Judge(Protocol):
    """One kind of rule."""

    def judge(self, group: Group, window: Slot, at: int) -> Verdict:
        """The verdict on the window that ends at `at` (ms)."""
        ...

    def wake(self, group: Group, at: int) -> int | None:
        """When an idle group has to be looked at again (ms); None: it can be forgotten."""
        ...


_NOT = Verdict(holds=False)
#: Measures that a few records say nothing of, unlike how many there are.
_OF_RECORDS: Final = frozenset({"share", "latency"})


class ThresholdJudge:
    """A measure beyond a limit."""

    def __init__(self, rule: Threshold) -> None:
        self._rule = rule

    def judge(self, group: Group, window: Slot, at: int) -> Verdict:
        """Short of a limit is only what was there for a whole window."""
        rule = self._rule
        measured = measure(rule.measure, rule.quantile, window, rule.window)
        if rule.above is not None:
            if measured is None or window["n"] < rule.least:
                return _NOT
            holds, limit, side = measured > rule.above, rule.above, "more"
        else:
            limit = rule.below or 0.0
            if measured is None or at - group["born"] < rule.window:
                return _NOT
            holds, side = measured < limit, "less"
        said = in_words(rule.measure, measured, rule.quantile)
        return Verdict(
            holds, f"{said}, {side} than {_number(rule.measure, limit)}", measured, limit
        )

    def wake(self, group: Group, at: int) -> int | None:
        """Where too little is the matter, nothing at all is too."""
        if self._rule.below is None:
            return None
        return at + self._rule.step if at < group["last"] + _DAY else None


class CountJudge:
    """Records that a Sigma rule fits, or the different values `of` a field that they have."""

    def __init__(self, least: int, of: str = "") -> None:
        self._least, self._of = least, of

    def judge(self, group: Group, window: Slot, at: int) -> Verdict:
        """So many in the window."""
        del group, at
        found = len(window["v"]) if self._of else window["n"]
        said = f"{found} record{'s' if found > 1 else ''}"
        if self._of:
            said = f"{found} different values of {self._of}"
        return Verdict(found >= self._least, said, float(found), float(self._least))

    def wake(self, group: Group, at: int) -> int | None:
        """Nothing is remembered."""
        del group, at
        return None


class ChangeJudge:
    """A measure far from the median of what it was; what lasts becomes the median."""

    def __init__(self, rule: Change) -> None:
        self._rule = rule

    def judge(self, group: Group, window: Slot, at: int) -> Verdict:
        """Held against the baseline, and then a part of it."""
        rule = self._rule
        measured = measure(rule.measure, rule.quantile, window, rule.window)
        if rule.measure in _OF_RECORDS and window["n"] < rule.least:
            measured = None
        before = self._median(group, at)
        verdict = _NOT
        if measured is not None and before is not None:
            verdict = self._held_against(measured, before, group, window)
        if measured is not None:
            count(group["now"], measured)
        group["seen"] = [window["n"], *group.get("seen", [])][:10]
        return verdict

    def wake(self, group: Group, at: int) -> int | None:
        """Nothing is a value too."""
        return at + self._rule.step if at < group["last"] + self._rule.memory else None

    def _median(self, group: Group, at: int) -> float | None:
        """Of the values in memory, which is kept in two halves; None while it is learned."""
        half = self._rule.memory // 2
        group.setdefault("now", {})
        group.setdefault("before", {})
        group.setdefault("turned", group["born"])
        while at - group["turned"] >= half:
            group["before"], group["now"] = group["now"], {}
            group["turned"] += half
        if at - group["born"] < self._rule.learn:
            return None
        bins = dict(group["before"])
        for key, number in group["now"].items():
            bins[key] = bins.get(key, 0) + number
        return quantile(bins, _MEDIAN)

    def _held_against(self, now: float, before: float, group: Group, window: Slot) -> Verdict:
        rule = self._rule
        # A rate may fall to nothing: then there were enough before.
        enough = max(window["n"], *group.get("seen", [0]), 0) >= rule.least
        low, high = max(before, rule.floor), max(now, rule.floor)
        said = (
            f"{in_words(rule.measure, now, rule.quantile)}, "
            f"the median before was {_number(rule.measure, before)}"
        )
        if rule.direction in {"up", "both"} and high > low * rule.factor and enough:
            return Verdict(holds=True, what=said, value=now, limit=low * rule.factor)
        if rule.direction in {"down", "both"} and high * rule.factor < low and enough:
            return Verdict(holds=True, what=said, value=now, limit=low / rule.factor)
        return _NOT


class NewJudge:
    """A value not seen before; the group is one value, and `of` what it is a value of."""

    def __init__(self, rule: New) -> None:
        self._rule = rule

    def judge(self, group: Group, window: Slot, at: int) -> Verdict:
        """New where it was born just now, to a group that is old enough."""
        del at
        grown = group["born"] - group["of_born"] >= self._rule.learn
        first = grown and not group.get("known")
        if window["n"]:
            group["known"] = True
        return Verdict(bool(first and window["n"]), "not seen before", float(window["n"]))

    def wake(self, group: Group, at: int) -> int | None:
        """What is forgotten becomes new again."""
        end = int(group["last"]) + self._rule.remember
        return end if at < end else None


class SilenceJudge:
    """A group of which nothing comes."""

    def __init__(self, rule: Silence) -> None:
        self._rule = rule

    def judge(self, group: Group, window: Slot, at: int) -> Verdict:
        """As long as it was silent, but is not gone."""
        del window
        silent, after = (at - group["last"]) / _SECOND, self._rule.after / _SECOND
        holds = after <= silent < self._rule.forget / _SECOND
        return Verdict(holds, f"nothing for {silent:.0f} s", silent, after)

    def wake(self, group: Group, at: int) -> int | None:
        """When it would be silent for too long; when it is gone for good."""
        for end in (group["last"] + self._rule.after, group["last"] + self._rule.forget):
            if at < end:
                return int(end)
        return None


def measure(what: Measure, q: float, window: Slot, span: int) -> float | None:
    """What is measured of a window of `span` ms; None where there is nothing to measure."""
    match what:
        case "count":
            return float(window["n"])
        case "rate":
            return window["n"] * _SECOND / span
        case "share":
            return window["m"] / window["n"] if window["n"] else None
        case "latency":
            return quantile(window["b"], q)


def in_words(what: Measure, value: float, q: float) -> str:
    """`31 % of the records`, `1.2 s at the 95th percentile`."""
    match what:
        case "count":
            return f"{value:.0f} records"
        case "rate":
            return f"{_number(what, value)} records a second"
        case "share":
            return f"{_number(what, value)} of the records"
        case "latency":
            return f"latency of {_number(what, value)} at {q * 100:g} %"


def _number(what: Measure, value: float) -> str:
    if what == "share":
        return f"{value * 100:.3g} %"
    return f"{value:.3g} s" if what == "latency" else f"{value:.4g}"

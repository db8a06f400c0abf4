"""Verdicts of a group, one after the other -> an alert that begins, and one that ends.

An episode begins when its rule has held for as long as it is to, and ends when it has not held
for `mute`; what happens in between belongs to it. It is said twice: firing and resolved, under
one id made of the rule, the group and the window in which it first held.
"""

import uuid
from typing import Any, Final, NamedTuple

from shipper.insight.watch.judges import Group, Verdict
from shipper.insight.watch.slots import EVIDENCE, Slot

_NAMESPACE: Final = uuid.UUID("0c9d4f0a-51d5-5a0e-9b0c-3d4f4b1f6c27")

Key = tuple[str, tuple[str, ...]]


class Look(NamedTuple):
    """What a verdict was given on: the window that ends at `at` (ms), and its newest step."""

    at: int
    window: Slot
    fresh: Slot


class Raised(NamedTuple):
    """An alert as it is told; times in ms since the epoch."""

    id: str
    rule: str
    group: tuple[str, ...]
    state: str
    begun: int
    window: tuple[int, int]
    what: str
    value: float | None
    limit: float | None
    evidence: list[str]
    total: int


def step(
    key: Key, group: Group, verdict: Verdict, look: Look, times: tuple[int, int, int]
) -> Raised | None:
    """What is to be told after this look; `times` are the rule's span, for and mute, in ms."""
    span, hold, mute = times
    if verdict.holds:
        episode = _goes_on(group, look, span)
        if "value" not in episode and look.at - episode["since"] >= hold:
            episode |= {"value": verdict.value, "limit": verdict.limit, "what": verdict.what}
            return _raised(key, episode, "firing")
        return None
    episode = group.get("episode", {})
    if "value" in episode and look.at - episode["last"] < mute:
        return None
    group.pop("episode", None)
    return _raised(key, episode, "resolved") if "value" in episode else None


def _goes_on(group: Group, look: Look, span: int) -> dict[str, Any]:
    """The episode that this look belongs to: all of the window is evidence when it begins."""
    episode: dict[str, Any] | None = group.get("episode")
    news = look.fresh
    if episode is None:
        episode = group["episode"] = {"from": look.at - span, "since": look.at, "e": [], "n": 0}
        news = look.window
    episode["last"] = look.at
    episode["e"] += news["e"][: EVIDENCE - len(episode["e"])]
    episode["n"] += news["m"]
    return episode


def end(group: Group, mute: int) -> int | None:
    """When an episode that is going on ends if nothing more happens (ms)."""
    episode = group.get("episode")
    return None if episode is None else int(episode["last"]) + mute


def _raised(key: Key, episode: dict[str, Any], state: str) -> Raised:
    rule, group = key
    begun = int(episode["from"])
    return Raised(
        alert_id(rule, group, begun),
        rule,
        group,
        state,
        begun,
        (begun, int(episode["last"])),
        episode["what"],
        episode["value"],
        episode["limit"],
        list(episode["e"]),
        int(episode["n"]),
    )


def alert_id(rule: str, group: tuple[str, ...], begun: int) -> str:
    """The same whenever and wherever it is made."""
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join((rule, *group, str(begun)))))

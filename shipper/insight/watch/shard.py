"""Observations and the time until which all is known -> alerts. All that is known is in a store.

The rules of this file:

- Event time is cut into steps. A step is settled once `known + grace` has passed its end, `known`
  being the time until which every record has been read; steps are settled in order, whatever
  order the records came in, so that the same records give the same alerts in every run.
- What arrives for a settled step is late: counted, and otherwise left alone.
- Time never goes back: a `known` earlier than the last is ignored.
- Nothing is looked at for want of a record: a group stands in the list of the step at which it
  has to be looked at next, because it has news, an episode that may end, or a silence to notice.

Store, of one shard: `known`; `steps`, the ends of steps at which somebody is to be looked at;
`at END`, who; `group KEY`, a group's document; `slot KEY END`, what a group came to in a step;
`of KEY`, since when something has values, and how many; `many RULE`, how many groups a rule has.
"""

from bisect import insort
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import orjson

from shipper.insight.watch import episodes, slots
from shipper.insight.watch.episodes import Key, Look, Raised
from shipper.insight.watch.judges import Group
from shipper.insight.watch.observe import Observations
from shipper.insight.watch.watched import Watched

#: Who is looked at rarely is looked at on the hour: the list of steps stays short.
_HOUR: Final = 3_600_000
_SOON: Final = 2 * _HOUR
#: Later than any time (ms).
_NEVER: Final = 1 << 62


class Store(Protocol):
    """A shard's part of a state store."""

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - whatever JSON can say
        """What was set, or the default."""
        ...

    def set(self, key: str, value: Any) -> None:  # noqa: ANN401
        """Keep a value."""
        ...

    def delete(self, key: str) -> None:
        """Forget it."""
        ...


@dataclass(slots=True)
class Counters:
    """Totals of this process."""

    observed: int = 0
    late: int = 0
    crowded: int = 0
    #: Rules that had too many groups.
    crowds: set[str] = field(default_factory=set)


class Shard:
    """Keeps the groups of a shard; what it is given at each call says which."""

    def __init__(self, rules: Mapping[str, Watched], grace: int, groups: int) -> None:
        self.rules = rules
        self._grace = grace
        self._groups = groups
        self.counters = Counters()

    def take(self, given: Observations, store: Store) -> None:
        """One record's part."""
        settled = store.get("known", 0) - self._grace
        for rule_id, group, matters, value in given["seen"]:
            rule = self.rules.get(rule_id)
            if rule is None:  # it was taken out of the configuration
                continue
            end = (given["time"] // rule.step + 1) * rule.step
            if end <= settled:
                self.counters.late += 1
                continue
            key = rule_id, tuple(group)
            name = _name(key)
            place = f"slot {name} {end}"
            slot = store.get(place)
            if slot is None:
                slot = slots.empty()
                if not self._begin(key, end, store):
                    continue
            slots.add(slot, given["id"], given["time"], matters=matters, value=value)
            store.set(place, slot)
            self.counters.observed += 1

    def known(self, until: int, store: Store) -> Iterator[Raised]:
        """Every record until then (ms) has been taken: settle what can be."""
        if until <= store.get("known", 0):
            return
        store.set("known", until)
        while (steps := store.get("steps", [])) and steps[0] + self._grace <= until:
            at = steps[0]
            store.set("steps", steps[1:])
            due = store.get(f"at {at}", [])
            store.delete(f"at {at}")
            for name in sorted(set(due)):
                yield from self._settle(name, at, store)

    def _begin(self, key: Key, end: int, store: Store) -> bool:
        """News of a group in a step that had none; False if there is no room for the group."""
        rule, name = self.rules[key[0]], _name(key)
        group = store.get(f"group {name}")
        if group is None:
            many = store.get(f"many {rule.id}", 0)
            if many >= self._groups or not self._room(rule, key, store):
                self.counters.crowded += 1
                self.counters.crowds.add(rule.id)
                return False
            store.set(f"many {rule.id}", many + 1)
            group = _fresh(end - rule.step)
        insort(group["slots"], end)
        # Records come in any order: what is read first need not be the oldest.
        group["born"] = min(group["born"], group["slots"][0] - rule.step)
        if rule.values:
            of = store.get(_of(key))
            store.set(_of(key), {**of, "born": min(of["born"], group["born"])})
        _look(group, name, end, store)
        store.set(f"group {name}", group)
        return True

    def _room(self, rule: Watched, key: Key, store: Store) -> bool:
        """Whether there is room for one value more."""
        if not rule.values:
            return True
        of = store.get(_of(key), {"born": _NEVER, "n": 0})
        if of["n"] >= rule.limit:
            return False
        store.set(_of(key), {**of, "n": of["n"] + 1})
        return True

    def _settle(self, name: str, at: int, store: Store) -> Iterator[Raised]:
        key = _key(name)
        rule, group = self.rules.get(key[0]), store.get(f"group {name}")
        if group is None or at not in group["due"]:
            return
        if rule is None:
            self._forget(key, name, group, store)
            return
        group["due"] = [end for end in group["due"] if end > at]
        look = _window(rule, name, group, at, store)
        group["last"] = max(group["last"], look.fresh["t"])
        if rule.values:
            group["of_born"] = store.get(_of(key))["born"]
        verdict = rule.judge.judge(group, look.window, at)
        raised = episodes.step(key, group, verdict, look, (rule.span, rule.hold, rule.mute))
        if raised is not None:
            yield raised
        again = list(_next(rule, group, at))
        if not again and group["slots"]:
            # It would be forgotten by now if the records to come had not been read so early.
            group = _fresh(group["slots"][0] - rule.step) | {
                "slots": group["slots"],
                "due": list(group["slots"]),
            }
        for end in again:
            _look(group, name, end, store)
        if group["due"]:
            store.set(f"group {name}", group)
        else:
            self._forget(key, name, group, store)

    def _forget(self, key: Key, name: str, group: Group, store: Store) -> None:
        for end in group["slots"]:
            store.delete(f"slot {name} {end}")
        store.delete(f"group {name}")
        many = f"many {key[0]}"
        store.set(many, max(0, store.get(many, 0) - 1))
        rule = self.rules.get(key[0])
        if rule is not None and rule.values:
            of = store.get(_of(key))
            if of["n"] > 1:
                store.set(_of(key), {**of, "n": of["n"] - 1})
            else:
                store.delete(_of(key))


def _fresh(born: int) -> Group:
    return {"born": born, "last": born, "slots": [], "due": []}


def _window(rule: Watched, name: str, group: Group, at: int, store: Store) -> Look:
    """The steps of the window, added up; those before it are forgotten."""
    kept, inside, fresh = [], [], slots.empty()
    for end in group["slots"]:
        place = f"slot {name} {end}"
        if end <= at - rule.span:
            store.delete(place)
            continue
        kept.append(end)
        if end <= at:
            inside.append(store.get(place) or slots.empty())
        if end == at:
            fresh = inside[-1]
    group["slots"] = kept
    return Look(at, slots.total(inside), fresh)


def _next(rule: Watched, group: Group, at: int) -> Iterator[int]:
    """When to look again: steps to come, as long as the window holds something; then rarely."""
    episode = group.get("episode")
    if any(end <= at for end in group["slots"]) or (episode and "value" not in episode):
        yield at + rule.step
    for time in (episodes.end(group, rule.mute), rule.judge.wake(group, at)):
        if time is not None:
            grain = _HOUR if time - at > _SOON else rule.step
            yield max(at + rule.step, -(-time // grain) * grain)


def _look(group: Group, name: str, end: int, store: Store) -> None:
    """Have a group looked at, once."""
    if end in group["due"]:
        return
    group["due"].append(end)
    due = store.get(f"at {end}")
    if due is None:
        steps = store.get("steps", [])
        insort(steps, end)
        store.set("steps", steps)
    store.set(f"at {end}", [*(due or []), name])


def _name(key: Key) -> str:
    return orjson.dumps([key[0], *key[1]]).decode()


def _key(name: str) -> Key:
    rule, *group = orjson.loads(name)
    return rule, tuple(group)


def _of(key: Key) -> str:
    return f"of {_name((key[0], key[1][:-1]))}"

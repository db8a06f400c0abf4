"""Messages of the ledger -> accounts, and the equations that each of them has to keep."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson

from shipper.audit.numbers import Range

#: (stage, field) on both sides, and whether they are equal or the first is at least the second.
#: What is counted in another unit (a message of interim responses makes no exchange), or together
#: with other things (accounts pass the producer as well), is at least as much.
_LINKS: Final = (
    ("blocks", "out", "==", "messages", "in"),
    ("messages", "out", ">=", "exchanges", "in"),
    ("exchanges", "out", "==", "records", "in"),
    ("spool", "in", ">=", "records", "out"),
)
#: Both halves of what is told of whose the exchanges were: together all that were to be records.
_ATTRIBUTED: Final = (("attributed", "unattributed"), ("named", "unnamed"))
_FROM_KERNEL: Final = ("events_header", "events_message_end", "events_flow_end", "events_gap")

Stage = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Account:
    """One account; times in ms since the epoch, `interval` too."""

    identifier: str
    number: int
    agent: str
    ephemeral: str
    host: str
    worker: int
    workers: int
    state: str
    clean: bool
    started: int
    until: int
    interval: int
    next: int
    settled: int
    lost: dict[str, list[Range]]
    stages: dict[str, Stage]
    kernel: dict[str, int]
    coverage: dict[str, int]
    adopted: dict[str, int]
    attribution: dict[str, Any]

    @property
    def order(self) -> tuple[int, bool]:
        """Where it stands among those of its worker.

        One that closes may bear the number of a last one that whoever closed it did not know of.
        """
        return (self.number, self.state != "running")

    def broken(self) -> Iterator[str]:
        """Every equation that does not hold, in words."""
        for name, stage in self.stages.items():
            gone = sum(stage["discarded"].values())
            if stage["in"] != stage["out"] + stage["held"] + gone:
                yield (
                    f"{name}: in {stage['in']} is not out {stage['out']} + held {stage['held']} "
                    f"+ discarded {gone}"
                )
        yield from self._links()
        yield from self._attributed()

    def _links(self) -> Iterator[str]:
        stages = self.stages
        for one, field, relation, other, its in _LINKS:
            if one in stages and other in stages:
                left, right = stages[one][field], stages[other][its]
                if left < right or (relation == "==" and left != right):
                    yield f"{one}.{field} {left} is not {relation} {other}.{its} {right}"
        # The totals of one that died are those of its last note; numbers were given after it.
        late = self.state == "closed" and not self.clean
        if "records" in stages:
            out = stages["records"]["out"]
            if out > self.next or (out != self.next and not late):
                yield f"records.out {out} is not sequence.next {self.next}"
        if self.settled > self.next:
            yield f"sequence.settled {self.settled} is beyond sequence.next {self.next}"
        # While it runs, an event may be read before the kernel has counted it.
        if "events" in stages and self.state == "stopped" and _FROM_KERNEL[0] in self.kernel:
            told = sum(self.kernel.get(name, 0) for name in _FROM_KERNEL)
            if stages["events"]["in"] > told:
                yield f"events.in {stages['events']['in']} is more than the kernel's {told}"

    def _attributed(self) -> Iterator[str]:
        entered = self.stages.get("records", {}).get("in")
        for told, untold in _ATTRIBUTED:
            if entered is None or told not in self.attribution:
                continue
            one, others = self.attribution[told], sum(self.attribution[untold].values())
            if one + others != entered:
                yield f"{told} {one} + {untold} {others} is not records.in {entered}"


def fallen(before: Account, after: Account) -> Iterator[str]:
    """Totals that became less from one account of a worker to a later one; they never may."""
    if after.next < before.next:
        yield f"sequence.next fell from {before.next} to {after.next}"
    for name in before.stages.keys() & after.stages.keys():
        was, is_ = before.stages[name]["in"], after.stages[name]["in"]
        if is_ < was:
            yield f"{name}.in fell from {was} to {is_}"


def read_account(value: bytes) -> Account | None:
    """The account in a message; None if it holds none."""
    try:
        return _account(orjson.loads(value))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _account(document: dict[str, Any]) -> Account:
    ledger, agent = document["ledger"], document["agent"]
    lost: dict[str, list[Range]] = {}
    for one in ledger.get("lost", ()):
        lost.setdefault(str(one["reason"]), []).append((int(one["first"]), int(one["last"])))
    return Account(
        identifier=str(document["event"]["id"]),
        number=int(document["event"]["sequence"]),
        agent=str(agent["id"]),
        ephemeral=str(agent["ephemeral_id"]),
        host=str(document.get("host", {}).get("name", "")),
        worker=int(ledger["worker"]),
        workers=int(ledger["workers"]),
        state=str(ledger["state"]),
        clean=bool(ledger.get("clean", False)),
        started=milliseconds(ledger["started"]),
        until=milliseconds(ledger["until"]),
        interval=round(float(ledger["interval"]) * 1000),
        next=int(ledger["sequence"]["next"]),
        settled=int(ledger["sequence"]["settled"]),
        lost=lost,
        stages={name: _stage(stage) for name, stage in ledger["stages"].items()},
        kernel=_counts(ledger.get("kernel", {})),
        coverage=_counts(ledger.get("coverage", {})),
        adopted=_counts(ledger.get("adopted", {})),
        attribution=_attribution(ledger.get("attribution", {})),
    )


def _attribution(part: dict[str, Any]) -> dict[str, Any]:
    """As far as it is there: an account of version 1.0 has none."""
    found: dict[str, Any] = {}
    for told, untold in _ATTRIBUTED:
        if told in part:
            found |= {told: int(part[told]), untold: _counts(part.get(untold, {}))}
    return found


def _stage(stage: dict[str, Any]) -> Stage:
    return {
        "in": int(stage["in"]),
        "out": int(stage["out"]),
        "held": int(stage["held"]),
        "discarded": _counts(stage["discarded"]),
    }


def _counts(given: dict[str, Any]) -> dict[str, int]:
    return {str(name): int(count) for name, count in given.items()}


def milliseconds(text: str) -> int:
    """RFC 3339 -> ms since the epoch; ValueError if it is none."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)

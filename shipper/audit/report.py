"""All evidence -> the verdict on each host, and on everything."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from shipper.audit.accounts import Account
from shipper.audit.history import History
from shipper.audit.judge import UNEXPLAINED, Evidence, Judgement, judge
from shipper.audit.window import Window

#: Kernel counters that are losses: what they count made no record, and no number is missing.
#: (`state_missing` is none of them: it counts packets of connections that are older than capture.)
KERNEL_LOSSES: Final = (
    "ring_full",
    "held_full",
    "held_lost",
    "flow_table_full",
    "kind_queue_full",
    "scratch_busy",
    "load_failed",
)

#: Ephemeral id and worker.
Source = tuple[str, int]


@dataclass(slots=True)
class Incarnation:
    """One start of an agent."""

    ephemeral: str
    state: str
    started: int
    until: int
    workers: list[Judgement]
    unaccounted_workers: list[int]
    coverage: dict[str, int]
    attribution: dict[str, dict[str, int]]
    kernel_losses: dict[str, int]
    discarded: dict[str, int]
    letters: dict[str, int]

    @property
    def silent(self) -> bool:
        """Whether a worker's word of its end is missing."""
        return any(worker.silent for worker in self.workers)


@dataclass(slots=True)
class Host:
    """One agent id, with its starts in order."""

    agent: str
    name: str
    incarnations: list[Incarnation]
    unobserved: list[tuple[int, int]]
    silent: bool

    @property
    def unclosed(self) -> list[Incarnation]:
        """Starts that ended without a word while another looks: nobody has closed their account."""
        return [] if self.silent else [one for one in self.incarnations if one.silent]


@dataclass(slots=True)
class Report:
    """The answer."""

    window: Window
    hosts: list[Host]
    broken: list[str]
    unaccounted: dict[str, int]
    malformed: dict[str, int] = field(default_factory=dict)

    def workers(self) -> Iterator[Judgement]:
        """Every judgement."""
        for host in self.hosts:
            for one in host.incarnations:
                yield from one.workers

    def total(self, fate: str) -> int:
        """Numbers of a fate."""
        return sum(worker.of(fate) for worker in self.workers())

    @property
    def losses(self) -> Counter[str]:
        """What is lost for good or out of the topic, by reason, with and without a number."""
        found: Counter[str] = Counter()
        for host in self.hosts:
            for one in host.incarnations:
                found.update(one.kernel_losses)
                found.update(one.discarded)
                for worker in one.workers:
                    for missing in worker.missing:
                        if missing.fate in ("lost", "dead_letter"):
                            found[missing.reason] += missing.count
        return +found

    @property
    def verdict(self) -> str:
        """`unexplained`, `explained` (something is missing, each with its reason) or `complete`."""
        beyond = any(worker.beyond for worker in self.workers())
        absent = any(one.unaccounted_workers for host in self.hosts for one in host.incarnations)
        if self.total(UNEXPLAINED) or self.broken or self.unaccounted or beyond or absent:
            return "unexplained"
        known = self.losses or self._unseen or self.total("waiting")
        return "explained" if known else "complete"

    @property
    def strictly(self) -> bool:
        """Whether nothing at all was lost and every moment was observed; what waits may wait."""
        return self.verdict != UNEXPLAINED and not self.losses and not self._unseen

    @property
    def _unseen(self) -> bool:
        """Whether there is a time of which nobody has given an account."""
        return any(host.unobserved or host.silent or host.unclosed for host in self.hosts)


def report(
    evidence: Mapping[Source, Evidence], window: Window, malformed: dict[str, int]
) -> Report:
    """Judge everything."""
    broken: list[str] = []
    unaccounted: Counter[str] = Counter()
    agents: defaultdict[str, defaultdict[str, dict[int, Evidence]]] = defaultdict(
        lambda: defaultdict(dict)
    )
    for (ephemeral, worker), found in evidence.items():
        if not found.history.count:
            unaccounted[ephemeral] += found.inside
            continue
        agents[found.history.latest.agent][ephemeral][worker] = found
        broken += found.history.broken
    hosts = [_host(agent, starts, window) for agent, starts in agents.items()]
    hosts = sorted(
        (host for host in hosts if host.incarnations), key=lambda host: (host.name, host.agent)
    )
    return Report(window, hosts, broken, dict(+unaccounted), malformed)


def _host(agent: str, starts: Mapping[str, Mapping[int, Evidence]], window: Window) -> Host:
    made = [_incarnation(e, workers, window) for e, workers in starts.items()]
    made = [one for one in made if _touches(one, window)]
    made.sort(key=lambda one: one.started)
    names = [w.history.latest.host for workers in starts.values() for w in workers.values()]
    newest = max(made, key=lambda one: one.until, default=None)
    quiet = newest is not None and newest.silent
    return Host(agent, next(filter(None, names), ""), made, _unobserved(made, window), quiet)


def _touches(one: Incarnation, window: Window) -> bool:
    """Whether it was there at some moment of the window."""
    return (window.end is None or one.started <= window.end) and (
        window.begin is None or one.until >= window.begin
    )


def _incarnation(ephemeral: str, workers: Mapping[int, Evidence], window: Window) -> Incarnation:
    last = [found.history.latest for found in workers.values()]
    newest = max(last, key=lambda account: account.until)
    wanted = range(newest.workers)
    discarded: Counter[str] = Counter()
    letters: Counter[str] = Counter()
    for found in workers.values():
        discarded.update(_grown(found.history, _record_losses))
        letters.update({reason: held.count for reason, held in found.letters.items()})
        letters.update(found.rejected)
    of_newest = workers[newest.worker].history
    return Incarnation(
        ephemeral=ephemeral,
        state=newest.state,
        started=min(account.started for account in last),
        until=newest.until,
        workers=[judge(workers[number], window) for number in sorted(workers)],
        unaccounted_workers=[number for number in wanted if number not in workers],
        coverage=_grown(of_newest, lambda account: account.coverage),
        attribution=_attribution(workers.values()),
        kernel_losses=_grown(of_newest, _kernel_losses),
        discarded=dict(+discarded),
        letters=dict(+letters),
    )


def _attribution(workers: Iterable[Evidence]) -> dict[str, dict[str, int]]:
    """Exchanges of which it is not told whose they were, by what is not told and then by reason."""
    found: dict[str, Counter[str]] = {name: Counter() for name in ("unattributed", "unnamed")}
    for evidence in workers:
        for name, counts in found.items():
            counts.update(_grown(evidence.history, partial(_untold, name)))
    return {name: dict(counts) for name, counts in found.items() if counts}


def _untold(name: str, account: Account) -> dict[str, int]:
    return dict(account.attribution.get(name, {}))


def _record_losses(account: Account) -> dict[str, int]:
    """Exchanges that became no record; what was dead-lettered has numbers elsewhere."""
    return dict(account.stages.get("records", {}).get("discarded", {}))


def _kernel_losses(account: Account) -> dict[str, int]:
    return {name: account.kernel.get(name, 0) for name in KERNEL_LOSSES}


def _grown(history: History, counts: Callable[[Account], Mapping[str, int]]) -> dict[str, int]:
    """What a running total grew by within the window."""
    if history.within is None:
        return {}
    grown = Counter(counts(history.within))
    if history.base is not None:
        grown.subtract(counts(history.base))
    return {name: count for name, count in grown.items() if count > 0}


def _unobserved(made: list[Incarnation], window: Window) -> list[tuple[int, int]]:
    """Times between a host's first start and its last sign of life when no agent looked."""
    gaps = []
    known: int | None = None
    for one in made:
        if known is not None and one.started > known:
            gaps.append((known, one.started))
        known = one.until if known is None else max(known, one.until)
    clipped = [
        (max(a, window.begin or a), min(b, b if window.end is None else window.end))
        for a, b in gaps
    ]
    return [(a, b) for a, b in clipped if a < b]

"""A stack in; what was found of attacks and an outage among live traffic out.

Ordinary traffic alone first, of which nothing may be raised. Then, while it goes on, everything
that is seeded at once; and when the stream has told all of it, the store is asked.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson
from brokers.waiting import eventually
from consumers.contracts import LEDGER, RECORD, Json
from dashboards.answers import Shown, grafana, saved_objects
from dashboards.description import dashboards
from e2e.progress import Progress
from faults.judge import messages

from detections.traffic import Seen

from . import queries, seeds
from .account import Account
from .crowd import Crowd
from .feed import STREAMS
from .site import Site
from .stack import Stack

_ALERTS = "http.header.alerts.v1"
_MS = 1000
_PATIENCE_S = 300.0
#: How fast those ask who overdo it, and how long what overlaps with a burst may still be told.
_BURST_RATE, _SETTLED_S = 40.0, 20.0


@dataclass
class Run:
    """One run."""

    stack: Stack
    site: Site
    progress: Progress
    account: Account = field(default_factory=Account)
    _over: bool = False

    def result(self, ordinary: int, rate: float) -> Account:
        """All of it, with so many ordinary requests a second."""
        step, account = self.progress.step, self.account
        crowd, begin = Crowd(), _now()
        traffic = self.site.begin(self.site.paced(crowd.visits(), rate, lambda: self._over))
        with step(f"{ordinary} ordinary requests, {rate:g} a second"):
            _until(lambda: self.site.done >= ordinary, "ordinary traffic", ordinary / rate)
            account.ordinary, attacked = self.site.done, _now()
        with step("Attacks, bursts and an outage among them, until all of it is told"):
            self._attack(crowd)
            self._listen(seeds.by_stream() - seeds.of_the_end())
            time.sleep(_SETTLED_S)
        with step("Nobody asks anything any more, until that is told too"):
            self._over = True
            traffic.result(_PATIENCE_S)
            account.background = self.site.done - account.ordinary - account.seeded
            self._listen(seeds.by_stream())
        with step("All published, read, indexed"):
            self._rest(self.site.done)
        with step("The monitors' queries, minute by minute"):
            end = _now()
            self._ask(begin, attacked, end)
        with step("The dashboards' queries"):
            self._show(begin, end)
        return account

    def _attack(self, crowd: Crowd) -> None:
        crowd.failing = crowd.slow = True
        bursts = [iter([one] for one in burst) for burst in seeds.bursts()]
        bursts.append(iter([one] for one in seeds.surge(crowd)))
        attacks = iter([one] for one in seeds.attacks())
        sent = [
            self.site.begin(self.site.paced(_counted(visits, self.account), _BURST_RATE, _never))
            for visits in (*bursts, attacks)
        ]
        for one in sent:
            one.result(_PATIENCE_S)

    def _listen(self, wanted: set[seeds.Alert]) -> None:
        """Until the stream has told all of it; what is missing after a while falls short."""
        end = time.monotonic() + _PATIENCE_S
        while wanted - self._alerts().keys() and time.monotonic() < end:
            self.stack.watchers.running()
            time.sleep(1)

    def _alerts(self) -> Counter[seeds.Alert]:
        firing = (one for one in self._messages(_ALERTS) if one["alert"]["state"] == "firing")
        return Counter((one["rule"]["id"], tuple(one["alert"]["group"].values())) for one in firing)

    def _messages(self, topic: str) -> list[Json]:
        return [orjson.loads(value) for _, value in messages(self.stack.kafka.inside, topic)]

    def _records(self) -> dict[str, Json]:
        return {one["event"]["id"]: one for one in self._messages(RECORD)}

    def _rest(self, asked: int) -> None:
        """Until all has come to rest; those who watch are ended, and the agent."""
        account, stack = self.account, self.stack
        _until(lambda: stack.feed.written(RECORD) >= asked, "all indexed")
        assert stack.agent.stop() == 0, stack.agent.lines("warning", "error")
        account.stream, account.stream_expected = self._alerts(), seeds.by_stream()
        counted: list[dict[str, Any]] = stack.watchers.end()
        account.watched = sum(one["records"] for one in counted)
        account.late = sum(one["late"] for one in counted)
        records = self._records()
        account.records = len(records)
        account.unproven = sum(
            not set(one["alert"]["evidence"]) <= records.keys() for one in self._messages(_ALERTS)
        )
        ledgers = len(self._messages(LEDGER))
        _until(lambda: stack.feed.written(LEDGER) >= ledgers, "accounts indexed")
        account.indexed = stack.feed.written(RECORD)

    def _ask(self, begin: int, attacked: int, end: int) -> None:
        account, store = self.account, self.stack.store
        times = queries.minutes(begin, end)
        account.early = queries.raised(store, [one for one in times if one <= attacked])
        account.monitors = queries.raised(store, [one for one in times if one > attacked])
        account.found_expected = seeds.single()
        account.monitors_expected = {
            *((name, "") for name in account.found_expected),
            *seeds.counted().items(),
        }
        for name in account.found_expected:
            account.found[name] = queries.clients(store, name)

    def _show(self, begin: int, end: int) -> None:
        whole = {"range": {"@timestamp": {"gte": begin - _MS, "lte": end + _MS}}}
        shown = {
            "exchanges": Shown(STREAMS[RECORD], list(self._records().values()), whole),
            "ledger": Shown(STREAMS[LEDGER], self._messages(LEDGER), whole),
        }
        store = self.stack.store
        self.account.empty = saved_objects(store, shown) + grafana(store, shown)
        self.account.panels = 2 * sum(len(one.panels) for one in dashboards())


def _until(holds: Callable[[], bool], what: str, beyond_s: float = 0.0) -> None:
    eventually(holds, what, beyond_s + _PATIENCE_S)


def _counted(visits: Iterator[list[Seen]], account: Account) -> Iterator[list[Seen]]:
    for visit in visits:
        account.seeded += len(visit)
        yield visit


def _never() -> bool:
    return False


def _now() -> int:
    return time.time_ns() // 1_000_000

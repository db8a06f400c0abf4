"""A store full of records in; what the monitors of config/ find there out, minute by minute.

Each monitor is run as the plugin runs it, every minute of the traffic. As there, an alert begins
in the first run that triggers and goes on until one does not: what is found is counted once.
"""

from collections import Counter
from collections.abc import Iterable

from consumers.contracts import RECORD, Json
from stores.store import Store

from detections.plugin import groups_beyond, monitor, rendered, triggered
from detections.ruleset import correlations, rules

from .feed import STREAMS

_MINUTE = 60_000
#: More than there are.
_CLIENTS = 2000
_INDEX = STREAMS[RECORD]
#: An alert: the monitor, and the group where there is one.
Alert = tuple[str, str]


def minutes(begin_ms: int, end_ms: int) -> list[int]:
    """When the monitors run."""
    return list(range(begin_ms + _MINUTE, end_ms + 2 * _MINUTE, _MINUTE))


def raised(store: Store, times: Iterable[int]) -> Counter[Alert]:
    """How many alerts each monitor raises in these runs, group by group."""
    found: Counter[Alert] = Counter()
    before: set[Alert] = set()
    for time in times:
        now = {*_of_rules(store, time), *_of_correlations(store, time)}
        found.update(now - before)
        before = now
    return found


def clients(store: Store, name: str) -> Counter[str]:
    """Who sent what a rule's monitor finds, whenever: how many records of each address."""
    (query,) = rendered(store, monitor(name), 0)["query"]["bool"]["must"]
    who = {"terms": {"field": "source.ip", "size": _CLIENTS}}
    asked = {"size": 0, "query": query, "aggs": {"who": who}}
    found: list[Json] = store.search(_INDEX, asked)["aggregations"]["who"]["buckets"]
    return Counter({str(bucket["key"]): bucket["doc_count"] for bucket in found})


def _of_rules(store: Store, time: int) -> Iterable[Alert]:
    for name in rules():
        body = monitor(name)
        (trigger,) = (each["query_level_trigger"] for each in body["triggers"])
        result = store.search(_INDEX, rendered(store, body, time))
        if triggered(store, trigger["condition"]["script"], result):
            yield name, ""


def _of_correlations(store: Store, time: int) -> Iterable[Alert]:
    for name in correlations():
        for group in groups_beyond(store, monitor(name), time, _INDEX):
            yield name, group

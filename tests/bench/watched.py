"""One demand and one watcher in; the figures of that load out."""

import time
from dataclasses import replace

from .figures import NOBODY, Load, from_buckets, quantile
from .load import Demand, Group, Memory, Site
from .watchers import Watcher
from .watchers.starting import Probes

#: Of the same demand before and behind what counts. Before: what is made at first use is there, on
#: all sides. Behind: what a watcher holds back until more comes is handed on (libpcap by blocks).
_ASIDE_S = 0.5
#: What a watcher that has fallen behind gets to catch up.
_CATCH_UP_S = 10.0


def watched(site: Site, watcher: Watcher, demand: Demand, run: str, broker: Group) -> Load:
    """Start it, load the server, let it finish, stop it. `run` is the first part of all ids."""
    group = Group(site.host, run)
    try:
        with Probes(site, run, demand.body) as probes:
            watcher.start(site, group, run)
            probes.more()
        _aside(site, f"{run}before", demand)
        watcher.loaded()
        groups = (group, site.group, broker)
        before, begin = [each.cpu_s() for each in groups], time.monotonic()
        with Memory(group) as memory, site.requests(run, demand) as requests:
            requests.wait()
            cores = (group.cpu_s() - before[0]) / (time.monotonic() - begin)
            group.until_quiet(_CATCH_UP_S)
        spent = [each.cpu_s() - was for each, was in zip(groups, before, strict=True)]
        watcher.settled()
        _aside(site, f"{run}behind", demand)
        told = watcher.stop()
    finally:
        watcher.close()
        group.close()
    served = site.served(run)
    return Load(
        watcher=watcher.name,
        body=demand.body,
        rate=round(demand.rate),
        cores=cores,
        served=len(served),
        told=None if watcher.name == NOBODY else len(served & told.ids.keys()),
        partial=len(served & told.partial),
        repeated=sum(count > 1 for count in told.ids.values()),
        cpu_s=spent[0],
        load_cpu_s=spent[1],
        broker_cpu_s=spent[2],
        memory_peak=memory.peak or None,
        memory_end=memory.end or None,
        start_s=probes.first(told.ids.keys()),
        sent_rate=requests.finished.rate,
        p50_ms=requests.finished.p50_us / 1000,
        p99_ms=requests.finished.p99_us / 1000,
        kernel_s=told.kernel_s,
        appended_p50_ms=quantile(told.appended_ms, 0.50),
        appended_p99_ms=quantile(told.appended_ms, 0.99),
        acknowledged_p50_ms=from_buckets(told.acknowledged_ms, 0.50),
        acknowledged_p99_ms=from_buckets(told.acknowledged_ms, 0.99),
        counted_lost=sum(told.counted.values()),
    )


def _aside(site: Site, run: str, demand: Demand) -> None:
    with site.requests(run, replace(demand, seconds=_ASIDE_S)) as requests:
        requests.wait()

"""What attribution adds to each exchange of a load: an agent with it and one without, in turns.

wrk asks nginx at a fixed rate over connections that stay; the agent, on the sockets of both, writes
its records to a file. Told is the agent's CPU time for an exchange that it told of, by the
accounts of its cgroup, and the time of all its kernel programs: the median over the rounds, of
either way, and of the difference within a round.
"""

import statistics
from collections.abc import Sequence
from typing import Final, NamedTuple

from faults.agent import Agent

from bench.load import Demand, Group, Outcome, Site
from bench.load.programs import held_by

#: Bytes of a body.
_BODY: Final = 200
_WARM_S: Final = 0.5
_SETTLED_S: Final = 20.0
_WAYS: Final = (True, False)


class Cost(NamedTuple):
    """Of one exchange, ns: user time, user and system time, time in the kernel's programs."""

    user: float
    cpu: float
    kernel: float

    def beyond(self, other: "Cost") -> "Cost":
        """What it is more."""
        return Cost(*(one - without for one, without in zip(self, other, strict=True)))


class Found(NamedTuple):
    """Medians over the rounds; `rate` is that at which requests were really sent."""

    rate: float
    told_share: float
    within: Cost
    without: Cost
    on_top: Cost

    def rounded(self) -> dict[str, object]:
        """For programs: whole ns."""
        costs = {"with": self.within, "without": self.without, "on_top": self.on_top}
        return {
            "rate": round(self.rate),
            "told_share": round(self.told_share, 4),
            **{
                name: {what: round(value) for what, value in cost._asdict().items()}
                for name, cost in costs.items()
            },
        }


def at_rate(rate: float, seconds: float, rounds: int) -> Found:
    """Both ways in each round; every other round the other way round. Needs kernel statistics."""
    sent: list[float] = []
    shares: list[float] = []
    costs: dict[bool, list[Cost]] = {way: [] for way in _WAYS}
    with Site(_BODY) as site:
        for turn in range(rounds):
            for way in _WAYS if turn % 2 else reversed(_WAYS):
                demand = Demand(_BODY, rate, seconds)
                cost, reached, share = _loaded(site, demand, f"a{turn}{way:d}", attributed=way)
                costs[way].append(cost)
                sent.append(reached)
                shares.append(share)
    both = zip(costs[True], costs[False], strict=True)
    return Found(
        statistics.median(sent),
        min(shares),
        _median(costs[True]),
        _median(costs[False]),
        _median([one.beyond(other) for one, other in both]),
    )


def _loaded(site: Site, demand: Demand, run: str, *, attributed: bool) -> tuple[Cost, float, float]:
    """What an exchange costs, requests a second, and the share of them that was told of."""
    path = site.folder / f"{run}.jsonl"
    settings: dict[str, object] = {
        "output": f"file:{path}",
        "capture.cgroup_root": site.host,
        "capture.allow_private_cgroup": True,
        "attribution.containers": attributed,
        "attribution.processes": attributed,
        "spool.path": "",
        "metrics.listen": "",
        "agent.log_format": "json",
    }
    group = Group(site.host, run)
    agent = Agent(settings)
    try:
        group.adopt(agent.process.pid)
        agent.ready()
        _ask(site, group, Demand(demand.body, demand.rate, _WARM_S), f"{run}w")
        before = _spent(group, _in_kernel(agent))
        outcome = _ask(site, group, demand, run)
        kernel = _in_kernel(agent)
        assert agent.stop() == 0, agent.lines()
        spent = _spent(group, kernel).beyond(before)  # what it had not come to yet is in it
        mark = f"/{run}-0-".encode()
        told = sum(mark in line for line in path.read_bytes().splitlines())
        assert told, f"nothing was told of {outcome.answered} exchanges"
    finally:
        if agent.process.poll() is None:
            agent.kill()
        group.close()
        path.unlink(missing_ok=True)
    # The kernel's programs have seen those too that found no room in the ring.
    cost = Cost(spent.user / told, spent.cpu / told, spent.kernel / outcome.answered)
    return cost, outcome.rate, told / outcome.answered


def _ask(site: Site, group: Group, demand: Demand, run: str) -> Outcome:
    """Until all is answered, and the agent has nothing left to do."""
    with site.requests(run, demand) as load:
        load.wait()
        group.until_quiet(_SETTLED_S)
    return load.finished


def _in_kernel(agent: Agent) -> int:
    """Time of all its programs so far, ns."""
    return sum(runs.time for runs in held_by(agent.process.pid).values())


def _spent(group: Group, kernel: int) -> Cost:
    """So far, all exchanges together."""
    return Cost(group.user_s() * 1e9, group.cpu_s() * 1e9, kernel)


def _median(costs: Sequence[Cost]) -> Cost:
    """Figure by figure."""
    return Cost(*map(statistics.median, zip(*costs, strict=True)))

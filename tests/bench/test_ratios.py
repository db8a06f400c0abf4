"""Ratios and verdicts of the benchmarks of service, workers and replay."""

import pytest

from bench import replay_rate, service_cost, workers_scaling


def _service(throughput: float, p99: float) -> service_cost.Row:
    names = ("throughput", "p99_us", "cpu_us", "full_throughput", "full_p99_us")
    row: service_cost.Row = dict.fromkeys(names, 1.0)
    return row | {"throughput": throughput, "p99_us": p99}


@pytest.mark.parametrize(
    ("throughput", "p99", "misses"),
    [(1.0, 1.0, 0), (0.96, 1.04, 0), (0.94, 1.0, 1), (1.0, 1.06, 1), (0.5, 3.0, 2)],
)
def test_the_service_is_held_to_what_it_did_in_the_same_round(
    throughput: float, p99: float, misses: int
) -> None:
    """A round in which everything took twice as long says the same; the interface is not judged."""
    rounds = [
        {
            "nobody": _service(5000 / slow, 100 * slow),
            "cgroup": _service(5000 / slow * throughput, 100 * slow * p99),
            "interface": _service(1.0, 1e6),
        }
        for slow in (1, 2, 1)
    ]
    told = service_cost.summary(rounds)
    assert told["cgroup"]["throughput_ratio"] == pytest.approx(throughput)
    assert told["cgroup"]["p99_us_ratio"] == pytest.approx(p99)
    assert len(service_cost.shortfalls(told)) == misses


def _workers(
    rate: float, cpu_rate: float, least: float, disordered: int = 0
) -> workers_scaling.Row:
    return {
        "rate": rate,
        "cpu_rate": cpu_rate,
        "cores": rate / cpu_rate,
        "least_share": least,
        "connections": 512,
        "disordered": disordered,
        "shared_connections": 0,
    }


@pytest.mark.parametrize(
    ("two", "misses"),
    [
        (_workers(18_000, 9_000, 0.49), 0),
        (_workers(16_000, 9_000, 0.49), 1),
        (_workers(18_000, 9_000, 0.39), 1),
        (_workers(18_000, 9_000, 0.49, disordered=1), 1),
    ],
    ids=["well", "slow", "uneven", "out of order"],
)
def test_two_workers_are_held_to_one(two: workers_scaling.Row, misses: int) -> None:
    """By the clock; and by what an exchange costs them, had each a core of its own."""
    one = _workers(10_000, 10_000, 1.0)
    rounds = [{("file", 1): one, ("file", 2): two, ("kafka", 1): one, ("kafka", 2): two}] * 3
    told = workers_scaling.summary(rounds)
    assert told["file"]["2"]["own_cores_ratio"] == pytest.approx(1.8)
    assert told["file"]["2"]["rate_ratio"] == pytest.approx((two["rate"] or 0) / 10_000)
    assert len(workers_scaling.shortfalls(told)) == misses


@pytest.mark.parametrize(
    ("rate", "told_share", "misses"), [(40_000, 1, 0), (39_000, 1, 1), (50_000, 0.9999, 1)]
)
def test_a_replay_tells_of_everything_and_fast(rate: float, told_share: float, misses: int) -> None:
    """Its rate is the one without the test-runs."""
    figures: replay_rate.Figures = {
        "rate": 1.0,
        "rate_without_test_runs": rate,
        "told_share": told_share,
    }
    assert len(replay_rate.shortfalls({"shipper": figures})) == misses

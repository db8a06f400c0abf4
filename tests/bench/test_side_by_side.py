"""The arithmetic of `make bench`, and one short load of each kind of part but the broker."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.aims import shortfalls
from bench.figures import Load, cells, from_buckets, quantile
from bench.load import Outcome
from shipper.capture.cgroups import find_root

_TESTS = Path(__file__).parents[1]

_LOAD = Load(
    watcher="shipper",
    body=200,
    rate=5000,
    sent_rate=5000.0,
    cores=0.1,
    served=10_000,
    told=10_000,
    partial=0,
    repeated=0,
    cpu_s=0.2,
    load_cpu_s=0.5,
    broker_cpu_s=0.1,
    memory_peak=50_000_000,
    memory_end=50_000_000,
    p50_ms=0.1,
    p99_ms=1.0,
    kernel_s=0.03,
    start_s=2.0,
    acknowledged_p50_ms=20.0,
    acknowledged_p99_ms=80.0,
)


def _like(watcher: str, **figures: object) -> Load:
    return dataclasses.replace(_LOAD, watcher=watcher, **figures)  # type: ignore[arg-type]


def test_cost_is_for_a_thousand_exchanges_that_were_told_of() -> None:
    """Who tells half of it has twice the cost of each; the kernel's time is for what passed it."""
    half = _like("httpry", told=5_000)
    assert _LOAD.cpu_ms == pytest.approx(20.0)
    assert half.cpu_ms == pytest.approx(40.0)
    assert (half.lost, half.told_share) == (5_000, 0.5)
    assert half.kernel_ms == pytest.approx(3.0)
    assert _like("nobody", told=None).cpu_ms is None


def test_ratios_are_made_within_a_round() -> None:
    """A round on a machine of half the speed changes the medians and no ratio."""
    loads = [
        _like(watcher, cpu_s=cpu * slow, load_cpu_s=load * slow)
        for slow in (1, 2, 1)
        for watcher, cpu, load in (("nobody", 0.0, 0.4), ("shipper", 0.2, 0.5), ("tshark", 3.0, 1))
    ]
    nobody, ours, tshark = cells(loads)
    assert (ours["cpu_ratio"], tshark["cpu_ratio"]) == (1.0, 15.0)
    assert (ours["load_ratio"], tshark["load_ratio"]) == (1.25, 2.5)
    assert (ours["cpu_ms"], ours["served"]) == (20.0, 30_000)
    assert nobody["load_ratio"] == 1.0


def test_quantiles() -> None:
    """Nearest rank of values; straight lines between the bounds of a histogram."""
    assert quantile(range(1, 101), 0.5) == 50
    assert quantile(range(1, 101), 0.99) == 99
    assert quantile([7.0], 0.99) == 7.0
    assert quantile([], 0.5) is None
    buckets = {10.0: 0.0, 25.0: 50.0, 50.0: 90.0, float("inf"): 100.0}
    assert from_buckets(buckets, 0.25) == 17.5
    assert from_buckets(buckets, 0.9) == 50.0
    assert from_buckets(buckets, 0.99) == 50.0
    assert from_buckets({10.0: 0.0, float("inf"): 0.0}, 0.5) is None


@pytest.mark.parametrize(
    "change",
    [
        {"told": 9_999, "counted_lost": 1},
        {"cores": 1.0, "told": 9_000, "counted_lost": 999},
        {"partial": 1},
        {"repeated": 1},
        {"cpu_s": 0.26},
        {"body": 100_000, "cpu_s": 0.31},
        {"memory_peak": 61_000_000},
        {"start_s": 2.6},
        {"acknowledged_p50_ms": 26.0},
        {"acknowledged_p99_ms": 101.0},
    ],
    ids=str,
)
def test_what_misses_an_aim_falls_short(change: dict[str, object]) -> None:
    """One that differs is named; none is where all is well, whatever others do."""
    assert shortfalls(cells([_LOAD, _like("tshark", told=3, cpu_s=30.0)])) == []
    assert len(shortfalls(cells([_like("shipper", **change)]))) == 1


def test_who_spends_a_whole_core_may_lose_what_it_counts() -> None:
    """Beyond that the machine is too small for the traffic."""
    assert shortfalls(cells([_like("shipper", cores=0.97, told=9_000, counted_lost=1_000)])) == []


def test_what_became_of_a_load() -> None:
    """The line of wrk is read, whatever stands around it."""
    line = (
        '{"sent": 500, "answered": 498, "seconds": 0.25, "failed": 2, "p50_us": 90, "p99_us": 800}'
    )
    outcome = Outcome.read(f"Running 10m test\n\n{line}\nRequests/sec: 1\n")
    assert (outcome.rate, outcome.failed) == (2000.0, 2)


@pytest.mark.usefixtures("root")
def test_the_command_in_its_shortest_form() -> None:
    """The server writes down exactly what was demanded, each once, and tshark tells of it."""
    words = [
        "--seconds",
        "0.5",
        "--rates",
        "400",
        "--bodies",
        "200",
        "--sizes",
        "",
        "--rounds",
        "1",
    ]
    running = subprocess.Popen(
        [sys.executable, "-m", "bench.side_by_side", *words, "--watchers", "nobody", "tshark"],
        cwd=_TESTS,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    printed, progress = running.communicate(timeout=120)
    assert running.returncode == 0, printed + progress
    line = json.loads(printed.splitlines()[-1])
    nobody, tshark = line["cells"]
    assert (nobody["served"], nobody["told"], nobody["memory_peak"]) == (200, None, None)
    # On a busy machine packets overtake each other, and tshark misses a request now and then.
    assert (tshark["served"], tshark["told"] + tshark["lost"]) == (200, 200)
    assert tshark["told"] > 150
    assert tshark["cpu_ms"] > 0
    assert tshark["memory_peak"] > 1_000_000
    assert tshark["start_s"] > 0
    assert tshark["load_ms"] > 0
    assert line["machine"]["cores"] > 0
    assert "stored as build/bench/bench.json" in printed
    assert not list(find_root().path.glob(f"*-{running.pid}"))

"""What is published of the benchmarks is what is stored of them."""

from pathlib import Path

import pytest

from bench.figures import Load, cells
from bench.published import PAGES, TABLES, filled, parts, plotted, results


def _load(watcher: str, rate: int, body: int, cpu_s: float, told: int) -> Load:
    return Load(
        watcher=watcher,
        body=body,
        rate=rate,
        sent_rate=float(rate),
        cores=0.1,
        served=1_000,
        told=told,
        partial=0,
        repeated=0,
        cpu_s=cpu_s,
        load_cpu_s=0.1,
        broker_cpu_s=0.1,
        memory_peak=None,
        memory_end=None,
        p50_ms=0.1,
        p99_ms=1.0,
    )


_CELLS = cells(
    [
        _load("shipper", 2000, 200, 0.02, 1_000),
        _load("tshark", 2000, 200, 0.1, 1_000),
        _load("shipper", 5000, 200, 0.03, 1_000),
        _load("tshark", 5000, 200, 0.1, 500),
        _load("shipper", 2000, 100_000, 0.04, 1_000),
    ]
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_shows_what_is_stored(page: Path) -> None:
    """`make chart-bench` is due when this fails."""
    text = page.read_text()
    assert filled(text, parts(results())) == text


def test_every_part_has_its_place() -> None:
    """Each mark stands on one page, once."""
    text = "".join(page.read_text() for page in PAGES)
    marks = parts({})
    assert marks.keys() > TABLES.keys()
    assert [mark for mark in marks if text.count(f"<!-- {mark} -->\n") != 1] == []


def test_tables_stand_between_their_marks() -> None:
    """Ratios first; the rest of the page stays."""
    where = {
        "when": "now",
        "cores": 2,
        "cpu": "some",
        "virtual": True,
        "memory_gb": 1.0,
        "kernel": "6.18",
        "system": "Debian",
        "python": "3.11",
        "load_before": 0.1,
        "versions": {"nginx": "1"},
    }
    made = parts({"bench": {"machine": where, "cells": _CELLS}})
    page = filled("before\n<!-- bench -->\nstale\n<!-- /bench -->\nafter\n", made)
    assert page.startswith("before\n<!-- bench -->\nBeside the agent")
    assert page.endswith("nginx 1.\n<!-- /bench -->\nafter\n")
    assert "stale" not in page
    assert "| 200 B | 5,000 | tshark | 6.67 x | 50.00 % |" in page
    assert page.index("CPU, to ours") < page.index("| 200 B | 2,000 | shipper | 20.0 |")
    assert made["bench-readme"].startswith("![")
    assert parts({})["bench-readme"] == ""


def test_the_chart_is_of_one_body_by_rate_and_of_one_rate_by_body() -> None:
    """A block of lines a watcher: where, ms of CPU, share told of; nan where there is none."""
    given = plotted(_CELLS)
    by_rate, by_size = (
        given.partition(f"${name} << EOD\n")[2].partition("\nEOD\n")[0].split("\n\n\n")
        for name in ("by_rate", "by_size")
    )
    nothing = "nan nan nan"
    tshark = "2000 100.0 1.0\n5000 200.0 0.5"
    assert by_rate == ["2000 20.0 1.0\n5000 30.0 1.0", nothing, nothing, tshark]
    assert by_size == ["200 20.0 1.0\n100000 40.0 1.0", nothing, nothing, "200 100.0 1.0"]
    assert given.startswith("body = 200\nrate = 2000\n")

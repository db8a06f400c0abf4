"""Every query of every panel, asked of the real stores: the numbers are those of the records."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from consumers.contracts import LEDGER, Json, golden, key
from consumers.installed import install
from detections.cases import cases
from stores.artefacts import ELASTICSEARCH, OPENSEARCH
from stores.store import Store

from .asked import ALWAYS, Rows, of_target, of_visualization, rows, state
from .description import DASHBOARDS, Dashboard, Groups, Panel, dashboards
from .reckoned import fits, groups

_STREAMS = {
    "exchanges": "logs-http.header-shown",
    "ledger": "metrics-http.header.ledger-shown",
}


def known() -> dict[str, list[Json]]:
    """Dashboard -> the records that its panels are asked about."""
    return {"exchanges": [case.record for case in cases()], "ledger": golden(LEDGER)}


@pytest.fixture(scope="module", params=[OPENSEARCH, ELASTICSEARCH], ids=lambda d: str(d.name))
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """One store with records and accounts."""
    with Store(request.param) as running:
        install(running)
        for name, stream in _STREAMS.items():
            made = running.create(stream, ((key(record), record) for record in known()[name]))
            assert set(made) == {201}
            running.search(stream, {"size": 0})
        yield running


def test_saved_objects(store: Store) -> None:
    """OpenSearch Dashboards' and Kibana's."""
    for dashboard in dashboards():
        lines = (DASHBOARDS / "saved_objects" / f"{dashboard.name}.ndjson").read_text("utf-8")
        saved = [
            one for one in map(json.loads, lines.splitlines()) if one["type"] == "visualization"
        ]
        for panel, one in zip(dashboard.panels, saved, strict=True):
            visual, source = state(one)
            metrics = [each for each in visual["aggs"] if each["schema"] == "metric"]
            names = [each["id"] for each in visual["aggs"] if each["schema"] != "metric"]
            body = of_visualization(visual, source)
            check(store, dashboard, panel, list(panel.by), (body, names, metrics))


def test_grafana(store: Store) -> None:
    """Grafana's, of the source of this store."""
    for dashboard in dashboards():
        name = f"{dashboard.name}-{store.distribution.name}.json"
        file = json.loads((DASHBOARDS / "grafana" / name).read_text("utf-8"))
        for panel, one in zip(dashboard.panels, file["panels"], strict=True):
            (target,) = one["targets"]
            by = sorted(panel.by, key=lambda each: each.kind == "time")
            by = by or [Groups("queries", queries=(("*", "*"),))]
            names = [each["id"] for each in target["bucketAggs"]]
            check(store, dashboard, panel, by, (of_target(target), names, target["metrics"]))


def check(
    store: Store,
    dashboard: Dashboard,
    panel: Panel,
    by: list[Groups],
    asked: tuple[Json, list[str], list[Json]],
) -> None:
    """What the store says is what the records give, also where every record is asked for."""
    body, names, metrics = asked
    expected = groups(panel, by, known()[dashboard.name])
    where = f"{dashboard.name}: {panel.title}"
    assert expected, f"{where}: no record is of its kind"
    for query in [body["query"], *([ALWAYS] if panel.query == "*" else [])]:
        answer = store.search(_STREAMS[dashboard.name], body | {"query": query})
        part = {**answer.get("aggregations", {}), "doc_count": answer["hits"]["total"]["value"]}
        compare(panel, expected, rows(names, part, metrics), where)


def compare(
    panel: Panel, expected: dict[tuple[str, ...], list[Json]], shown: Rows, where: str
) -> None:
    """Each group's numbers; groups may be missing only beyond a limit."""
    empty = {name for name in shown if name not in expected}
    assert all(_says_nothing(shown[name]) for name in empty), where
    limited = any(one.kind == "field" and len(expected) > one.top for one in panel.by)
    assert limited or set(expected) <= set(shown), where
    for name in set(expected) & set(shown):
        _compare(panel, expected[name], shown[name], f"{where}: {name}")
    if limited:
        _highest(panel, expected, shown, where)


def _says_nothing(row: list[float | None]) -> bool:
    return not any(row)


def _compare(panel: Panel, records: list[Json], row: list[float | None], where: str) -> None:
    at = 0
    for metric in panel.metrics:
        width = len(metric.percents) or 1
        values = row[at : at + width]
        assert fits(metric, records, values), f"{where}: {metric.label} is not {values}"
        at += width
    assert at == len(row), where


def _highest(
    panel: Panel, expected: dict[Any, list[Json]], shown: dict[Any, Any], where: str
) -> None:
    """Of those beyond the limit the most frequent are shown, or the highest by the first metric."""
    (one,) = (each for each in panel.by if each.kind == "field")
    if one.order == 1 and panel.metrics[0].kind == "count" and len(panel.by) == 1:
        counts = sorted(map(len, expected.values()), reverse=True)
        assert sorted((int(row[0]) for row in shown.values()), reverse=True) == counts[: one.top], (
            where
        )
    first = [row[0] for row in shown.values() if row[0] is not None]
    if len(panel.by) == 1:
        assert first == sorted(first, reverse=True), where

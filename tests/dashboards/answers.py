"""A panel and a store in; what is wrong with the answers to its queries out, by the records.

Asked are the queries of the shipped files: OpenSearch Dashboards' and Kibana's, and Grafana's.
"""

import json
from dataclasses import dataclass
from typing import Any

from consumers.contracts import Json
from stores.store import Store

from .asked import Rows, of_target, of_visualization, rows, state
from .description import DASHBOARDS, Groups, Panel, dashboards
from .reckoned import fits, groups


@dataclass(frozen=True)
class Shown:
    """The records that lie in a data stream, and the time in which all of them are."""

    stream: str
    records: list[Json]
    time: Json


def saved_objects(store: Store, shown: dict[str, Shown]) -> list[str]:
    """Hold OpenSearch Dashboards' and Kibana's answers against the records.

    Panels of whose kind there is no record, and which have to be empty.
    """
    empty = []
    for dashboard in dashboards():
        lines = (DASHBOARDS / "saved_objects" / f"{dashboard.name}.ndjson").read_text("utf-8")
        saved = [
            one for one in map(json.loads, lines.splitlines()) if one["type"] == "visualization"
        ]
        for panel, one in zip(dashboard.panels, saved, strict=True):
            visual, source = state(one)
            metrics = [each for each in visual["aggs"] if each["schema"] == "metric"]
            names = [each["id"] for each in visual["aggs"] if each["schema"] != "metric"]
            body = of_visualization(visual, source, shown[dashboard.name].time)
            asked = body, names, metrics
            if not _held(store, shown[dashboard.name], panel, list(panel.by), asked):
                empty.append(panel.title)
    return empty


def grafana(store: Store, shown: dict[str, Shown]) -> list[str]:
    """The same of Grafana's, of the source of this store."""
    empty = []
    for dashboard in dashboards():
        name = f"{dashboard.name}-{store.distribution.name}.json"
        file = json.loads((DASHBOARDS / "grafana" / name).read_text("utf-8"))
        for panel, one in zip(dashboard.panels, file["panels"], strict=True):
            (target,) = one["targets"]
            by = sorted(panel.by, key=lambda each: each.kind == "time")
            by = by or [Groups("queries", queries=(("*", "*"),))]
            names = [each["id"] for each in target["bucketAggs"]]
            body = of_target(target, shown[dashboard.name].time)
            asked = body, names, target["metrics"]
            if not _held(store, shown[dashboard.name], panel, by, asked):
                empty.append(panel.title)
    return empty


def _held(
    store: Store,
    shown: Shown,
    panel: Panel,
    by: list[Groups],
    asked: tuple[Json, list[str], list[Json]],
) -> bool:
    """Whether the panel shows anything; it is what the records give.

    Where every record is asked for, also without a query: the stores work that out another way.
    """
    body, names, metrics = asked
    expected = groups(panel, by, shown.records)
    for query in [body["query"], *([shown.time] if panel.query == "*" else [])]:
        answer = store.search(shown.stream, body | {"query": query})
        part = {**answer.get("aggregations", {}), "doc_count": answer["hits"]["total"]["value"]}
        _compared(panel, expected, rows(names, part, metrics), panel.title)
    return bool(expected)


def _compared(
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

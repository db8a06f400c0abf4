"""Dashboards in; Grafana's JSON out, for its sources of OpenSearch, Elasticsearch and Prometheus.

Which source is asked is chosen above the panels, so nothing has to be replaced at import. Which
indices are looked at, Grafana's source knows: one source for each index pattern.
https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/
"""

from collections.abc import Iterator
from dataclasses import dataclass

from consumers.contracts import Json

from .description import Dashboard, Groups, Metric, Panel, agent
from .saved_objects import placed

_VERSION = 39  # of Grafana 10's model; later ones bring it up to date
_TYPES = {"unique": "cardinality", "average": "avg", "maximum": "max"}
_SHOWN = {
    "number": "stat",
    "lines": "timeseries",
    "bars": "timeseries",
    "table": "table",
    "pie": "piechart",
}
#: Columns of 24 and rows that a panel takes.
_SIZES = {"number": (6, 4), "table": (12, 9), "pie": (12, 8), "lines": (12, 8), "bars": (12, 8)}
_STAT_SIZE, _SERIES_SIZE = (8, 6), (12, 8)


@dataclass(frozen=True)
class Source:
    """What Grafana calls a kind of source, and what its queries say besides."""

    name: str
    kind: str
    query: tuple[tuple[str, str], ...] = ()


OPENSEARCH = Source(
    "opensearch",
    "grafana-opensearch-datasource",
    (("queryType", "lucene"), ("luceneQueryType", "Metric"), ("format", "table")),
)
ELASTICSEARCH = Source("elasticsearch", "elasticsearch")
PROMETHEUS = Source("prometheus", "prometheus")


def store_dashboard(dashboard: Dashboard, source: Source) -> Json:
    """One of records or accounts."""
    panels = []
    for number, (panel, place) in enumerate(placed(dashboard.panels, _SIZES, 24), 1):
        panels.append({"id": number, "gridPos": place, **_store_panel(panel, source)})
    about = f"An index pattern of {dashboard.index} belongs into the source."
    return _dashboard(
        f"{dashboard.name}-{source.name}",
        dashboard.title,
        f"{dashboard.description}. {about}",
        panels,
        [_chosen(source)],
    )


def agent_dashboard() -> Json:
    """The one of the agents' metrics."""
    said = agent()
    panels, x, y, height = [], 0, 0, 0
    for number, one in enumerate(said["panels"], 1):
        shown = one.get("show", "timeseries")
        width, tall = _STAT_SIZE if shown == "stat" else _SERIES_SIZE
        if x + width > 24:
            x, y, height = 0, y + height, 0
        place = {"x": x, "y": y, "w": width, "h": tall}
        frame = {"id": number, "gridPos": place, "targets": list(_expressions(one["shows"]))}
        panels.append(frame | _frame(one["title"], shown, PROMETHEUS, one["unit"]))
        x, height = x + width, max(height, tall)
    instances: Json = {
        "name": "instance",
        "label": "Agent",
        "type": "query",
        "refresh": 2,
        "includeAll": True,
        "multi": True,
        "allValue": ".*",
        "datasource": _asked(PROMETHEUS),
        "current": {"text": "All", "value": "$__all"},
        "query": {"query": "label_values(shipper_build_info, instance)", "refId": "instances"},
    }
    variables = [_chosen(PROMETHEUS), instances]
    return _dashboard("agents", said["title"], said["description"], panels, variables)


def _dashboard(
    name: str, title: str, description: str, panels: list[Json], variables: list[Json]
) -> Json:
    return {
        "uid": f"shipper-{name}",
        "title": title,
        "description": description,
        "tags": ["shipper"],
        "schemaVersion": _VERSION,
        "version": 1,
        "editable": True,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "templating": {"list": variables},
        "annotations": {"list": []},
        "panels": panels,
    }


def _chosen(source: Source) -> Json:
    return {"name": "source", "label": "Source", "type": "datasource", "query": source.kind}


def _asked(source: Source) -> Json:
    return {"type": source.kind, "uid": "${source}"}


def _frame(title: str, kind: str, source: Source, unit: str) -> Json:
    return {
        "title": title,
        "type": kind,
        "datasource": _asked(source),
        "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
        "options": {},
    }


def _store_panel(panel: Panel, source: Source) -> Json:
    kind = _SHOWN[panel.show]
    # In a table each column has a unit of its own.
    unit = "none" if panel.show == "table" else panel.unit
    frame = _frame(panel.title, kind, source, unit)
    if panel.show == "table" and panel.unit != "none":
        fields = {
            metric.field for metric in panel.metrics if metric.kind in {"average", "percentiles"}
        }
        frame["fieldConfig"]["overrides"] = [
            _unit_of(field, panel.unit) for field in sorted(fields)
        ]
    if panel.show == "bars":
        custom = {"drawStyle": "bars", "fillOpacity": 80, "stacking": {"mode": "normal"}}
        frame["fieldConfig"]["defaults"]["custom"] = custom
    if panel.show in {"number", "pie"}:
        # One row a group, each a value of its own.
        frame["options"] = {"reduceOptions": {"calcs": ["lastNotNull"], "values": True}}
    frame["targets"] = [_target(panel, source)]
    return frame


def _unit_of(field: str, unit: str) -> Json:
    matcher = {"id": "byRegexp", "options": f".*{field.replace('.', '[.]')}.*"}
    return {"matcher": matcher, "properties": [{"id": "unit", "value": unit}]}


def _target(panel: Panel, source: Source) -> Json:
    metrics = [_metric(number, one) for number, one in enumerate(panel.metrics, 1)]
    # Grafana makes lines of what is grouped by time at last, and one row of nothing but a query.
    groups = sorted(panel.by, key=lambda one: one.kind == "time")
    groups = groups or [Groups("queries", queries=(("", "*"),))]
    buckets = [_bucket(number, one, panel) for number, one in enumerate(groups, len(metrics) + 1)]
    query = {"refId": "A", "query": panel.query, "timeField": "@timestamp", "alias": ""}
    asked = {"datasource": _asked(source), "metrics": metrics, "bucketAggs": buckets}
    return {**query, **asked, **dict(source.query)}


def _metric(number: int, metric: Metric) -> Json:
    made: Json = {"id": str(number), "type": _TYPES.get(metric.kind, metric.kind)}
    if metric.field:
        made["field"] = metric.field
    if metric.percents:
        made["settings"] = {"percents": [str(one) for one in metric.percents]}
    return made


def _bucket(number: int, groups: Groups, panel: Panel) -> Json:
    made: Json = {"id": str(number)}
    if groups.kind == "time":
        settings = {"interval": "auto", "min_doc_count": "0", "trimEdges": "0"}
        return made | {"type": "date_histogram", "field": groups.field, "settings": settings}
    if groups.kind == "queries":
        filters = [{"query": query, "label": label} for label, query in groups.queries]
        return made | {"type": "filters", "settings": {"filters": filters}}
    ordering = panel.metrics[groups.order - 1]
    by = "_count" if ordering.kind == "count" else str(groups.order)
    limits = {"size": str(groups.top), "order": "desc", "orderBy": by, "min_doc_count": "1"}
    return made | {"type": "terms", "field": groups.field, "settings": limits}


def _expressions(shows: dict[str, str]) -> Iterator[Json]:
    for number, (label, expression) in enumerate(shows.items()):
        yield {
            "refId": chr(ord("A") + number),
            "datasource": _asked(PROMETHEUS),
            "expr": expression,
            "legendFormat": label,
        }

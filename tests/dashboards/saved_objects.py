"""Dashboards in; saved objects of OpenSearch Dashboards and Kibana out, one line of JSON each.

They are the objects that both still read: index patterns, aggregation-based visualizations and
dashboards in the form of 7.10, which is where the two parted; Kibana brings them up to date when it
imports them. Ids stay the same, so a second import replaces the first.
"""

import json
import uuid
from collections.abc import Iterator

from consumers.contracts import Json

from .description import Dashboard, Groups, Metric, Panel

_NAMESPACE = uuid.UUID("b8b1a0f8-6f5e-4a0c-8d8e-2f2f6d2b6a11")
_TYPES = {"unique": "cardinality", "average": "avg", "maximum": "max"}
_SHOWN = {"number": "metric", "lines": "line", "bars": "histogram", "table": "table", "pie": "pie"}
#: Columns of 48 and rows that a panel takes.
_SIZES = {
    "number": (12, 6),
    "table": (24, 14),
    "pie": (24, 12),
    "lines": (24, 12),
    "bars": (24, 12),
}
_MIGRATED = {"index-pattern": "7.6.0", "visualization": "7.10.0", "dashboard": "7.9.3"}
_DURATIONS = ("event.duration", "shipper.time_to_first_byte")


def saved_objects(dashboard: Dashboard) -> list[Json]:
    """The index pattern, every panel, and the dashboard that refers to them."""
    return [
        _index_pattern(dashboard),
        *(_visualization(dashboard, panel) for panel in dashboard.panels),
        _dashboard(dashboard),
    ]


def _id(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


def _object(kind: str, name: str, attributes: Json, references: list[Json]) -> Json:
    return {
        "id": name,
        "type": kind,
        "attributes": attributes,
        "references": references,
        "migrationVersion": {kind: _MIGRATED[kind]},
    }


def _index_pattern(dashboard: Dashboard) -> Json:
    nanoseconds = {"inputFormat": "nanoseconds", "outputFormat": "asMilliseconds"}
    formats = {
        name: {"id": "duration", "params": {**nanoseconds, "outputPrecision": 1}}
        for name in _DURATIONS
    }
    attributes = {
        "title": dashboard.index,
        "timeFieldName": "@timestamp",
        "fieldFormatMap": json.dumps(formats),
    }
    return _object("index-pattern", _id("index", dashboard.index), attributes, [])


def _visualization(dashboard: Dashboard, panel: Panel) -> Json:
    source = {
        "query": {"query": panel.query, "language": "lucene"},
        "filter": [],
        "indexRefName": "kibanaSavedObjectMeta.searchSourceJSON.index",
    }
    attributes = {
        "title": f"{dashboard.title}: {panel.title}",
        "visState": json.dumps(_state(panel)),
        "uiStateJSON": "{}",
        "description": "",
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    reference = {
        "name": source["indexRefName"],
        "type": "index-pattern",
        "id": _id("index", dashboard.index),
    }
    return _object("visualization", _id(dashboard.name, panel.title), attributes, [reference])


def _state(panel: Panel) -> Json:
    kind = _SHOWN[panel.show]
    aggregations = [
        *(_metric(number, one) for number, one in enumerate(panel.metrics, 1)),
        *(
            _bucket(number, one, panel)
            for number, one in enumerate(panel.by, len(panel.metrics) + 1)
        ),
    ]
    return {
        "title": panel.title,
        "type": kind,
        "aggs": aggregations,
        "params": _params(kind, panel),
    }


def _metric(number: int, metric: Metric) -> Json:
    params: Json = {}
    if metric.kind != "count":
        params = {"field": metric.field, "customLabel": metric.label}
    if metric.percents:
        params |= {"percents": list(metric.percents)}
    kind = _TYPES.get(metric.kind, metric.kind)
    return {"id": str(number), "enabled": True, "type": kind, "schema": "metric", "params": params}


def _bucket(number: int, groups: Groups, panel: Panel) -> Json:
    if groups.kind == "time":
        kind = "date_histogram"
        params: Json = {"field": groups.field, "interval": "auto", "min_doc_count": 1}
    elif groups.kind == "queries":
        kind = "filters"
        filters = [
            {"label": label, "input": {"query": query, "language": "lucene"}}
            for label, query in groups.queries
        ]
        params = {"filters": filters}
    else:
        kind, params = "terms", _terms(groups)
    return {
        "id": str(number),
        "enabled": True,
        "type": kind,
        "schema": _schema(groups, panel),
        "params": params,
    }


def _terms(groups: Groups) -> Json:
    ordered = {"orderBy": str(groups.order), "order": "desc", "size": groups.top}
    return {"field": groups.field, **ordered, "otherBucket": False, "missingBucket": False}


def _schema(groups: Groups, panel: Panel) -> str:
    if panel.show == "table":
        return "bucket"
    return "segment" if groups is panel.by[0] else "group"


def _params(kind: str, panel: Panel) -> Json:
    if kind == "table":
        return {"perPage": 10, "showPartialRows": False, "showTotal": False}
    if kind == "pie":
        return {"type": "pie", "addTooltip": True, "addLegend": True, "isDonut": True}
    if kind == "metric":
        style = {"bgColor": False, "labelColor": False, "fontSize": 40}
        return {"addTooltip": True, "metric": {"style": style, "labels": {"show": True}}}
    return _chart(kind, panel)


def _chart(kind: str, panel: Panel) -> Json:
    mode = "stacked" if panel.show == "bars" else "normal"
    series = [
        {
            "data": {"id": str(number), "label": metric.label},
            "type": kind,
            "mode": mode,
            "show": True,
            "showCircles": False,
            "drawLinesBetweenPoints": True,
            "valueAxis": "ValueAxis-1",
        }
        for number, metric in enumerate(panel.metrics, 1)
    ]
    below = {"id": "CategoryAxis-1", "type": "category", "position": "bottom", "show": True}
    left = {"id": "ValueAxis-1", "name": "LeftAxis-1", "type": "value", "position": "left"}
    return {
        "type": kind,
        "addTooltip": True,
        "addLegend": True,
        "legendPosition": "right",
        "grid": {"categoryLines": False},
        "categoryAxes": [{**below, "scale": {"type": "linear"}, "labels": {"show": True}}],
        "valueAxes": [
            {**left, "show": True, "scale": {"type": "linear", "mode": "normal"}, "labels": {}}
        ],
        "seriesParams": series,
    }


def _dashboard(dashboard: Dashboard) -> Json:
    panels, references = [], []
    for number, (panel, place) in enumerate(placed(dashboard.panels, _SIZES, 48)):
        name = f"panel_{number}"
        shown = {"panelIndex": str(number), "panelRefName": name, "version": "7.10.0"}
        panels.append({**shown, "gridData": {**place, "i": str(number)}, "embeddableConfig": {}})
        about = _id(dashboard.name, panel.title)
        references.append({"name": name, "type": "visualization", "id": about})
    source = {"query": {"query": "", "language": "lucene"}, "filter": []}
    attributes = {
        "title": dashboard.title,
        "description": dashboard.description,
        "hits": 0,
        "panelsJSON": json.dumps(panels),
        "optionsJSON": json.dumps({"hidePanelTitles": False, "useMargins": True}),
        "timeRestore": True,
        "timeFrom": "now-1h",
        "timeTo": "now",
        "version": 1,
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
    }
    return _object("dashboard", _id(dashboard.name), attributes, references)


def placed(
    panels: tuple[Panel, ...], sizes: dict[str, tuple[int, int]], columns: int
) -> Iterator[tuple[Panel, Json]]:
    """Each panel with its place: from left to right, a new row where one is full."""
    x = y = height = 0
    for panel in panels:
        width, tall = sizes[panel.show]
        if x + width > columns:
            x, y, height = 0, y + height, 0
        yield panel, {"x": x, "y": y, "w": width, "h": tall}
        x, height = x + width, max(height, tall)

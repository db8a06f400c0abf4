"""A panel of a file in; the search that its program sends out, and the answer as plain rows.

The programs are on no registry that is reached here. What they make of a panel is played: as
OpenSearch Dashboards' and Kibana's agg configs do (`src/plugins/data/common/search/aggs`), and as
the query builder of Grafana's two sources does (`QueryBuilder.ts`). Everything that the files don't
use is an error.
"""

import json
from collections.abc import Iterator
from typing import Any

from consumers.contracts import Json

#: What "auto" becomes for the hours of the test.
INTERVAL = "1m"
_METRICS = {"count", "cardinality", "avg", "max", "sum", "percentiles"}
#: Key of the groups, then a value for each metric (percentiles: one for each percent).
Rows = dict[tuple[str, ...], list[float | None]]


def of_visualization(visualization: Json, source: Json, time: Json) -> Json:
    """The search of a visualization: its state, its search source, and the time looked at."""
    metrics = [one for one in visualization["aggs"] if one["schema"] == "metric"]
    buckets = [one for one in visualization["aggs"] if one["schema"] != "metric"]
    assert source["query"]["language"] == "lucene"
    inner = {one["id"]: _visual_metric(one) for one in metrics if one["type"] != "count"}
    counts = {one["id"] for one in metrics if one["type"] == "count"}
    for one in reversed(buckets):
        inner = {one["id"]: _visual_bucket(one, counts, inner)}
    return _search(source["query"]["query"], inner, time)


def of_target(target: Json, time: Json) -> Json:
    """The search of a target of Grafana, and the time looked at."""
    metrics = {one["id"]: one for one in target["metrics"]}
    inner = {name: _metric(one) for name, one in metrics.items() if one["type"] != "count"}
    for one in reversed(target["bucketAggs"]):
        inner = {one["id"]: _grafana_bucket(one, metrics, inner)}
    return _search(target["query"], inner, time)


def rows(names: list[str], answer: Json, metrics: list[Json]) -> Rows:
    """`names`: the ids of the groups, outermost first; `metrics`: id and type, in order."""
    return dict(_rows(names, answer, metrics, ()))


def _search(query: str, inner: Json, time: Json) -> Json:
    asked = {"query_string": {"query": query, "analyze_wildcard": True}}
    found = {"bool": {"filter": [time, asked]}}
    return {"size": 0, "track_total_hits": True, "query": found, "aggs": inner}


def _visual_metric(one: Json) -> Json:
    made = {"type": one["type"], "field": one["params"]["field"]}
    if one["type"] == "percentiles":
        made["settings"] = {"percents": one["params"]["percents"]}
    return _metric(made)


def _metric(one: Json) -> Json:
    assert one["type"] in _METRICS
    made: Json = {"field": one["field"]}
    if one["type"] == "percentiles":
        made["percents"] = [float(percent) for percent in one["settings"]["percents"]]
    return {one["type"]: made}


def _visual_bucket(one: Json, counts: set[str], inner: Json) -> Json:
    said = one["params"]
    if one["type"] == "date_histogram":
        assert said["interval"] == "auto"
        return _by_time(said["field"], inner)
    if one["type"] == "filters":
        queries = {each["label"]: each["input"]["query"] for each in said["filters"]}
        return _by_queries(queries, inner)
    assert one["type"] == "terms"
    assert not said["otherBucket"]
    assert not said["missingBucket"]
    order = "_count" if said["orderBy"] in counts else said["orderBy"]
    made = {"field": said["field"], "size": said["size"], "order": {order: said["order"]}}
    return {"terms": made, "aggs": inner}


def _grafana_bucket(one: Json, metrics: Json, inner: Json) -> Json:
    said = one["settings"]
    if one["type"] == "date_histogram":
        assert said["interval"] == "auto"
        return _by_time(one["field"], inner)
    if one["type"] == "filters":
        queries = {each["label"] or each["query"]: each["query"] for each in said["filters"]}
        return _by_queries(queries, inner)
    assert one["type"] == "terms"
    order = said["orderBy"]
    made = {"field": one["field"], "size": int(said["size"]), "order": {order: said["order"]}}
    if order != "_count":
        inner = {**inner, order: _metric(metrics[order])}
    return {"terms": made, "aggs": inner}


def _by_time(field: str, inner: Json) -> Json:
    made = {"field": field, "fixed_interval": INTERVAL, "min_doc_count": 1}
    return {"date_histogram": made, "aggs": inner}


def _by_queries(queries: dict[str, str], inner: Json) -> Json:
    filters = {
        label: {"query_string": {"query": query, "analyze_wildcard": True}}
        for label, query in queries.items()
    }
    return {"filters": {"filters": filters}, "aggs": inner}


def _rows(
    names: list[str], part: Json, metrics: list[Json], keys: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], list[float | None]]]:
    if not names:
        yield keys, [value for one in metrics for value in _values(one, part)]
        return
    buckets = part[names[0]]["buckets"]
    pairs = buckets.items() if isinstance(buckets, dict) else ((b["key"], b) for b in buckets)
    for key, bucket in pairs:
        yield from _rows(names[1:], bucket, metrics, (*keys, str(key)))


def _values(metric: Json, part: Json) -> list[Any]:
    if metric["type"] == "count":
        return [part["doc_count"]]
    answer = part[metric["id"]]
    return list(answer["values"].values()) if "values" in answer else [answer["value"]]


def state(saved: Json) -> tuple[Json, Json]:
    """State and search source of a saved visualization."""
    about = saved["attributes"]
    visual: Json = json.loads(about["visState"])
    source: Json = json.loads(about["kibanaSavedObjectMeta"]["searchSourceJSON"])
    return visual, source

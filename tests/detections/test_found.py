"""The converted rules in the real OpenSearch and Elasticsearch: each finds its records alone.

Read back from the files that are checked in, as an operator installs them. The vendors publish
neither the alerting plugin nor the detection engine where tests could fetch them: a monitor's
search is sent as the plugin sends it (its template filled in and its trigger run by OpenSearch
itself), a rule's query as the engine sends it.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from consumers.contracts import ROOT, Json, key
from consumers.installed import install
from stores.artefacts import ELASTICSEARCH, OPENSEARCH
from stores.store import Store

from .bursts import FOUND, bursts
from .cases import cases
from .generate import ELASTIC
from .plugin import groups_beyond, monitor, rendered, triggered
from .ruleset import correlations, rules
from .traffic import BEGIN, MS, SECOND, records

CASES, BURSTS = "logs-http.header-cases", "logs-http.header-bursts"
#: The end of the ten minutes that `bursts` fills.
_END_MS = (BEGIN + 600 * SECOND) // MS


@pytest.fixture(scope="module")
def opensearch() -> Iterator[Store]:
    """OpenSearch with the cases."""
    with Store(OPENSEARCH) as running:
        _fill(running)
        yield running


@pytest.fixture(scope="module")
def elasticsearch() -> Iterator[Store]:
    """Elasticsearch with the cases."""
    with Store(ELASTICSEARCH) as running:
        _fill(running)
        yield running


def _fill(store: Store) -> None:
    install(store)
    every = [(key(case.record), case.record) for case in cases()]
    assert set(store.create(CASES, every)) == {201}
    assert set(store.create(BURSTS, ((key(r), r) for r in records(bursts())))) == {201}
    for stream in (CASES, BURSTS):
        store.search(stream, {"size": 0})  # which makes what was written visible


def expected(name: str) -> list[str]:
    """How the cases were written down that the rule has to find."""
    return sorted(case.written for case in cases() if name in case.rules)


def found(store: Store, query: object) -> list[str]:
    """How the cases were written down that a query finds."""
    hits = store.search(CASES, {"size": 2000, "_source": False, "query": query})["hits"]["hits"]
    by_key = {key(case.record): case.written for case in cases()}
    return sorted(by_key[hit["_id"]] for hit in hits)


def elastic() -> dict[str, Json]:
    """Name of a rule -> its line for Elastic."""
    lines = map(json.loads, (ROOT / ELASTIC).read_text("utf-8").splitlines())
    ids = {str(rule.id): name for name, rule in rules().items()}
    ids |= {str(counting.id): name for name, (_, counting) in correlations().items()}
    return {ids[line["rule_id"]]: line for line in lines}


def test_monitors(opensearch: Store) -> None:
    """Each monitor's query finds exactly the records that its rule is to find."""
    wrong: dict[str, Any] = {}
    for name in rules():
        body = rendered(opensearch, monitor(name), _END_MS)
        (query,) = body["query"]["bool"]["must"]
        if (got := found(opensearch, query)) != expected(name):
            wrong[name] = {"expected": expected(name), "found": got}
    assert not wrong


def test_triggers(opensearch: Store) -> None:
    """A monitor's whole search looks at its own minutes only, and its trigger says so."""
    body = monitor("web_sql_injection")
    first = next(i for i, case in enumerate(cases()) if "web_sql_injection" in case.rules)
    (trigger,) = (each["query_level_trigger"] for each in body["triggers"])
    for minutes, is_there in ((0, False), (4, True), (60, False)):
        end = (BEGIN + (first * 1000 - 1 + minutes * 60_000) * MS) // MS
        result = opensearch.search(CASES, rendered(opensearch, body, end))
        assert triggered(opensearch, trigger["condition"]["script"], result) is is_there, minutes


def test_counting_monitors(opensearch: Store) -> None:
    """Each finds the one group beyond its threshold within its time span."""
    for name, group in FOUND.items():
        assert groups_beyond(opensearch, monitor(name), _END_MS, BURSTS) == [group], name


def test_elastic_rules(elasticsearch: Store) -> None:
    """Each rule's query finds exactly the records that it is to find."""
    wrong: dict[str, Any] = {}
    for name in rules():
        rule = elastic()[name]
        assert (rule["type"], rule["language"], rule["index"]) == (
            "query",
            "lucene",
            ["logs-http.header-*"],
        )
        query = {"query_string": {"query": rule["query"], "analyze_wildcard": True}}
        if (got := found(elasticsearch, query)) != expected(name):
            wrong[name] = {"expected": expected(name), "found": got}
    assert not wrong


def test_elastic_thresholds(elasticsearch: Store) -> None:
    """Each finds the one group beyond its threshold, grouped as the engine groups."""
    for name, group in FOUND.items():
        rule = elastic()[name]
        assert rule["type"] == "threshold"
        answer = elasticsearch.search(BURSTS, threshold_search(rule))["aggregations"]["groups"]
        beyond = [b["key"] for b in answer["buckets"] if is_beyond(rule["threshold"], b)]
        assert [list(each.values()) for each in beyond] == [[group]], name


def threshold_search(rule: Json) -> Json:
    """Counts of the threshold's groups, and of the different values in them."""
    limit = rule["threshold"]
    seconds = int(rule["from"].removeprefix("now-").removesuffix("s"))
    window = {"gt": _END_MS - seconds * 1000, "lte": _END_MS, "format": "epoch_millis"}
    inner = {
        one["field"]: {"cardinality": {"field": one["field"]}}
        for one in limit.get("cardinality", ())
    }
    sources = [{name: {"terms": {"field": name}}} for name in limit["field"]]
    groups = {"composite": {"size": 1000, "sources": sources}, "aggs": inner}
    asked = {"query_string": {"query": rule["query"], "analyze_wildcard": True}}
    filters = [asked, {"range": {"@timestamp": window}}]
    return {"size": 0, "query": {"bool": {"filter": filters}}, "aggs": {"groups": groups}}


def is_beyond(limit: Json, bucket: Json) -> bool:
    """The engine's comparison; the core for tests has no bucket_selector to make it."""
    return bucket["doc_count"] >= limit["value"] and all(
        bucket[one["field"]]["value"] >= one["value"] for one in limit.get("cardinality", ())
    )

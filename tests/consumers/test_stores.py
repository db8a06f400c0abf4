"""Golden records in the real OpenSearch and Elasticsearch, written as the sinks write them.

What their cores can't show, because the vendors publish them without plugins: Elasticsearch has
no `wildcard` type (`keyword` stands for it here), no ingest processors and no lifecycle;
OpenSearch has no lifecycle. `test_what_the_core_lacks` holds each core to exactly that.
"""

import copy
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from stores.artefacts import ELASTICSEARCH, OPENSEARCH
from stores.store import Store

from shipper.record import AvroForm
from shipper.record.schema import RECORDS

from .contracts import DEAD, LEDGER, ROOT, fields, golden, key, plain
from .ecs import ECS, OWN
from .installed import LACKS, install, query, shipped
from .templates import AVRO, STREAMS

#: Elasticsearch's core has data streams, but not the request that deletes one.
_FORMS = {contract.version: AvroForm(contract) for contract in RECORDS}
_NAMESPACES = (f"test{number}" for number in itertools.count())
Json = dict[str, Any]


@pytest.fixture(scope="module", params=[OPENSEARCH, ELASTICSEARCH], ids=lambda d: str(d.name))
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """One store with what config/ ships for it."""
    with Store(request.param) as running:
        install(running)
        yield running


@pytest.fixture(scope="module")
def captured(captures: Path, root: None) -> list[Json]:
    """The records of some capture files, as `shipper replay` writes them."""
    assert root is None  # only root may load the kernel program
    lines: list[str] = []
    for name in ("http-range-multiflows", "http-request-invalid"):
        done = subprocess.run(
            [sys.executable, "-m", "shipper", "replay", captures / f"{name}.pcap"],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        lines += done.stdout.splitlines()
    return [json.loads(line) for line in lines]


@pytest.fixture
def stream(store: Store) -> str:
    """A data stream of its own namespace, with the golden records and nothing else."""
    name = f"logs-http.header-{next(_NAMESPACES)}"
    records = golden()
    assert store.create(name, ((key(r), r) for r in records)) == [201] * len(records)
    return name


def test_what_the_core_lacks(store: Store) -> None:
    """The core refuses what `LACKS` names, for that reason, and takes everything else."""
    lacks = LACKS[store.distribution.name]
    for path, body in shipped(store).items():
        answer = store.ask("PUT", f"/{path}", body)
        if path in lacks:
            assert answer.status >= 400, path
            assert lacks[path] in str(answer.body)
        elif path.startswith("_component_template") and "lifecycle" in str(body):
            assert "unknown setting" in str(answer.body)
        else:
            assert answer.status == 200, (path, answer.body)
    install(store)


def test_the_commands_of_the_document(store: Store) -> None:
    """What docs/consumers.md has one type installs everything that the core takes.

    Here all of it stands already: the second time is like the first, and @custom is left alone.
    """
    name = store.distribution.name
    page = (ROOT / "docs" / "consumers.md").read_text("utf-8")
    block = page.partition("```sh\n")[2].partition("```")[0]
    assert block.startswith("cd config/opensearch")
    done = subprocess.run(
        [
            "bash",
            "-euo",
            "pipefail",
            "-c",
            block.replace("cd config/opensearch", f"cd config/{name}"),
        ],
        cwd=ROOT,
        env={**os.environ, "STORE": store.url, "LOGIN": "a:b"},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(answers) == len(shipped(store))
    refused = [str(answer) for answer in answers if answer != {"acknowledged": True}]
    customs = [answer for answer in refused if "@custom] already exists" in answer]
    assert len(customs) == len(STREAMS)
    lacks = {*LACKS[name].values(), *(["unknown setting"] if name == "elasticsearch" else [])}
    others = [answer for answer in refused if answer not in customs]
    assert all(any(lack in answer for lack in lacks) for answer in others), others
    install(store)


def test_types(store: Store, stream: str) -> None:
    """Every field has its ECS type, whichever record has it."""
    mapped = store.ask("GET", f"/{stream}/_field_caps?fields=*").body["fields"]
    wildcard = "wildcard" if store.distribution == OPENSEARCH else "keyword"
    for name, kind in {**ECS, **OWN}.items():
        assert list(mapped[name]) == [wildcard if kind == "wildcard" else kind], name


def test_every_value_is_indexed(store: Store, stream: str) -> None:
    """No value of a golden record was too long or of another type."""
    found = store.search(stream, {"size": 0, "query": {"exists": {"field": "_ignored"}}})
    assert found["hits"]["total"]["value"] == 0
    assert store.search(stream, {"size": 0})["hits"]["total"]["value"] == len(golden())


@pytest.mark.parametrize(
    "asked",
    [
        {"term": {"source.ip": "192.0.2.0/24"}},
        {"range": {"http.response.status_code": {"gte": 200, "lt": 300}}},
        {"wildcard": {"url.path": "/sea*"}},
        {"match": {"user_agent.original.text": "CURL"}},
        {"term": {"http.request.headers.accept": "*/*"}},
        {"term": {"http.request.headers.@names": "User-Agent"}},
        {"term": {"http.response.headers.content-type": "text/html"}},
        {"range": {"@timestamp": {"gte": "2026-01-01T00:00:05Z", "lt": "2026-01-01T00:00:06Z"}}},
    ],
    ids=str,
)
def test_found(store: Store, stream: str, asked: Json) -> None:
    """The plain exchange is found by network, class of status, pattern, word, header and time."""
    record = plain()
    hits = store.search(stream, {"size": 100, "query": asked})["hits"]["hits"]
    assert key(record) in {hit["_id"] for hit in hits}
    assert len(hits) < 2 * len(golden())


def test_a_captured_run(store: Store, captured: list[Json]) -> None:
    """What was on a real wire, malformed requests too, is taken once, whole, and found."""
    stream = f"logs-http.header-{next(_NAMESPACES)}"
    pairs = [(key(record), record) for record in captured]
    assert len(pairs) > 40
    assert store.create(stream, pairs) == [201] * len(pairs)
    assert store.create(stream, pairs) == [409] * len(pairs)
    hits = store.search(stream, {"size": 1000})["hits"]["hits"]
    assert {hit["_id"]: hit["_source"] for hit in hits} == dict(pairs)


def test_a_repeated_key_is_refused(store: Store, stream: str) -> None:
    """Redelivery changes nothing: `create` of a known `_id` is a 409."""
    record = plain()
    before = store.search(stream, {"size": 0})["hits"]["total"]["value"]
    assert store.create(stream, [(key(record), record)]) == [409]
    assert store.search(stream, {"size": 0})["hits"]["total"]["value"] == before


def test_a_malformed_record_is_refused(store: Store, stream: str) -> None:
    """What is no address is a 400 for that record alone: the connector's dead letter."""
    good, bad = copy.deepcopy(plain()), copy.deepcopy(plain())
    bad["source"]["ip"] = "not an address"
    assert store.create(stream, [("bad", bad), ("good", good)]) == [400, 201]


def test_long_values(store: Store, stream: str) -> None:
    """What nearly fills a header block (16384 bytes) is kept and costs no record.

    OpenSearch's flat_object refuses a record with a path and value of more than 32766 bytes: a
    header of more than 16,300 bytes, none of them ASCII, is the only one that gets there.
    """
    record = copy.deepcopy(plain())
    target = "/" + "é" * (16_384 - len("GET / HTTP/1.1\r\n\r\n"))
    record["url"]["original"] = record["url"]["path"] = record["url"]["query"] = target
    record["user_agent"]["original"] = "é" * 16_384
    for message in ("request", "response"):
        record["http"][message]["headers"] |= {"a": ["é" * 16_300], "b": ["y" * 16_384]}
    assert store.create(stream, [("long", record)]) == [201]
    hits = store.search(stream, {"query": {"ids": {"values": ["long"]}}})["hits"]["hits"]
    assert hits[0]["_source"] == record


def test_fields_of_a_later_version(store: Store, stream: str) -> None:
    """A field that no mapping names is kept and returned, and makes no mapping."""
    record = copy.deepcopy(plain())
    record["shipper"]["schema_version"] = "1.99"
    record["later"] = {"field": "x"}
    assert store.create(stream, [("later", record)]) == [201]
    asked = {"query": {"term": {"shipper.schema_version": "1.99"}}}
    assert store.search(stream, asked)["hits"]["hits"][0]["_source"] == record
    assert "later" not in str(store.ask("GET", f"/{stream}/_mapping").body)


def test_status_and_latency(store: Store, stream: str) -> None:
    """The shipped query counts by status and gives percentiles in nanoseconds."""
    found = store.search(stream, query(store, "status_and_latency"))["aggregations"]
    statuses = [r["http"]["response"].get("status_code") for r in _responses()]
    for bucket in found["status"]["buckets"]:
        assert bucket["doc_count"] == statuses.count(bucket["key"])
    durations = sorted(r["event"]["duration"] for r in golden() if _has_duration(r))
    middle = found["duration_ns"]["values"]["50.0"]
    assert durations[0] <= middle <= durations[-1]
    assert found["duration_ns"]["values"]["99.0"] >= middle


def test_rollover_lets_a_duplicate_in(store: Store, stream: str) -> None:
    """`_id` is unique in one backing index: after a rollover the query finds what came twice."""
    record = plain()
    assert not _duplicates(store, stream)["buckets"]
    assert store.ask("POST", f"/{stream}/_rollover").body["rolled_over"]
    assert store.create(stream, [(key(record), record)]) == [201]
    found = _duplicates(store, stream)
    assert found["doc_count_error_upper_bound"] == 0  # the answer is whole
    (bucket,) = found["buckets"]
    assert (bucket["key"], bucket["doc_count"]) == (key(record), 2)
    copies = bucket["copies"]["hits"]["hits"]
    assert {hit["_id"] for hit in copies} == {key(record)}
    assert len({hit["_index"] for hit in copies}) == 2
    # As docs/consumers.md says: delete from the index that came later.
    later = max(hit["_index"] for hit in copies)
    assert store.ask("DELETE", f"/{later}/_doc/{key(record)}").status == 200
    assert not _duplicates(store, stream)["buckets"]


def test_before_the_vendors(store: Store) -> None:
    """A vendor's logs-*-* changes nothing for our streams."""
    vendors = {"index_patterns": ["logs-*-*"], "data_stream": {}, "priority": 200}
    store.put("/_index_template/vendors-logs", vendors)
    try:
        simulated = store.ask("POST", "/_index_template/_simulate_index/logs-http.header-new").body
    finally:
        store.ask("DELETE", "/_index_template/vendors-logs")
    assert simulated["template"]["mappings"]["properties"]["source"]["properties"]["ip"]
    assert [one["name"] for one in simulated["overlapping"]] == ["vendors-logs"]


def test_custom_wins(store: Store) -> None:
    """What an operator puts into @custom holds for the next backing index."""
    path = "/_component_template/logs-http.header@custom"
    shipped_custom = shipped(store)[path[1:]]
    ours = {"template": {"settings": {"index": {"number_of_replicas": 0}}}}
    store.put(path, ours)
    try:
        simulated = store.ask("POST", "/_index_template/_simulate_index/logs-http.header-new").body
    finally:
        store.put(path, shipped_custom)
    assert simulated["template"]["settings"]["index"]["number_of_replicas"] == "0"


@pytest.mark.parametrize(
    ("kind", "contract", "number"),
    [
        ("logs-http.header.dead", DEAD, None),
        ("metrics-http.header.ledger", LEDGER, "ledger.stages.events.in"),
    ],
)
def test_letters_and_accounts(store: Store, kind: str, contract: str, number: str | None) -> None:
    """Dead letters and accounts have data streams of their own."""
    stream = f"{kind}-{next(_NAMESPACES)}"
    records = golden(contract)
    assert set(store.create(stream, ((key(r), r) for r in records))) == {201}
    found = store.search(stream, {"size": 100})
    assert found["hits"]["total"]["value"] == len(records)
    if number:
        summed = store.search(stream, {"size": 0, "aggs": {"sum": {"sum": {"field": number}}}})
        total = sum(fields(r).get(number, 0) for r in records)
        assert summed["aggregations"]["sum"]["value"] == total


def test_avro(store: Store) -> None:
    """Records that were Avro, as the sinks write them, have a stream of their own.

    Nothing differs in it but the moments: those are numbers, and no date is made of them.
    """
    stream = f"{AVRO}-{next(_NAMESPACES)}"
    pairs = [(key(record), as_written(record)) for record in golden()]
    assert store.create(stream, pairs) == [201] * len(pairs)
    assert store.create(stream, pairs) == [409] * len(pairs)
    hits = store.search(stream, {"size": 1000})["hits"]["hits"]
    assert {hit["_id"]: hit["_source"] for hit in hits} == dict(pairs)
    mapped = store.ask("GET", f"/{stream}/_field_caps?fields=*").body["fields"]
    wildcard = "wildcard" if store.distribution == OPENSEARCH else "keyword"
    for name, kind in {**ECS, **OWN}.items():
        other = {"wildcard": wildcard, "date": "date" if name == "@timestamp" else "long"}
        assert list(mapped[name]) == [other.get(kind, kind)], name
    plain_one = fields(as_written(plain()))
    for name in ("timestamp", "event.start", "source.ip", "http.response.status_code"):
        asked = {"bool": {"filter": [{"term": {name: plain_one[name]}}]}}
        found = store.search(stream, {"size": 100, "query": asked})["hits"]["hits"]
        assert key(plain()) in {hit["_id"] for hit in found}, name
    counted = store.search(stream, query(store, "status_and_latency"))["aggregations"]
    assert sum(one["doc_count"] for one in counted["status"]["buckets"]) == sum(
        "status_code" in record["http"]["response"] for record in _responses()
    )
    assert counted["duration_ns"]["values"]["50.0"] > 0


def as_written(record: Json) -> Json:
    """A record as a sink writes it behind an AvroConverter: its values, and the message's time.

    That the converter gives these is shown with the real one, in tests/framing.
    """
    time = datetime.fromisoformat(record["@timestamp"])
    document = _FORMS[record["shipper"]["schema_version"]].to_avro(record)
    return {**document, "@timestamp": int(time.timestamp() * 1000)}


def test_pipeline(store: Store) -> None:
    """The optional pipeline names place, network and program, and lets everything through."""
    if store.distribution == ELASTICSEARCH:
        assert "geoip" in LACKS["elasticsearch"]["_ingest/pipeline/logs-http.header@pipeline"]
        return
    record = copy.deepcopy(plain())
    record["source"]["ip"] = "8.8.8.8"
    record["user_agent"]["original"] = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Firefox/128.0"
    enriched = _through_pipeline(store, record)
    assert enriched["source"]["geo"]["country_iso_code"] == "US"
    assert enriched["source"]["as"]["number"] == 15169
    assert enriched["source"]["as"]["organization"]["name"]
    assert enriched["user_agent"]["name"] == "Firefox"
    assert enriched["user_agent"]["original"] == record["user_agent"]["original"]
    for other in golden():
        assert _through_pipeline(store, other)["event"] == other["event"]


def _through_pipeline(store: Store, record: Json) -> Json:
    body = {"docs": [{"_source": record}]}
    path = "/_ingest/pipeline/logs-http.header@pipeline/_simulate"
    (done,) = store.ask("POST", path, body).body["docs"]
    source: Json = done["doc"]["_source"]
    return source


def _duplicates(store: Store, stream: str) -> Json:
    found: Json = store.search(stream, query(store, "duplicates"))["aggregations"]["duplicates"]
    return found


def _responses() -> list[Json]:
    return [record for record in golden() if "response" in record["http"]]


def _has_duration(record: Json) -> bool:
    return "duration" in record["event"]

"""The contracts in; the files of config/opensearch and config/elasticsearch out.

A file lies where the store's API has it: `_component_template/x.json` is the body of
`PUT /_component_template/x`.

`.venv/bin/python -m consumers.templates` in tests/ writes them; the tests say when it is due.
"""

import json
from collections.abc import Iterator

from .contracts import DEAD, LEDGER, RECORD, ROOT, newest
from .mappings import MAP_TYPES, Json, Mapper, as_avro, enriched, merged

#: For records as Avro has them; its dates are of another type, so it is a stream of its own.
AVRO = "logs-http.header.avro"
#: Data stream without its namespace -> the contract of what it holds.
STREAMS = {
    "logs-http.header": RECORD,
    AVRO: RECORD,
    "logs-http.header.dead": DEAD,
    "metrics-http.header.ledger": LEDGER,
}
#: Above the vendors' logs-*-* and metrics-*-* (100) and their integrations' (200).
PRIORITY = 500
POLICY = "http.header"
PIPELINE = "logs-http.header@pipeline"
_ROLL_OVER_DAYS, _KEPT_DAYS, _SHARD = 7, 30, "50gb"
_META: Json = {"managed_by": "shipper"}


def files(store: str) -> dict[str, Json]:
    """Path below config/<store>/, without .json -> what stands there."""
    found: dict[str, Json] = {}
    for stream, contract in STREAMS.items():
        found |= dict(_components(store, stream, contract))
        found[f"_index_template/{stream}"] = _index_template(store, stream)
    found[f"_ingest/pipeline/{PIPELINE}"] = _pipeline()
    if store == "elasticsearch":
        found[f"_ilm/policy/{POLICY}"] = _ilm()
    else:
        found[f"_plugins/_ism/policies/{POLICY}"] = _ism()
    found["queries/duplicates"] = _duplicates()
    found["queries/status_and_latency"] = _latency()
    return found


def text(body: Json) -> str:
    """As it is checked in."""
    return json.dumps(body, indent=2) + "\n"


def _components(store: str, stream: str, contract: str) -> Iterator[tuple[str, Json]]:
    schema = newest(contract)
    properties = Mapper(store, schema).properties()
    if contract == RECORD:
        properties = merged(properties, enriched())
    if stream == AVRO:
        properties = as_avro(properties)
    mappings = {"dynamic": False, "date_detection": False, "properties": properties}
    settings: Json = {"codec": "best_compression", "mapping": {"total_fields": {"limit": 2000}}}
    if store == "elasticsearch":
        settings["lifecycle"] = {"name": POLICY}
    parts: dict[str, tuple[str, Json]] = {
        "mappings": (f"Made from {schema['$id']}", {"mappings": mappings}),
        "settings": ("Lifecycle and limits", {"settings": {"index": settings}}),
        "custom": ("Yours: what stands here wins, and no update touches it", {"settings": {}}),
    }
    for part, (said, template) in parts.items():
        meta = {**_META, "description": said}
        yield f"_component_template/{stream}@{part}", {"template": template, "_meta": meta}


def _index_template(store: str, stream: str) -> Json:
    body: Json = {
        "index_patterns": [f"{stream}-*"],
        "data_stream": {},
        "priority": PRIORITY,
        "composed_of": [f"{stream}@{part}" for part in ("mappings", "settings", "custom")],
        "_meta": _META,
    }
    if store == "elasticsearch":
        body["ignore_missing_component_templates"] = [f"{stream}@custom"]
    return body


def _pipeline() -> Json:
    """Nothing that fails here keeps a record out."""
    processors: list[Json] = []
    for side in ("source", "destination", "client"):
        where = {"field": f"{side}.ip", "ignore_missing": True, "ignore_failure": True}
        network = {
            "target_field": f"{side}.as",
            "database_file": "GeoLite2-ASN.mmdb",
            "properties": ["asn", "organization_name"],
        }
        processors += [
            {"geoip": {**where, "target_field": f"{side}.geo"}},
            {"geoip": {**where, **network}},
            _rename(f"{side}.as.asn", f"{side}.as.number"),
            _rename(f"{side}.as.organization_name", f"{side}.as.organization.name"),
        ]
    agent = {"field": "user_agent.original", "ignore_missing": True, "ignore_failure": True}
    processors.append({"user_agent": agent})
    return {
        "description": "Optional: places and networks of addresses, parts of user agents",
        "processors": processors,
    }


def _rename(old: str, new: str) -> Json:
    return {
        "rename": {
            "field": old,
            "target_field": new,
            "ignore_missing": True,
            "ignore_failure": True,
        }
    }


def _ilm() -> Json:
    rollover = {"max_age": f"{_ROLL_OVER_DAYS}d", "max_primary_shard_size": _SHARD}
    return {
        "policy": {
            "_meta": _META,
            "phases": {
                "hot": {"actions": {"rollover": rollover, "set_priority": {"priority": 100}}},
                "delete": {"min_age": f"{_KEPT_DAYS}d", "actions": {"delete": {}}},
            },
        }
    }


def _ism() -> Json:
    rollover = {"min_index_age": f"{_ROLL_OVER_DAYS}d", "min_primary_shard_size": _SHARD}
    later = {"state_name": "delete", "conditions": {"min_rollover_age": f"{_KEPT_DAYS}d"}}
    return {
        "policy": {
            "description": "What shipper's streams keep",
            "default_state": "hot",
            "states": [
                {"name": "hot", "actions": [{"rollover": rollover}], "transitions": [later]},
                {"name": "delete", "actions": [{"delete": {}}], "transitions": []},
            ],
            # A backing index is matched by the name of its data stream.
            "ism_template": [{"index_patterns": [f"{s}-*" for s in STREAMS], "priority": PRIORITY}],
        }
    }


def _duplicates() -> Json:
    """Event ids that stand in more than one document, and where.

    A shard names its most frequent ids, and those that occur once in each of two backing indices
    may be among those that it leaves out. So each shard names many, and the answer is whole only
    if doc_count_error_upper_bound is 0.
    """
    copies = {"top_hits": {"size": 10, "_source": False}}
    ids = {"field": "event.id", "min_doc_count": 2, "size": 1000, "shard_size": 100_000}
    return {
        "size": 0,
        "query": {"range": {"@timestamp": {"gte": "now-1d"}}},
        "aggs": {"duplicates": {"terms": ids, "aggs": {"copies": copies}}},
    }


def _latency() -> Json:
    percents = {"field": "event.duration", "percents": [50, 95, 99]}
    statuses = {"field": "http.response.status_code", "size": 50}
    return {
        "size": 0,
        "query": {"range": {"@timestamp": {"gte": "now-1h"}}},
        "aggs": {
            "status": {"terms": statuses, "aggs": {"duration_ns": {"percentiles": percents}}},
            "duration_ns": {"percentiles": percents},
        },
    }


def main() -> None:
    """Writes all of it."""
    for store in MAP_TYPES:
        for name, body in files(store).items():
            path = ROOT / "config" / store / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text(body), "utf-8")


if __name__ == "__main__":
    main()

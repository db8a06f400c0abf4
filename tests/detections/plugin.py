"""A monitor's file in; what OpenSearch's alerting plugin would make of it at a time out.

The plugin is on no registry that is reached here. A monitor's search is sent as it sends it: the
template filled in and the trigger run by OpenSearch's own Mustache and Painless.
"""

import json

from consumers.contracts import ROOT, Json
from stores.store import Store

from .generate import MONITORS


def monitor(name: str) -> Json:
    """As it is checked in."""
    body: Json = json.loads((ROOT / MONITORS / f"{name}.json").read_text("utf-8"))
    return body


def rendered(store: Store, body: Json, end_ms: int) -> Json:
    """A monitor's search for one period, its template filled in by OpenSearch itself."""
    search = body["inputs"][0]["search"]
    assert search["indices"] == ["logs-http.header-*"]
    asked = {"source": json.dumps(search["query"]), "params": {"period_end": end_ms}}
    answer = store.ask("POST", "/_render/template", asked)
    assert answer.status == 200, answer.body
    made: Json = answer.body["template_output"]
    return made


def triggered(store: Store, script: Json, result: Json) -> bool:
    """What OpenSearch's own Painless says of a trigger's condition."""
    source = f"def ctx = params.ctx; return {script['source']}"
    asked = {"script": {"source": source, "params": {"ctx": {"results": [result]}}}}
    answer = store.ask("POST", "/_scripts/painless/_execute", asked)
    assert answer.status == 200, answer.body
    return str(answer.body["result"]) == "true"


def groups_beyond(store: Store, body: Json, end_ms: int, index: str) -> list[str]:
    """The groups for which a bucket-level monitor of one field raises an alert."""
    search = rendered(store, body, end_ms)
    (trigger,) = (each["bucket_level_trigger"] for each in body["triggers"])
    condition = dict(trigger["condition"])
    # As the plugin does: the condition becomes a selector beneath the groups that it names.
    groups = search["aggregations"][condition.pop("parent_bucket_path")]
    groups.setdefault("aggregations", {})["beyond"] = {"bucket_selector": condition}
    found = store.search(index, search)["aggregations"]["groups"]["buckets"]
    return [str(value) for bucket in found for value in bucket["key"].values()]

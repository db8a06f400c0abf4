"""What is checked in is what the description gives, and holds together."""

import itertools
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from consumers.contracts import Json
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as GrafanaDashboard

from .description import DASHBOARDS, dashboards
from .generate import files


def test_as_generated() -> None:
    """No file is behind the description, none is missing, none is left over."""
    made = files()
    there = {
        str(path.relative_to(DASHBOARDS)): path.read_text("utf-8")
        for path in (*DASHBOARDS.glob("*/*.json"), *DASHBOARDS.glob("*/*.ndjson"))
    }
    due = sorted(name for name in {*made, *there} if there.get(name) != made.get(name))
    assert not due, "run `make dashboards`"


def lines(name: str) -> list[Json]:
    """The saved objects of a dashboard."""
    text = (DASHBOARDS / "saved_objects" / f"{name}.ndjson").read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def test_references_resolve() -> None:
    """Each object that another names is in the same file, as what it is said to be."""
    for dashboard in dashboards():
        objects = {one["id"]: one for one in lines(dashboard.name)}
        assert len(objects) == len(lines(dashboard.name))
        kinds = Counter(one["type"] for one in objects.values())
        assert kinds == {
            "index-pattern": 1,
            "visualization": len(dashboard.panels),
            "dashboard": 1,
        }
        for one in objects.values():
            named = {reference["name"] for reference in one["references"]}
            for reference in one["references"]:
                assert objects[reference["id"]]["type"] == reference["type"]
            assert _names(one) == named


def _names(saved: Json) -> set[str]:
    """What an object's own text calls its references."""
    about = saved["attributes"]
    if saved["type"] == "dashboard":
        return {panel["panelRefName"] for panel in json.loads(about["panelsJSON"])}
    if saved["type"] == "visualization":
        return {json.loads(about["kibanaSavedObjectMeta"]["searchSourceJSON"])["indexRefName"]}
    return set()


def test_texts_in_texts() -> None:
    """What is JSON inside JSON can be read, and an aggregation's order is one of its metrics."""
    for dashboard in dashboards():
        for saved in lines(dashboard.name):
            about = saved["attributes"]
            texts = [value for name, value in about.items() if name.endswith("JSON")]
            assert all(json.loads(text) is not None for text in texts)
            if "visState" not in about:
                continue
            aggregations = json.loads(about["visState"])["aggs"]
            metrics = {one["id"] for one in aggregations if one["schema"] == "metric"}
            assert metrics
            for one in aggregations:
                if one["type"] == "terms":
                    assert one["params"]["orderBy"] in metrics


@pytest.mark.parametrize("path", sorted(DASHBOARDS.glob("grafana/*.json")), ids=lambda p: p.stem)
def test_grafana(path: Path) -> None:
    """Panels have ids of their own and don't overlap; every source is the one that is chosen."""
    file: Json = json.loads(path.read_text("utf-8"))
    panels = file["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    kinds = {one["name"]: one for one in file["templating"]["list"]}
    for panel in panels:
        asked = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert asked == [{"type": kinds["source"]["query"], "uid": "${source}"}] * len(asked)
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    for one, other in itertools.combinations(panels, 2):
        assert not _overlap(one["gridPos"], other["gridPos"]), (one["title"], other["title"])


@pytest.mark.parametrize("path", sorted(DASHBOARDS.glob("grafana/*.json")), ids=lambda p: p.stem)
def test_grafanas_own_reader(path: Path) -> None:
    """Grafana Labs' library knows every field: what it reads it writes again, beside defaults."""
    plugins.register_default_plugins()
    file: Json = json.loads(path.read_text("utf-8"))
    again = JSONEncoder().encode(GrafanaDashboard.from_json(file))
    assert _lost(file, json.loads(again), "") == []
    unknown = {**file, "panels": [{**file["panels"][0], "nonsense": 1}]}
    again = JSONEncoder().encode(GrafanaDashboard.from_json(unknown))
    assert _lost(unknown, json.loads(again), "") == [".panels[0].nonsense"]


def _lost(first: Any, second: Any, where: str) -> list[str]:  # noqa: ANN401 - any part of JSON
    """Where the second lacks what the first has, or has another value."""
    if isinstance(first, dict) and isinstance(second, dict):
        pairs = [(first[name], second.get(name), f"{where}.{name}") for name in first]
    elif isinstance(first, list) and isinstance(second, list) and len(first) == len(second):
        pairs = [
            (a, b, f"{where}[{n}]") for n, (a, b) in enumerate(zip(first, second, strict=True))
        ]
    else:
        return [] if first == second else [where]
    return [found for a, b, at in pairs for found in _lost(a, b, at)]


def test_uids() -> None:
    """A dashboard has a name of its own, short enough for Grafana (40 characters)."""
    uids = [json.loads(p.read_text("utf-8"))["uid"] for p in DASHBOARDS.glob("grafana/*.json")]
    assert len(set(uids)) == len(uids) == 5
    assert max(map(len, uids)) <= 40


def _overlap(one: Json, other: Json) -> bool:
    beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
    above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    return not (beside or above)

"""The files of config/opensearch and config/elasticsearch are those of the newest schemas."""

import json
from pathlib import Path

import pytest

from . import contracts
from .contracts import RECORD, ROOT, fields, golden, newest
from .installed import types
from .mappings import MAP_TYPES
from .templates import files, text

STORES = sorted(MAP_TYPES)


@pytest.mark.parametrize("store", STORES)
def test_as_generated(store: str) -> None:
    """No file is behind the schemas, none is missing, none is left over."""
    folder = ROOT / "config" / store
    there = {
        str(path.relative_to(folder).with_suffix("")): path.read_text("utf-8")
        for path in folder.glob("**/*.json")
    }
    wanted = {name: text(body) for name, body in files(store).items()}
    due = sorted(name for name in {*there, *wanted} if there.get(name) != wanted.get(name))
    assert not due, "run `.venv/bin/python -m consumers.templates` in tests/"


@pytest.mark.parametrize("store", STORES)
def test_every_field_of_the_schema(store: str) -> None:
    """Each field of each golden record has a type, by itself or in a map."""
    body = files(store)["_component_template/logs-http.header@mappings"]
    known = dict(types(body["template"]["mappings"]["properties"]))
    maps = tuple(f"{name}." for name, kind in known.items() if kind == MAP_TYPES[store])
    for record in golden():
        unknown = [f for f in fields(record) if f not in known and not f.startswith(maps)]
        assert not unknown


def test_limit_of_fields() -> None:
    """The mapping stays far below its own limit, so that new versions fit."""
    mappings = files("opensearch")["_component_template/logs-http.header@mappings"]
    count = len(list(types(mappings["template"]["mappings"]["properties"])))
    settings = files("opensearch")["_component_template/logs-http.header@settings"]
    assert count * 2 < settings["template"]["settings"]["index"]["mapping"]["total_fields"]["limit"]


def test_the_newest_version_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number, not by name: 1.10 comes after 1.9; the open schemas for readers are left alone."""
    monkeypatch.setattr(contracts, "SCHEMAS", tmp_path)
    (tmp_path / RECORD).mkdir()
    for name in ("1.9.schema", "1.10.schema", "1.11.open.schema"):
        (tmp_path / RECORD / f"{name}.json").write_text(json.dumps({"is": name}))
    assert newest(RECORD) == {"is": "1.10.schema"}

"""The Splunk add-on: its fields for golden records, and the layout that AppInspect looks at.

There is no Splunk here: `spl.py` plays the few search-time operations that the add-on uses.
"""

import configparser
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

import shipper
from shipper.config import load
from shipper.contract.record import EncodedRecord
from shipper.record import encoder_of, shorten

from .contracts import ROOT, golden, newest, plain
from .spl import Expression, read, search

SPLUNK = ROOT / "config" / "splunk"
ADDON = SPLUNK / "TA-shipper"
DEFAULT = ADDON / "default"
SOURCETYPE = "shipper:http:header"
#: Of events that have the model's fields themselves.
CIM = "shipper:http:cim"

#: Fields of CIM's data model Web (6.x) with their types; those that other apps fill are left out.
CIM_WEB = {
    "action": str, "app": str, "bytes": int, "bytes_in": int, "bytes_out": int, "cached": bool,
    "category": str, "cookie": str, "dest": str, "dest_port": int, "duration": float,
    "error_code": str, "http_content_type": str, "http_method": str, "http_referrer": str,
    "http_referrer_domain": str, "http_user_agent": str, "http_user_agent_length": int,
    "operation": str, "response_time": float, "site": str, "src": str, "status": str,
    "uri_path": str, "uri_query": str, "url": str, "url_domain": str, "url_length": int,
    "user": str, "vendor_product": str,
}  # fmt: skip
#: Of other data models or of none; useful beside them.
BESIDE = {"dest_ip", "src_ip", "src_port", "transport", "dvc", "fold_count"}


def found(record: dict[str, Any]) -> dict[str, Any]:
    """What a search shows of a record, as the sink sent it."""
    props, transforms = read(DEFAULT / "props.conf"), read(DEFAULT / "transforms.conf")
    return search(json.dumps(record, separators=(",", ":")), props[SOURCETYPE], transforms)


def made() -> set[str]:
    """The fields that the add-on makes."""
    props = read(DEFAULT / "props.conf")[SOURCETYPE]
    names = {name.removeprefix("EVAL-") for name in props if name.startswith("EVAL-")}
    for name, value in props.items():
        if name.startswith("FIELDALIAS-"):
            names |= set(re.findall(r" AS (\S+)", value))
    return names | {"status"}


def test_the_plain_exchange() -> None:
    """Every field of a GET, by hand."""
    fields = found(plain())
    expected = {
        "action": "allowed",
        "app": "http",
        "bytes": 1187,
        "bytes_in": 200,
        "bytes_out": 987,
        "dest": "198.51.100.4",
        "dest_ip": "198.51.100.4",
        "dest_port": 80,
        "duration": 1.2,
        "dvc": "web-1",
        "http_content_type": "text/html",
        "http_method": "GET",
        "http_user_agent": "curl/7.88.1",
        "http_user_agent_length": 11,
        "response_time": 0.9,
        "site": "example.org",
        "src": "192.0.2.7",
        "src_ip": "192.0.2.7",
        "src_port": 49152,
        "status": "200",
        "transport": "tcp",
        "uri_path": "/search",
        "uri_query": "q=shipper",
        "url": "http://example.org/search?q=shipper",
        "url_domain": "example.org",
        "url_length": 35,
        "vendor_product": "shipper",
    }
    assert {name: fields.get(name) for name in sorted(made() | set(expected))} == {
        **dict.fromkeys(made() - set(expected)),
        **expected,
    }


@pytest.mark.parametrize("record", golden(), ids=lambda r: str(r["event"]["id"])[-12:])
def test_every_golden_record(record: dict[str, Any]) -> None:
    """Each field has CIM's type; what is unknown is absent, not made up."""
    fields = found(record)
    for name in made() & set(CIM_WEB) & set(fields):
        kind = CIM_WEB[name]
        assert isinstance(fields[name], (int, float) if kind is float else kind), name
    http = record["http"]
    status = http.get("response", {}).get("status_code")
    assert fields.get("status") == (None if status is None else str(status))
    assert fields["action"] == ("unknown" if status is None else "allowed")
    assert ("bytes" in fields) == ("bytes_in" in fields and "bytes_out" in fields)
    assert fields["src"] and fields["dest"]  # noqa: PT018
    assert fields.get("duration", 0) * 1_000_000 == pytest.approx(
        record["event"].get("duration", 0), abs=500
    )


def test_only_fields_that_are_known() -> None:
    """Nothing is called other than CIM calls it, and every source is a field of the schema."""
    assert made() - set(CIM_WEB) == BESIDE
    schema = json.dumps(newest("http.header.v1"))
    props = read(DEFAULT / "props.conf")[SOURCETYPE]
    text = "\n".join(props.values())
    sources = set(re.findall(r"'([^']+)'", text)) | set(re.findall(r"(\S+) AS ", text))
    assert len(sources) > 20
    for source in sources:
        parts = [part for part in source.split(".") if not part.endswith("{}")]
        assert all(f'"{part}"' in schema for part in parts), source


def test_behind_a_proxy() -> None:
    """The client that asked the proxy is src; the connection's other end stays src_ip."""
    (record,) = [r for r in golden() if r.get("client", {}).get("ip") == "203.0.113.9"][:1]
    fields = found(record)
    assert fields["src"] == "203.0.113.9"
    assert fields["src_ip"] == record["source"]["ip"] != fields["src"]


def test_status_without_json() -> None:
    """Where automatic extraction stopped before it, the status is still found."""
    record = plain()
    raw = json.dumps(record, separators=(",", ":"))
    transform = read(DEFAULT / "transforms.conf")["shipper_status"]
    match = re.search(transform["REGEX"], raw[raw.index('"response"') :])
    assert match is not None
    assert match[1] == "200"
    record["http"]["request"]["headers"]["x"] = ['"response":{"status_code":500']
    del record["http"]["response"]
    assert "status" not in found(record)  # a header can't pretend to be one


def test_records_fit_with_the_profile() -> None:
    """With the profile the longest exchange stays below 10,000 characters."""
    profile = load(path=str(SPLUNK / "shipper.toml"), environ={}).record.max_bytes
    record = plain()
    for message in ("request", "response"):
        record["http"][message]["headers"] |= {f"x-{n}": ["é" * 700] for n in range(20)}
    value = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()
    whole = EncodedRecord("t", b"k", value, 0, (), b"p", 0)
    short = shorten(whole, profile)
    assert len(value) > 30_000
    assert short is not None
    assert len(short.value.decode()) <= len(short.value) <= profile < 10_000
    assert found(json.loads(short.value))["url"] == found(plain())["url"]


def test_once() -> None:
    """The macro keeps one of each by what the record has as its identity."""
    macros = read(DEFAULT / "macros.conf")
    assert macros["shipper_once"]["definition"] == "dedup event.id"
    assert "event.id" in found(plain())
    used = set(re.findall(r"`(\w+)`", (DEFAULT / "savedsearches.conf").read_text("utf-8")))
    used |= set(re.findall(r"`(\w+)`", (DEFAULT / "macros.conf").read_text("utf-8")))
    assert used <= set(macros)


def test_events_are_tagged() -> None:
    """The data model finds them: event type, then tag, for the source types that the sinks set."""
    (name,) = read(DEFAULT / "eventtypes.conf")
    types = " OR ".join(f'sourcetype="{one}"' for one in (SOURCETYPE, CIM))
    assert read(DEFAULT / "eventtypes.conf")[name]["search"] == types
    assert read(DEFAULT / "tags.conf")[f"eventtype={name}"] == {"web": "enabled"}
    macros = read(DEFAULT / "macros.conf")
    assert f'eventtype="{name}"' in macros["shipper_exchanges"]["definition"]
    for file, sourcetype in (("splunk", SOURCETYPE), ("splunk-cim", CIM)):
        sink = json.loads((ROOT / "config" / "connect" / f"{file}.json").read_text("utf-8"))
        assert sink["splunk.sourcetypes"] == sourcetype
        assert f"index={sink['splunk.indexes']}" == macros["shipper_index"]["definition"]


@pytest.mark.parametrize("record", golden(), ids=lambda r: str(r["event"]["id"])[-12:])
def test_an_event_of_the_models_fields(record: dict[str, Any]) -> None:
    """What `record.encoding = "cim"` sends has them as the add-on makes them of the record."""
    props, transforms = read(DEFAULT / "props.conf")[CIM], read(DEFAULT / "transforms.conf")
    raw = encoder_of("cim", "1.0").encode(record).decode()
    fields, whole = search(raw, props, transforms), found(record)
    assert {name: fields.get(name) for name in made()} == {name: whole.get(name) for name in made()}
    assert fields["event.id"] == record["event"]["id"]  # so that macro and reports know it
    begin = re.match(props["TIME_PREFIX"], raw)
    assert begin is not None
    length = int(props["MAX_TIMESTAMP_LOOKAHEAD"])
    text = raw[begin.end() : begin.end() + length].partition('"')[0]
    form = props["TIME_FORMAT"].replace("%6N", "%f")
    told = datetime.strptime(text, form).replace(tzinfo=ZoneInfo(props["TZ"]))
    assert told == datetime.fromisoformat(record["@timestamp"])


def test_searches_use_fields_that_are_there() -> None:
    """No report names a field that neither record nor add-on has, and none runs by itself."""
    fields = set(found(plain())) | made() | {"_indextime"}
    for search_ in read(DEFAULT / "savedsearches.conf").values():
        named = re.findall(
            r"(?:BY|dc\(|perc\d+\(|min\(|max\() ?([\w. ]+?)(?:\)| \||$)", search_["search"]
        )
        assert named
        assert {name for group in named for name in group.split()} <= fields
        assert search_["enableSched"] == "0"


def test_layout() -> None:
    """What AppInspect looks at first: default/ and metadata/ alone, one version, nothing twice."""
    assert {path.name for path in ADDON.iterdir()} == {
        "default",
        "metadata",
        "README.md",
        "LICENSE",
    }
    app = read(DEFAULT / "app.conf")
    assert app["package"]["id"] == app["id"]["name"] == ADDON.name
    assert app["launcher"]["version"] == app["id"]["version"] == shipper.__version__
    rights = (ADDON / "metadata" / "default.meta").read_text("utf-8").splitlines()
    assert rights[0] == "[]"
    assert "export = system" in rights
    for file in DEFAULT.iterdir():
        assert read(file), file.name


@pytest.mark.parametrize("wrong", ["'a' + + 'b'", "nosuch('a')", "if('a', 1", "'a' ; 'b'"])
def test_what_is_not_played_fails(wrong: str) -> None:
    """The small interpreter passes nothing over in silence."""
    with pytest.raises((AssertionError, KeyError, IndexError)):
        Expression(wrong).value({"a": 1, "b": 2})


def test_twice_is_refused(tmp_path: Path) -> None:
    """A setting that stands twice would hide the first."""
    file = tmp_path / "x.conf"
    file.write_text("[a]\nb = 1\nb = 2\n")
    with pytest.raises(configparser.DuplicateOptionError):
        read(file)

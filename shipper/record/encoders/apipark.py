"""The document as a line of APIPark's access log, which its pages read from Grafana Loki.

APIPark asks Loki for `{cluster="…"} | json` and takes every field as a string, so all of them are,
and all of them are there: what is not known is empty, and so are the bodies, which never leave
the kernel. It copies each line into a table whose columns have a length (`stores/log-source` of
APIPark); a longer value would fail there and is cut here.

Names and forms are those that its gateway writes: times are whole milliseconds, headers are
encoded as a query (`Accept=%2A%2F%2A&Host=shop.example`).
"""

import re
from typing import Final
from urllib.parse import parse_qs, urlencode
from uuid import NAMESPACE_URL, uuid5

import orjson

from shipper.record.encoders.ecs import json_object
from shipper.record.encoders.interface import Document
from shipper.record.encoders.moments import (
    NANOSECONDS_IN_MILLISECOND,
    milliseconds,
    whole_milliseconds,
)
from shipper.record.headers import NAMES_KEY
from shipper.record.settings import MASK

#: Columns of APIPark's table: identifiers, and texts.
IDENTIFIER: Final = 36
TEXT: Final = 255
BODIES: Final = ("request_body", "proxy_body", "response_body", "proxy_response_body")
#: Leading segments of a path that name an interface: words and versions, no ids.
_INTERFACE: Final = re.compile(r"(?:/(?:v\d{1,2}[a-z]*\d?|[A-Za-z][A-Za-z_.-]*)(?=/|$)){1,3}")
_IDS: Final = uuid5(NAMESPACE_URL, "shipper/event.id")


class ApiparkEncoder:
    """Flat strings, UTF-8 JSON."""

    name: Final = "apipark"
    content_type: Final = "application/json"
    schema_name: Final = "apipark.access_log"
    schema_version: Final = "1"
    whole: Final = False

    def encode(self, document: Document) -> bytes:
        """The line."""
        request, response = _part(document, "http", "request"), _part(document, "http", "response")
        sent, answered = request.get("headers", {}), response.get("headers", {})
        url, event = document.get("url", {}), document["event"]
        destination = document["destination"]
        service = document.get("service", {}).get("name")
        at = f"{destination['ip']}:{destination['port']}"
        return orjson.dumps(
            {
                # An event id is longer than the column, which has to be unique.
                "request_id": str(uuid5(_IDS, event["id"])),
                "msec": str(milliseconds(document["@timestamp"])),
                "node": _part(document, "host").get("name", ""),
                "cluster": _part(document, "orchestrator", "cluster").get("name", ""),
                "api": _interface(url.get("path", "")),
                "application": "",
                "service": service or at,
                "provider": (service or url.get("domain") or at)[:IDENTIFIER],
                "request_method": request.get("method", "")[:IDENTIFIER],
                "request_scheme": url.get("scheme", ""),
                "request_uri": url.get("original", "")[:TEXT],
                "request_header": _encoded(sent),
                "response_header": _encoded(answered),
                "content_type": sent.get("content-type", [""])[0],
                "src_ip": _client(document),
                "status": str(response.get("status_code", "")),
                "request_time": _milliseconds(event.get("duration")),
                "authorization": MASK if "authorization" in sent else "",
                # Beyond what APIPark reads: which record this is.
                "event_id": event["id"],
                "time": document["@timestamp"],
                "user_agent": document.get("user_agent", {}).get("original", ""),
                **dict.fromkeys(BODIES, ""),
            }
        )

    def decode(self, value: bytes) -> Document:
        """What a line tells of a record."""
        line = json_object(value)
        if "event_id" not in line or "time" not in line:
            raise ValueError("it is no line of ours")
        told: Document = {
            "@timestamp": line["time"],
            "event": {"id": line["event_id"]},
            "source": {"ip": line["src_ip"]},
            "http": {"request": {"headers": _decoded(line["request_header"])}},
        }
        if took := line["request_time"]:
            told["event"]["duration"] = int(took) * NANOSECONDS_IN_MILLISECOND
        if method := line["request_method"]:
            told["http"]["request"]["method"] = method
        if status := line["status"]:
            headers = _decoded(line["response_header"])
            told["http"]["response"] = {"status_code": int(status), "headers": headers}
        if target := line["request_uri"]:
            told["url"] = {"original": target, "path": target.partition("?")[0]}
        if agent := line["user_agent"]:
            told["user_agent"] = {"original": agent}
        return told


def _part(document: Document, *path: str) -> Document:
    for name in path:
        document = document.get(name, {})
    return document


def _client(document: Document) -> str:
    """As a trusted proxy named it, else the connection's."""
    client = document.get("client", {})
    address: str = client.get("ip") or client.get("address") or document["source"]["ip"]
    return address


def _interface(path: str) -> str:
    """What names the interface in a path: up to three leading words, to group calls by."""
    found = _INTERFACE.match(path)
    return found[0][:IDENTIFIER] if found else "/"


def _milliseconds(nanoseconds: int | None) -> str:
    return "" if nanoseconds is None else str(whole_milliseconds(nanoseconds))


def _encoded(headers: dict[str, list[str]]) -> str:
    """`Accept=%2A%2F%2A&Via=1.1+a&Via=1.1+b`: by name, as Go's url.Values writes them."""
    pairs = ((_spelled(name), headers[name]) for name in sorted(headers) if name != NAMES_KEY)
    return urlencode(list(pairs), doseq=True, encoding="latin-1", errors="replace")


def _decoded(text: str) -> dict[str, list[str]]:
    pairs = parse_qs(text, keep_blank_values=True, encoding="latin-1")
    return {name.lower(): values for name, values in pairs.items()}


def _spelled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))

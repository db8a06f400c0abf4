"""Records as an agent writes them, of exchanges that a test invents."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shipper.contract.record import EncodedRecord
from shipper.delivery.kafka import KafkaSink

EXAMPLES = Path(__file__).parents[2] / "schemas" / "http.header.v1" / "examples"
TOPIC = "http.header.v1"


def record(  # noqa: PLR0913 - what an exchange is told by
    end: float,
    path: str = "/",
    *,
    method: str = "GET",
    status: int | None = 200,
    seconds: float | None = 0.01,
    client: str = "192.0.2.7",
    agent: str = "curl/8.5.0",
    host: str = "shop.example",
) -> dict[str, Any]:
    """The golden GET with another story; `end` in s since the epoch."""
    document: dict[str, Any] = json.loads((EXAMPLES / "1.0" / "get.json").read_text())
    document["event"].update(end=_time(end), created=_time(end))
    document["event"].pop("duration", None)
    if seconds is not None:
        document["@timestamp"] = document["event"]["start"] = _time(end - seconds)
        document["event"]["duration"] = round(seconds * 1e9)
    document["http"]["request"]["method"] = method
    if status is None:
        del document["http"]["response"]
        document["shipper"]["incomplete"] = ["no_response"]
    else:
        document["http"]["response"]["status_code"] = status
    document["url"].update(path=path, domain=host)
    document["source"]["ip"] = client
    document["user_agent"] = {"original": agent}
    return document


def publish(bootstrap: str, *documents: dict[str, Any] | bytes) -> None:
    """Put them on the topic."""
    sink = KafkaSink({"bootstrap.servers": bootstrap}, log=lambda _level, _line: None)
    for number, document in enumerate(documents):
        value = document if isinstance(document, bytes) else json.dumps(document).encode()
        sink.submit(EncodedRecord(TOPIC, b"k%d" % number, value, 0, (), b"", number))
    assert sink.flush(20) == 0
    sink.close()


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds")

"""A record that can't be published as it is -> the message that says so and holds it.

A letter is the last that is heard of a record, so nothing here may fail on what it is given:
the model is held to by the tests, and not asked once more at the worst moment.
"""

import json
from collections.abc import Callable
from typing import Any, Final

import orjson

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.record.clock import timestamp
from shipper.record.constant import message_headers, origin_parts
from shipper.record.model.dead import DATASET, SCHEMA_NAME, SCHEMA_VERSION
from shipper.record.settings import Identity, RecordSettings

_MILLISECOND: Final = 1_000_000

Part = dict[str, Any]


class DeadLetters:
    """Writes the letters of one worker. `now_ns` is the wall clock (ns since 1970)."""

    def __init__(
        self, settings: RecordSettings, identity: Identity, *, now_ns: Callable[[], int]
    ) -> None:
        self._settings = settings
        self._prefix = f"{identity.ephemeral_id}-{identity.worker}-rejected-"
        self._now_ns = now_ns
        self._headers = message_headers(SCHEMA_NAME, SCHEMA_VERSION)
        parts = origin_parts(identity)
        parts["data_stream"] = {
            "type": "logs",
            "dataset": DATASET,
            "namespace": settings.namespace,
        }
        self._constant = {name: part for name, part in parts.items() if part}

    def letter(self, record: EncodedRecord, reason: str, said: str) -> EncodedRecord:
        """The letter about a record: `reason` in a short name, and what Kafka said of it."""
        dead: Part = {
            "topic": record.topic,
            "key": _text(record.key),
            "timestamp_ms": record.timestamp_ms,
            "headers": {name: _latin(value) for name, value in record.headers},
            "partition_key": _latin(record.partition_key),
        }
        if record.sequence != UNNUMBERED:
            dead["sequence"] = record.sequence
        return self._message(dead, record.value, reason, said)

    def rejected(self, document: Part, reason: str, number: int) -> EncodedRecord:
        """The letter about a document that did not validate, the `number`th; it is redacted."""
        dead: Part = {
            "topic": self._settings.topic,
            "key": f"{self._prefix}{number}",
            "timestamp_ms": max(0, self._now_ns()) // _MILLISECOND,
            "headers": {},
            "partition_key": "",
        }
        return self._message(dead, _leniently(document), "invalid", reason)

    def _message(self, dead: Part, original: bytes, reason: str, said: str) -> EncodedRecord:
        now = max(0, self._now_ns())
        when = timestamp(now)
        key = str(dead["key"])
        error = {"type": _text(reason.encode("utf-8", "replace")) or "unknown"}
        if said:
            error["message"] = said.encode("utf-8", "replace").decode()
        document: Part = {
            "@timestamp": when,
            "event": {
                "id": key,
                "created": when,
                "kind": "pipeline_error",
                "dataset": DATASET,
                "module": "shipper",
            },
            "error": error,
            **self._constant,
            "dead": dead | {"original": _whole(original), "original_bytes": len(original)},
        }
        return EncodedRecord(
            self._settings.dead_topic,
            key.encode(),
            _bounded(document, self._settings.letter_maximum_bytes),
            now // _MILLISECOND,
            self._headers,
            _bytes(dead["partition_key"]),
            UNNUMBERED,
        )


def _bounded(document: Part, limit: int) -> bytes:
    """The document's bytes; the original is cut, and marked so, where they would be too many."""
    value = orjson.dumps(document)
    dead = document["dead"]
    while len(value) > limit and dead["original"]:
        dead["truncated"] = True
        over = len(value) - limit + len(b',"truncated":true')
        # A character takes up to six bytes: `over` bytes are at least a sixth as many of them.
        dead["original"] = dead["original"][: -max(1, over // 6)]
        value = orjson.dumps(document)
    return value


def _leniently(document: Part) -> bytes:
    """JSON of whatever a document holds that was refused, texts that are no UTF-8 included."""
    try:
        return orjson.dumps(document)
    except TypeError:
        text = json.dumps(document, ensure_ascii=True, default=str, skipkeys=True)
        return text.encode("ascii")


def _whole(original: bytes) -> str:
    """Text that gives the same bytes back: in UTF-8, or of what is none, a character a byte.

    Which of both it is, is told by how many bytes the original had.
    """
    try:
        return original.decode()
    except UnicodeDecodeError:
        return _latin(original)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _latin(raw: bytes) -> str:
    """Text that gives the same bytes back, whatever they are."""
    return raw.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")

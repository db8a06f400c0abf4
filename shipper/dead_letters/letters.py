"""Messages of the dead topic and lines of the host's file -> letters, and those that are meant."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import Kept, Received
from shipper.record import read_message

#: Letters about documents that never were valid records.
_INVALID: Final = "invalid"


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter. `place` is `file`, or partition and offset in the dead topic.

    `time` is when it was written (ms since the epoch), `document` the whole of it; `line` is how
    it stands in the file, empty for one of the topic.
    """

    time: int
    host: str
    reason: str
    topic: str
    key: str
    size: int
    place: str
    document: dict[str, Any]
    line: bytes = b""

    @property
    def unsendable(self) -> str:
        """Why it can't be sent again; "" if it can."""
        if self.reason == _INVALID:
            return "it is no valid record"
        if self.document["dead"].get("truncated"):
            return "only its beginning was kept"
        return ""

    def record(self) -> EncodedRecord:
        """What was to be published, as it was to be published."""
        dead = self.document["dead"]
        return EncodedRecord(
            self.topic,
            self.key.encode(),
            _original(dead),
            int(dead["timestamp_ms"]),
            tuple((name, value.encode("latin-1")) for name, value in dead["headers"].items()),
            dead["partition_key"].encode("latin-1"),
            dead.get("sequence", UNNUMBERED),
        )

    def told(self) -> dict[str, Any]:
        """What the record says, in whatever form; ValueError where that can't be read."""
        record = self.record()
        if record.value.startswith(b"{"):
            told: dict[str, Any] = orjson.loads(record.value)
            return told
        return read_message(record.headers, record.value)


def _original(dead: dict[str, Any]) -> bytes:
    """The record's bytes; of one that was no UTF-8, each stands as the character of its number."""
    raw: bytes = dead["original"].encode()
    if dead.get("truncated") or len(raw) == dead["original_bytes"]:
        return raw
    return str(dead["original"]).encode("latin-1")


def from_topic(message: Received) -> Letter | None:
    """The letter in a message; None if it holds none."""
    return _letter(message.value, f"{message.partition}/{message.offset}")


def from_file(kept: Kept) -> Letter | None:
    """The letter in a line; None if it holds none."""
    return _letter(kept.letter.value, "file", kept.line)


def _letter(value: bytes, place: str, line: bytes = b"") -> Letter | None:
    try:
        document = orjson.loads(value)
        dead = document["dead"]
        letter = Letter(
            time=round(datetime.fromisoformat(document["@timestamp"]).timestamp() * 1000),
            host=str(document.get("host", {}).get("name") or document["agent"]["id"]),
            reason=str(document["error"]["type"]),
            topic=str(dead["topic"]),
            key=str(dead["key"]),
            size=int(dead["original_bytes"]),
            place=place,
            document=document,
            line=line,
        )
        letter.record()
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return letter


@dataclass(frozen=True, slots=True)
class Selection:
    """Which letters are meant: of each kind one has to fit, where any is given."""

    keys: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    begin: int | None = None
    end: int | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing was chosen."""
        return self == Selection()

    def of(self, letters: Iterator[Letter]) -> Iterator[Letter]:
        """Those that are meant."""
        return (letter for letter in letters if self._admits(letter))

    def _admits(self, letter: Letter) -> bool:
        return (
            _fits(letter.key, self.keys)
            and _fits(letter.reason, self.reasons)
            and _fits(letter.host, self.hosts)
            and (self.begin is None or letter.time >= self.begin)
            and (self.end is None or letter.time <= self.end)
        )


def _fits(text: str, wanted: tuple[str, ...]) -> bool:
    return not wanted or any(fnmatchcase(text, one) for one in wanted)

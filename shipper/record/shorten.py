"""A record that is too long -> the same record with its longest texts cut, marked and valid.

What is cut is the document, and each attempt is measured as it is encoded. Header values give way
first, then the other texts that a peer chose, then whole headers; each as little as makes the
record fit. A record that comes back from the disk can be shortened too, where its form gives back
the whole document.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from shipper.contract.record import EncodedRecord
from shipper.record.encoders import Document, Encoder, encoder_for
from shipper.record.model.record import ADAPTER

#: No text is cut to fewer characters than this.
_SHORTEST: Final = 32
#: Parts of a record that hold texts of a peer, beside the headers.
_PEERS: Final = ("url", "user_agent", "http", "source", "destination", "client", "server", "trace")
_SIDES: Final = ("request", "response")


class _Text(NamedTuple):
    """One text of the record, and where it stands."""

    name: str
    holder: dict[str, Any] | list[Any]
    place: Any
    text: str

    def cut(self, characters: int) -> None:
        """Leave its beginning."""
        self.holder[self.place] = self.text[:characters]


def shorten(record: EncodedRecord, limit: int) -> EncodedRecord | None:
    """The record with a value of at most `limit` bytes; None if it can't be brought to that.

    `shipper.shortened` names what was cut. A record that fits is returned as it is; a message that
    is no record of an exchange can't be shortened, nor one whose form, which its headers name, does
    not give the document back.
    """
    if len(record.value) <= limit:
        return record
    try:
        encoder = encoder_for(record.headers)
        document = encoder.decode(record.value) if encoder.whole else None
    except ValueError:
        return None
    value = None if document is None else Shortener(encoder).fitted(document, limit)
    return None if value is None else record._replace(value=value)


class Shortener:
    """Shortens documents that go out in one form."""

    def __init__(self, encoder: Encoder) -> None:
        self._encode = encoder.encode

    def fitted(self, document: Document, limit: int) -> bytes | None:
        """The document, cut in place to at most `limit` bytes; None if it can't be."""
        try:
            marked = document["shipper"].setdefault("shortened", [])
            value = self._fitting(document, limit, marked)
            if value is not None:
                ADAPTER.validate_python(document)
        except (ValidationError, KeyError, TypeError, AttributeError):
            return None
        return value

    def _fitting(self, document: Document, limit: int, marked: list[str]) -> bytes | None:
        """`document` cut in place, and its bytes; None if all cutting does not help."""
        for texts in (_header_values(document), _other_texts(document)):
            if (value := self._cut(document, list(texts), limit, marked)) is not None:
                return value
        # The names of many headers would take the room that is being made.
        sides = [f"http.{side}.headers" for side in _SIDES]
        known = [next((s for s in sides if name.startswith(s)), name) for name in marked]
        marked[:] = dict.fromkeys(known)
        return self._drop_headers(document, limit, marked)

    def _cut(
        self, document: Document, texts: list[_Text], limit: int, marked: list[str]
    ) -> bytes | None:
        """Cut what is longer than some length, the greatest length that makes the record fit."""
        texts.sort(key=lambda found: len(found.text), reverse=True)
        before = list(marked)

        def at(characters: int) -> bytes:
            marked[:] = before
            for found in texts:
                found.cut(characters)
                if len(found.text) > characters and found.name not in marked:
                    marked.append(found.name)
            return self._encode(document)

        longest = len(texts[0].text) if texts else 0
        return _greatest(at, longest, limit)

    def _drop_headers(self, document: Document, limit: int, marked: list[str]) -> bytes | None:
        """Leave out whole headers, those that take the most room first."""
        held = [
            (len(orjson.dumps(values)) + len(name) + len('"":,'), side, name)
            for side, headers in _headers(document)
            for name, values in headers.items()
        ]
        held.sort()
        value = self._encode(document)
        excess = len(value) - limit
        while held and excess > 0:
            size, side, name = held.pop()
            del document["http"][side]["headers"][name]
            excess -= size
            if (field := f"http.{side}.headers") not in marked:
                marked.append(field)
            if excess <= 0:
                excess = len(self._encode(document)) - limit
        value = self._encode(document)
        return value if len(value) <= limit else None


def _greatest(at: Callable[[int], bytes], longest: int, limit: int) -> bytes | None:
    """The bytes for the greatest length that fits (`at` has been left there), else None."""
    if len(value := at(min(_SHORTEST, longest))) > limit:
        return None
    low, high = min(_SHORTEST, longest), longest
    while high - low > max(1, low // 64):
        middle = (low + high) // 2
        if len(at(middle)) <= limit:
            low = middle
        else:
            high = middle
    value = at(low)
    return value if len(value) <= limit else None


def _headers(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, list[str]]]]:
    for side in _SIDES:
        yield side, document.get("http", {}).get(side, {}).get("headers", {})


def _header_values(document: dict[str, Any]) -> Iterator[_Text]:
    for side, headers in _headers(document):
        for name, values in headers.items():
            if name != "@names":  # a name that is cut would be another name
                for place, text in enumerate(values):
                    yield _Text(f"http.{side}.headers.{name}", values, place, text)


def _other_texts(document: dict[str, Any]) -> Iterator[_Text]:
    for part in _PEERS:
        yield from _texts(document.get(part, {}), part)
    related = document.get("related", {}).get("hosts", [])
    for place, text in enumerate(related):
        yield _Text("related.hosts", related, place, text)


def _texts(part: dict[str, Any], prefix: str) -> Iterator[_Text]:
    for name, held in part.items():
        if isinstance(held, dict) and name != "headers":
            yield from _texts(held, f"{prefix}.{name}")
        elif isinstance(held, str) and name != "ip":
            yield _Text(f"{prefix}.{name}", part, name, held)

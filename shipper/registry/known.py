"""What registries have answered -> a small file, so that a start needs none of them.

An answer is good for one registry, subject, version and text of a schema. A file that can't be
read or written costs nothing but that: the registry is asked again.
"""

import json
import os
import tempfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, NamedTuple
from uuid import UUID

from shipper.registry.client import HIGHEST_ID, Registered

#: What the file is called, beside the spool's folders.
FILE: Final = "schema-ids.json"
_MOST: Final = 64


class Question(NamedTuple):
    """What was asked of whom; `version` is the schema's own, as in 1.0."""

    url: str
    subject: str
    version: str
    schema: str

    def named(self) -> dict[str, str]:
        """As it stands in the file."""
        digest = sha256(self.schema.encode()).hexdigest()
        return {
            "registry": self.url,
            "subject": self.subject,
            "version": self.version,
            "sha256": digest,
        }


class Known:
    """The file; several processes may share it, and each keeps what the others wrote."""

    def __init__(self, path: Path | None) -> None:
        self.path = path

    def find(self, question: Question) -> Registered | None:
        """What was answered the last time; None if nothing (any more)."""
        named = question.named()
        for entry in self._entries():
            if all(entry.get(name) == value for name, value in named.items()):
                return _registered(entry)
        return None

    def keep(self, question: Question, found: Registered | None) -> None:
        """Remember an answer, or that there is none."""
        if self.path is None:
            return
        named = question.named()
        before = self._entries()
        others = [entry for entry in before if named.items() - entry.items()]
        after = others[-_MOST:]
        if found is not None:
            guid = None if found.guid is None else str(found.guid)
            after.append({**named, "id": found.id, "guid": guid})
        if after != before:
            with suppress(OSError):
                _write(self.path, after)

    def _entries(self) -> list[dict[str, Any]]:
        if self.path is None:
            return []
        try:
            entries = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return []
        if not isinstance(entries, list):
            return []
        return [entry for entry in entries if isinstance(entry, dict) and _registered(entry)]


def _registered(entry: dict[str, Any]) -> Registered | None:
    number, guid = entry.get("id"), entry.get("guid")
    if type(number) is not int or not 0 <= number <= HIGHEST_ID:
        return None
    try:
        return Registered(number, None if guid is None else UUID(guid))
    except (AttributeError, TypeError, ValueError):
        return None


def _write(path: Path, entries: list[dict[str, Any]]) -> None:
    """All of it or nothing, whoever reads or dies meanwhile."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(entries, file, indent=1)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise

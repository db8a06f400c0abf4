"""The written cases and ordinary traffic in; records, and which rules have to find each, out."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml
from consumers.contracts import Json

from .ordinary import ordinary
from .traffic import Seen, records

_CASES = Path(__file__).with_name("cases.yml")


@dataclass(frozen=True)
class Case:
    """One record, the names of the rules that have to find it, and how it was written down."""

    record: Json
    rules: frozenset[str]
    written: str


@cache
def written() -> dict[str, Json]:
    """Rule -> its hits and misses, as they stand in the file."""
    read: dict[str, Json] = yaml.safe_load(_CASES.read_text("utf-8"))
    return read


@cache
def cases() -> tuple[Case, ...]:
    """Hits and misses of every rule, then ordinary traffic, which no rule finds."""
    found = [*_written(), *((seen, frozenset[str](), "ordinary") for seen in ordinary())]
    made = records(seen for seen, _, _ in found)
    return tuple(
        Case(record, rules, name) for record, (_, rules, name) in zip(made, found, strict=True)
    )


def hits() -> Iterator[tuple[Seen, frozenset[str]]]:
    """Each exchange that rules have to find, and which."""
    yield from ((seen, names) for seen, names, _ in _written() if names)


def _written() -> Iterator[tuple[Seen, frozenset[str], str]]:
    for rule, kinds in written().items():
        for kind, own in (("hits", {rule}), ("misses", set[str]())):
            for line in kinds[kind]:
                said = {"request": line} if isinstance(line, str) else dict(line)
                also = said.pop("also", ())
                yield Seen.read(said), frozenset({*own, *also}), f"{kind} of {rule}: {line}"

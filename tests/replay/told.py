"""What a reader tells of one HTTP exchange, in the same words for every reader, and the comparison.

Text is ISO-8859-1, as in an `Exchange`. The comparison is field by field; exchanges that only one
reader tells are found by aligning the two lists of one connection.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, NamedTuple

#: (address, port) of the client, and of the server.
Ends = tuple[tuple[str, int], tuple[str, int]]
Headers = tuple[tuple[str, str], ...]

#: What is compared of an exchange that both readers tell.
FIELDS = (
    "method",
    "target",
    "request_version",
    "request_headers",
    "status",
    "response_version",
    "response_headers",
    "interim",
)


@dataclass(frozen=True)
class Told:
    """One exchange. `at` says where: the frame of its request or, without one, of its response."""

    at: str
    method: str | None = None
    target: str | None = None
    request_version: str | None = None
    request_headers: Headers = ()
    status: int | None = None
    response_version: str | None = None
    response_headers: Headers = ()
    interim: tuple[int, ...] = ()
    odd: tuple[str, ...] = ()  # anomalies that the reader names; not compared

    @property
    def line(self) -> str:
        """For people: what was asked and what was answered."""
        asked = "-" if self.method is None else f"{self.method} {self.target}"
        return f"{asked} -> {self.status or '-'}"


Connections = Mapping[Ends, list[Told]]


class Difference(NamedTuple):
    """One field of one exchange in which two readers differ; "exchange": only one tells it.

    `at` is their place, or ours where only we tell it; `odd` is what we name. Of headers there
    stand those that the other reader has not, or all of them where only their order differs.
    """

    at: str
    field: str
    theirs: Any
    ours: Any
    odd: tuple[str, ...]


def differences(theirs: Connections, ours: Connections) -> list[Difference]:
    """All of a capture."""
    ends = dict.fromkeys((*theirs, *ours))
    return [found for at in ends for found in _of_connection(theirs.get(at, []), ours.get(at, []))]


def _of_connection(theirs: list[Told], ours: list[Told]) -> Iterator[Difference]:
    for one, other in _aligned(theirs, ours):
        if one is None or other is None:
            at = one or other
            if at is not None:
                lines = one and one.line, other and other.line
                yield Difference(at.at, "exchange", lines[0], lines[1], at.odd)
            continue
        for field in FIELDS:
            values = getattr(one, field), getattr(other, field)
            if values[0] != values[1]:
                said, meant = _apart(*values) if field.endswith("headers") else values
                yield Difference(one.at, field, said, meant, other.odd)


def _apart(one: Headers, other: Headers) -> tuple[Headers, Headers]:
    """What each has that the other has not."""
    only_one = tuple((Counter(one) - Counter(other)).elements())
    only_other = tuple((Counter(other) - Counter(one)).elements())
    return (only_one, only_other) if only_one or only_other else (one, other)


def _aligned(theirs: list[Told], ours: list[Told]) -> Iterator[tuple[Told | None, Told | None]]:
    """Pairs of what both tell, in order; None beside what only one does."""
    matcher = SequenceMatcher(
        None, [_key(t) for t in theirs], [_key(t) for t in ours], autojunk=False
    )
    for _, a, b, c, d in matcher.get_opcodes():
        yield from zip_longest(theirs[a:b], ours[c:d])


def _key(told: Told) -> tuple[object, ...]:
    return told.method, told.target, told.status

"""Observations of a group in one step of event time -> one small document, and their sum.

A slot is what JSON can say, because it lies in a store: how many records (`n`), how many of them
matter (`m`), the ids of some that do (`e`), the time of the newest (`t`, ms), the latencies as
bins of a DDSketch (`b`), which are exact to 1 % and add up, and the different values of a field
that is counted (`v`), as short hashes.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final, TypedDict

from ddsketch.mapping import LogarithmicMapping

#: How many ids an alert may name (schemas/http.header.alerts.v1).
EVIDENCE: Final = 100
_EVIDENCE_OF_SLOT: Final = 25
#: How many different values are told apart.
VALUES: Final = 1000
_HASH_BYTES: Final = 6
_ACCURACY: Final = 0.01
_BINS: Final = LogarithmicMapping(_ACCURACY)
_SHORTEST: Final = 1e-6  # seconds; below it everything is one bin


class Slot(TypedDict):
    """One step of a group, or several added up."""

    n: int
    m: int
    t: int
    e: list[str]
    b: dict[str, int]
    v: list[str]


def empty() -> Slot:
    """Nothing."""
    return {"n": 0, "m": 0, "t": 0, "e": [], "b": {}, "v": []}


def add(slot: Slot, event_id: str, time: int, *, matters: bool, value: float | str | None) -> None:
    """One record that was over at `time` (ms).

    `value` is its latency (seconds) where that is measured, a text where those are counted.
    """
    slot["n"] += 1
    slot["t"] = max(slot["t"], time)
    if matters:
        slot["m"] += 1
        if len(slot["e"]) < _EVIDENCE_OF_SLOT:
            slot["e"].append(event_id)
    if isinstance(value, str):
        hashed = blake2b(value.encode("utf-8", "surrogatepass"), digest_size=_HASH_BYTES)
        _join(slot["v"], [hashed.hexdigest()])
    elif value is not None:
        count(slot["b"], value)


def total(slots: Iterable[Slot]) -> Slot:
    """Several slots as one."""
    found = empty()
    for slot in slots:
        found["n"] += slot["n"]
        found["m"] += slot["m"]
        found["t"] = max(found["t"], slot["t"])
        found["e"] += slot["e"][: EVIDENCE - len(found["e"])]
        for key, number in slot["b"].items():
            found["b"][key] = found["b"].get(key, 0) + number
        _join(found["v"], slot["v"])
    return found


def _join(values: list[str], more: Iterable[str]) -> None:
    """Those that are not there yet, as long as there is room."""
    known = set(values)
    values += [one for one in more if one not in known][: VALUES - len(values)]


def count(bins: dict[str, int], value: float) -> None:
    """One value more."""
    key = str(_BINS.key(value)) if value > _SHORTEST else ""
    bins[key] = bins.get(key, 0) + 1


def quantile(bins: dict[str, int], q: float) -> float | None:
    """The value that a share `q` of all does not exceed, to 1 %; None of nothing."""
    wanted = q * (sum(bins.values()) - 1)
    seen = 0
    for key in sorted(bins, key=lambda key: int(key) if key else -(1 << 30)):
        seen += bins[key]
        if seen > wanted:
            return float(_BINS.value(int(key))) if key else 0.0
    return None

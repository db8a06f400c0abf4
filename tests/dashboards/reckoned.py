"""A panel of the description and the records in; the numbers that it has to show out, in Python."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from consumers.contracts import Json

from .description import Groups, Metric, Panel


def _in_class(number: int) -> Callable[[Json], bool]:
    return lambda r: [s // 100 for s in values(r, "http.response.status_code")] == [number]


#: The queries of the description, said once more without Lucene.
QUERIES: dict[str, Callable[[Json], bool]] = {
    "*": lambda record: True,  # noqa: ARG005
    "NOT _exists_:http.response.status_code": lambda r: not values(r, "http.response.status_code"),
    "http.response.status_code:404": lambda r: values(r, "http.response.status_code") == [404],
    "_exists_:ledger.lost.reason": lambda r: bool(values(r, "ledger.lost.reason")),
    "ledger.clean:false AND ledger.state:closed": lambda r: (
        values(r, "ledger.clean") == [False] and values(r, "ledger.state") == ["closed"]
    ),
    **{f"http.response.status_code:[{n}00 TO {n}99]": _in_class(n) for n in range(1, 6)},
}  # fmt: skip
#: How far a percentile may be from the exact one, as a share of the values.
_SLACK = 0.15


def values(record: Any, path: str) -> list[Any]:  # noqa: ANN401 - a part of a record
    """What stands at a dotted path, lists opened."""
    if isinstance(record, list):
        return [value for one in record for value in values(one, path)]
    if not path:
        return [record]
    first, _, rest = path.partition(".")
    if not isinstance(record, dict) or first not in record:
        return []
    return values(record[first], rest)


def groups(
    panel: Panel, by: Sequence[Groups], records: Iterable[Json]
) -> dict[tuple[str, ...], list[Json]]:
    """Key -> its records; of every group, whatever a panel's limits are."""
    found: dict[tuple[str, ...], list[Json]] = {}
    for record in records:
        if QUERIES[panel.query](record):
            for key in _keys(by, record):
                found.setdefault(key, []).append(record)
    return found


def _keys(by: Sequence[Groups], record: Json) -> list[tuple[str, ...]]:
    keys: list[tuple[str, ...]] = [()]
    for one in by:
        keys = [(*key, name) for key in keys for name in _names(one, record)]
    return keys


def _names(one: Groups, record: Json) -> list[str]:
    if one.kind == "queries":
        return [label for label, query in one.queries if QUERIES[query](record)]
    found = values(record, one.field)
    if one.kind == "time":
        at = datetime.fromisoformat(found[0]).timestamp()
        return [str(int(at // 60 * 60_000))]
    return sorted({str(value) for value in found})


def fits(metric: Metric, records: list[Json], shown: Sequence[float | None]) -> bool:
    """Whether the numbers of a metric are those of these records."""
    if metric.kind == "count":
        return list(shown) == [len(records)]
    known = [value for record in records for value in values(record, metric.field)]
    if metric.kind == "unique":
        return list(shown) == [len(set(known))]
    if metric.kind == "percentiles":
        pairs = zip(metric.percents, shown, strict=True)
        return all(_is_percentile(known, percent / 100, value) for percent, value in pairs)
    if not known:
        return list(shown) in ([None], [0.0])
    exact = {"average": sum(known) / len(known), "maximum": max(known), "sum": sum(known)}
    return len(shown) == 1 and math.isclose(float(shown[0] or 0), exact[metric.kind], rel_tol=1e-6)


def _is_percentile(known: list[Any], share: float, shown: float | None) -> bool:
    if not known:
        return shown is None or math.isnan(float(shown))
    ordered, last = sorted(known), len(known) - 1
    least = ordered[max(0, math.floor((share - _SLACK) * last))]
    most = ordered[min(last, math.ceil((share + _SLACK) * last))]
    return shown is not None and least <= float(shown) <= most

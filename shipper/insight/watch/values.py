"""Words of watch.toml -> values: times, filters. A message completes `"name": got 3, ...`."""

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Annotated, Any, Final

from pydantic import BeforeValidator

from shipper.insight.watch.fields import Record, reader

_UNITS_MS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_TIME: Final = re.compile(r"(\d+(?:\.\d+)?) ?(ms|s|m|h|d)")
_STATUSES: Final = re.compile(r"([1-9])xx", re.IGNORECASE)


def _milliseconds(given: object) -> object:
    if isinstance(given, str) and (found := _TIME.fullmatch(given.strip())):
        return round(float(found[1]) * _UNITS_MS[found[2]])
    if isinstance(given, int | float) and not isinstance(given, bool) and given == 0:
        return 0
    raise ValueError('a time with its unit is needed, as in "30s", "5m" or "1d"')


#: A time, kept in milliseconds.
Time = Annotated[int, BeforeValidator(_milliseconds)]


def _wanted(given: object) -> object:
    if not isinstance(given, dict):
        raise ValueError('a table is needed, as in { status = "5xx" }')  # noqa: TRY004 - pydantic's
    found = {}
    for name, values in given.items():
        several = values if isinstance(values, list) else [values]
        if not several or not all(isinstance(v, str | int) for v in several):
            raise ValueError(f"{name} needs a text, a number, or a list of them")
        found[name] = tuple(several)
    return found


#: Field -> what it may be: `{ status = ["5xx", 429], "url.path" = "/api/*" }`.
Where = Annotated[dict[str, tuple[str | int, ...]], BeforeValidator(_wanted)]


def admits(where: Mapping[str, tuple[str | int, ...]]) -> Callable[[Record], bool]:
    """Whether a record has one of the wanted values in each field; `!`: not that."""
    tests = [_test(name, values) for name, values in where.items()]
    return lambda record: all(test(record) for test in tests)


def _test(name: str, values: tuple[str | int, ...]) -> Callable[[Record], bool]:
    read = reader(name)
    unwanted = [_same(v[1:]) for v in values if isinstance(v, str) and v.startswith("!")]
    wanted = [_same(v) for v in values if not (isinstance(v, str) and v.startswith("!"))]

    def test(record: Record) -> bool:
        found = read(record)
        several = found if isinstance(found, list) else [found]
        return any(
            (not wanted or any(same(one) for same in wanted))
            and not any(same(one) for same in unwanted)
            for one in several
        )

    return test


def _same(wanted: str | int) -> Callable[[Any], bool]:
    """`5xx` is a class of numbers, `*` and `?` in a text match any."""
    if isinstance(wanted, int):
        return lambda found: found == wanted or found == str(wanted)
    if statuses := _STATUSES.fullmatch(wanted):
        hundreds = int(statuses[1])
        return lambda found: isinstance(found, int) and found // 100 == hundreds
    pattern = re.compile(translate(wanted), re.IGNORECASE)
    return lambda found: found is not None and pattern.match(str(found)) is not None

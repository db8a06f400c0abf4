"""Nanoseconds since the epoch -> RFC 3339 text. Reads no clock."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_SECOND: Final = 1_000_000_000
#: 9999-12-31T23:59:59.999999999Z, the last time that has a text.
LATEST: Final = 253_402_300_800 * _SECOND - 1


@lru_cache(maxsize=64)
def _seconds(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def timestamp(nanoseconds: int) -> str:
    """UTC with microseconds, rounded down; the time is from 0 to `LATEST`."""
    # Padded by a digit that is cut off: a format takes three times as long.
    fraction = str(1_000_000 + nanoseconds % _SECOND // 1000)[1:]
    return f"{_seconds(nanoseconds // _SECOND)}.{fraction}Z"

"""Nanoseconds since the epoch -> RFC 3339 text. Reads no clock."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

_SECOND: Final = 1_000_000_000
#: 9999-12-31T23:59:59.999999999Z
LATEST: Final = 253_402_300_800 * _SECOND - 1


@lru_cache(maxsize=64)
def _seconds(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def writable(nanoseconds: int) -> bool:
    """Whether a time has a text: from 1970 to the year 9999."""
    return 0 <= nanoseconds <= LATEST


def timestamp(nanoseconds: int) -> str:
    """UTC with microseconds, rounded down; the time must be writable."""
    second, rest = divmod(nanoseconds, _SECOND)
    return f"{_seconds(second)}.{rest // 1000:06d}Z"

"""Timestamps of a record <-> milliseconds since 1970, as OCSF has them; and durations."""

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

NANOSECONDS_IN_MILLISECOND: Final = 1_000_000


def milliseconds(text: str) -> int:
    """Of a timestamp: whole milliseconds since 1970, rounded down."""
    return (datetime.fromisoformat(text) - _EPOCH) // _MILLISECOND


def whole_milliseconds(nanoseconds: int) -> int:
    """Of a duration: whole milliseconds, rounded down."""
    return nanoseconds // NANOSECONDS_IN_MILLISECOND

"""Times as people give them on the command line <-> ms since the epoch."""

import argparse
import re
from datetime import UTC, datetime
from typing import Final

from shipper.errors import UsageError

_UNITS_MS: Final = {"s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}


def take_ages(parser: argparse.ArgumentParser) -> None:
    """Have `-2h` taken as a value and not as an option that nobody knows."""
    parser._negative_number_matcher = re.compile(r"-\d+[smhd]?$")  # noqa: SLF001 - no public way


def moment(text: str, now: int, option: str) -> int:
    """RFC 3339, or so long ago as in 2h or -2h -> ms since the epoch. Raises UsageError."""
    ago = re.fullmatch(r"-?(\d+)([smhd])", text)
    if ago is not None:
        return now - int(ago[1]) * _UNITS_MS[ago[2]]
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{option} {text}: no time", "as in 2026-01-31T12:00:00Z or -2h") from None
    aware = found if found.tzinfo else found.astimezone()
    return round(aware.timestamp() * 1000)


def length(text: str, option: str) -> int:
    """A length of time as in 10m -> ms. Raises UsageError."""
    found = re.fullmatch(r"(\d+)([smhd])", text)
    if found is None:
        raise UsageError(f"{option} {text}: no length of time", "as in 10m")
    return int(found[1]) * _UNITS_MS[found[2]]


def moment_text(milliseconds: int) -> str:
    """RFC 3339, UTC, as precise as it is."""
    found = datetime.fromtimestamp(milliseconds / 1000, UTC)
    return found.isoformat(timespec="milliseconds").replace("+00:00", "Z")

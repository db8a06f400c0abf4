"""HTTP assembly: header events in, exchanges out. Pure: no socket, no clock, no file, no log."""

from shipper.http.accounts import (
    BLOCK_FATES,
    EVENT_FATES,
    EVENTS_DISCARDED,
    EVENTS_USED,
    FACTS,
    MESSAGE_FATES,
    TOTALS,
)
from shipper.http.assembler import Assembler

__all__ = [
    "BLOCK_FATES",
    "EVENTS_DISCARDED",
    "EVENTS_USED",
    "EVENT_FATES",
    "FACTS",
    "MESSAGE_FATES",
    "TOTALS",
    "Assembler",
]

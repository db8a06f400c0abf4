"""The record room: an exchange becomes a redacted, validated record, and then bytes.

This is its door. It reads no file and no clock, and knows no Kafka: settings and times are
handed in, an `EncodedRecord` is handed out. The accounts (ledger) and dead letters that go beside
the records are made here too.
"""

from shipper.record.clock import timestamp
from shipper.record.dead import DeadLetters
from shipper.record.encode import Record, RecordBuilder, RecordRejected
from shipper.record.headers import NameSeen
from shipper.record.ledger import LedgerBuilder
from shipper.record.model.ledger import STAGES, Coverage, Ledger, Lost, Stage, Stages, Unobserved
from shipper.record.model.ledger import Sequence as LedgerSequence
from shipper.record.settings import (
    DEFAULT_REQUEST_HEADERS,
    DEFAULT_RESPONSE_HEADERS,
    Action,
    ClientIp,
    HeaderSettings,
    Identity,
    PrivacySettings,
    RecordSettings,
)
from shipper.record.shorten import shorten

__all__ = [
    "DEFAULT_REQUEST_HEADERS",
    "DEFAULT_RESPONSE_HEADERS",
    "STAGES",
    "Action",
    "ClientIp",
    "Coverage",
    "DeadLetters",
    "HeaderSettings",
    "Identity",
    "Ledger",
    "LedgerBuilder",
    "LedgerSequence",
    "Lost",
    "NameSeen",
    "PrivacySettings",
    "Record",
    "RecordBuilder",
    "RecordRejected",
    "RecordSettings",
    "Stage",
    "Stages",
    "Unobserved",
    "shorten",
    "timestamp",
]

"""The record room: an exchange becomes a redacted, validated record, and then bytes.

This is its door. It reads no file and no clock, and knows no Kafka: settings and times are
handed in, an `EncodedRecord` is handed out.
"""

from shipper.record.encode import Record, RecordBuilder, RecordRejected
from shipper.record.headers import NameSeen
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

__all__ = [
    "DEFAULT_REQUEST_HEADERS",
    "DEFAULT_RESPONSE_HEADERS",
    "Action",
    "ClientIp",
    "HeaderSettings",
    "Identity",
    "NameSeen",
    "PrivacySettings",
    "Record",
    "RecordBuilder",
    "RecordRejected",
    "RecordSettings",
]

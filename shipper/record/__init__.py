"""The record room: an exchange becomes a redacted, validated record, and then bytes.

This is its door. It reads no file and no clock, and knows no Kafka: settings and times are
handed in, an `EncodedRecord` is handed out. The accounts (ledger) and dead letters that go beside
the records are made here too, and the schemas of all of them.
"""

from shipper.record.avro import AvroForm, avro_schema
from shipper.record.avro_compatibility import avro_changes
from shipper.record.clock import timestamp
from shipper.record.command_line import CommandLines
from shipper.record.compatibility import Change, json_changes
from shipper.record.dead import DeadLetters
from shipper.record.encode import Record, RecordBuilder, RecordRejected
from shipper.record.encoders import ENCODINGS, Encoder, encoder_of, read_message
from shipper.record.faults import Fault, first_fault
from shipper.record.headers import NameSeen
from shipper.record.ledger import LedgerBuilder
from shipper.record.model.counterparts import ECS_VERSION
from shipper.record.model.ledger import STAGES, Coverage, Ledger, Lost, Stage, Stages, Unobserved
from shipper.record.model.ledger import Sequence as LedgerSequence
from shipper.record.schema import (
    ALERTS,
    CONTRACTS,
    RECORD,
    Contract,
    json_schema,
    open_schema,
    registry_schema,
)
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
    "ALERTS",
    "CONTRACTS",
    "DEFAULT_REQUEST_HEADERS",
    "DEFAULT_RESPONSE_HEADERS",
    "ECS_VERSION",
    "ENCODINGS",
    "RECORD",
    "STAGES",
    "Action",
    "AvroForm",
    "Change",
    "ClientIp",
    "CommandLines",
    "Contract",
    "Coverage",
    "DeadLetters",
    "Encoder",
    "Fault",
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
    "avro_changes",
    "avro_schema",
    "encoder_of",
    "first_fault",
    "json_changes",
    "json_schema",
    "open_schema",
    "read_message",
    "registry_schema",
    "shorten",
    "timestamp",
]

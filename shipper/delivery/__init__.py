"""Encoded records in; acknowledged messages, or counted and explained losses, out.

The only room that speaks to Kafka (`confluent_kafka`). It knows neither HTTP nor eBPF: a record
is bytes with a key. Nothing here starts a thread when it is imported; clients are made in the
process that uses them, after any fork.
"""

from shipper.delivery.admin import Right, Topic, TopicAdmin
from shipper.delivery.check import check_kafka
from shipper.delivery.consume import Extent, Received, Start, TopicReader
from shipper.delivery.dead_file import DEAD_LETTERS, DeadFile, Kept
from shipper.delivery.files import FileSink, StdoutSink
from shipper.delivery.form import Form, TopicForm
from shipper.delivery.framing import Framing, SchemaId, SchemaName, schema_name
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.lines import Lines
from shipper.delivery.mock import MockBroker
from shipper.delivery.options import Options
from shipper.delivery.settings import connection
from shipper.delivery.sink import Backpressure, Counters, Full, Log, ReaderGone, Settled, Sink
from shipper.delivery.spool import Leftover
from shipper.delivery.spooled import SpooledSink, SpoolSettings
from shipper.delivery.statistics import BrokerNumbers, Statistics
from shipper.delivery.tee import TeeSink

__all__ = [
    "DEAD_LETTERS",
    "Backpressure",
    "BrokerNumbers",
    "Counters",
    "DeadFile",
    "Extent",
    "FileSink",
    "Form",
    "Framing",
    "Full",
    "KafkaSink",
    "Kept",
    "Leftover",
    "Lines",
    "Log",
    "MockBroker",
    "Options",
    "ReaderGone",
    "Received",
    "Right",
    "SchemaId",
    "SchemaName",
    "Settled",
    "Sink",
    "SpoolSettings",
    "SpooledSink",
    "Start",
    "Statistics",
    "StdoutSink",
    "TeeSink",
    "Topic",
    "TopicAdmin",
    "TopicForm",
    "TopicReader",
    "check_kafka",
    "connection",
    "schema_name",
]

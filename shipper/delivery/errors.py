"""What Kafka's error codes mean to the user: the one table.

`reason` is what a failure is counted under, `problem` and `remedy` make the line, and `help`
says what mends it. No secret passes: values of secret settings are struck out of every text.
"""

# ruff: noqa: SLF001 - Kafka's client names its own codes with a leading underscore

import re
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException

Setting = str | int | float | bool
Settings = Mapping[str, Setting]


class Help(Enum):
    """What mends an error; the value says what the producer does about it meanwhile."""

    TIME = "trying on"  #: the client tries again by itself
    OPERATOR = "records are kept and sent again"  #: once somebody has mended it
    RESTART = "starting anew"  #: this producer is of no more use; a new one sends again
    AGAIN = "sent again"  #: nothing is wrong with this record
    NONE = ""  #: this record will never be taken


class Meaning(NamedTuple):
    """One row of the table."""

    reason: str
    problem: str
    remedy: str
    help: Help


_E = KafkaError

MEANINGS: dict[int, Meaning] = {
    _E._ALL_BROKERS_DOWN: Meaning(
        "brokers_down",
        "no Kafka broker answers",
        "check kafka.bootstrap.servers and the network",
        Help.TIME,
    ),
    _E._TRANSPORT: Meaning(
        "connection",
        "the connection to a Kafka broker failed",
        "check kafka.bootstrap.servers and the network",
        Help.TIME,
    ),
    _E._RESOLVE: Meaning(
        "name_resolution",
        "a Kafka broker's name can't be resolved",
        "check kafka.bootstrap.servers and the DNS",
        Help.TIME,
    ),
    _E._TIMED_OUT: Meaning(
        "request_timed_out",
        "Kafka did not answer in time",
        "check kafka.bootstrap.servers and the network",
        Help.TIME,
    ),
    _E._AUTHENTICATION: Meaning(
        "authentication",
        "Kafka refuses the log-in",
        "check kafka.sasl.username, sasl.password and sasl.mechanism",
        Help.OPERATOR,
    ),
    _E.SASL_AUTHENTICATION_FAILED: Meaning(
        "authentication",
        "Kafka refuses the log-in",
        "check kafka.sasl.username, sasl.password and sasl.mechanism",
        Help.OPERATOR,
    ),
    _E.UNSUPPORTED_SASL_MECHANISM: Meaning(
        "authentication",
        "Kafka does not offer this SASL mechanism",
        "check kafka.sasl.mechanism",
        Help.OPERATOR,
    ),
    _E._SSL: Meaning(
        "tls",
        "TLS to Kafka fails",
        "check kafka.ssl.ca.location, the broker's certificate and that the port speaks TLS",
        Help.OPERATOR,
    ),
    _E.TOPIC_AUTHORIZATION_FAILED: Meaning(
        "topic_authorization",
        "Kafka forbids writing to the topic",
        "grant WRITE and DESCRIBE on it to this user",
        Help.OPERATOR,
    ),
    _E.CLUSTER_AUTHORIZATION_FAILED: Meaning(
        "cluster_authorization",
        "Kafka forbids writing",
        "grant WRITE on the topic to this user (before Kafka 2.8 also IDEMPOTENT_WRITE on the "
        "cluster)",
        Help.RESTART,
    ),
    _E._UNKNOWN_TOPIC: Meaning(
        "unknown_topic",
        "the topic is not there",
        "create it",
        Help.OPERATOR,
    ),
    _E.UNKNOWN_TOPIC_OR_PART: Meaning(
        "unknown_topic",
        "the topic is not there",
        "create it",
        Help.OPERATOR,
    ),
    _E._UNKNOWN_PARTITION: Meaning(
        "unknown_partition",
        "the topic has no such partition",
        "",
        Help.OPERATOR,
    ),
    _E.TOPIC_EXCEPTION: Meaning(
        "invalid_topic", "the topic's name is not allowed", "change kafka.topic", Help.OPERATOR
    ),
    _E.MSG_SIZE_TOO_LARGE: Meaning(
        "too_large",
        "a record is larger than the client or the topic takes",
        "raise kafka.message.max.bytes and the topic's max.message.bytes, or keep fewer headers",
        Help.NONE,
    ),
    _E.RECORD_LIST_TOO_LARGE: Meaning(
        "too_large",
        "a batch is larger than the topic's segments",
        "raise the topic's segment.bytes",
        Help.NONE,
    ),
    _E.INVALID_TIMESTAMP: Meaning(
        "timestamp_refused",
        "Kafka refuses a record's time",
        "check this host's clock, lower record.max_ahead "
        "or raise the topic's message.timestamp.after.max.ms",
        Help.NONE,
    ),
    _E.INVALID_RECORD: Meaning(
        "record_refused",
        "Kafka refuses a record",
        "check the topic's settings (compaction, schema validation)",
        Help.NONE,
    ),
    _E._INVALID_DIFFERENT_RECORD: Meaning(
        "batch_refused", "Kafka refuses another record of the batch", "", Help.AGAIN
    ),
    _E.INVALID_MSG: Meaning("corrupt", "a record arrived damaged", "check the network", Help.NONE),
    _E.POLICY_VIOLATION: Meaning(
        "policy", "a policy of the Kafka cluster refuses it", "ask its operator", Help.NONE
    ),
    _E.UNSUPPORTED_COMPRESSION_TYPE: Meaning(
        "compression_refused",
        "Kafka does not take this compression",
        "set kafka.compression.type = lz4",
        Help.OPERATOR,
    ),
    _E.NOT_ENOUGH_REPLICAS: Meaning(
        "not_enough_replicas",
        "too few replicas of the topic are in sync",
        "",
        Help.TIME,
    ),
    _E.NOT_ENOUGH_REPLICAS_AFTER_APPEND: Meaning(
        "not_enough_replicas",
        "too few replicas of the topic are in sync",
        "",
        Help.TIME,
    ),
    _E.THROTTLING_QUOTA_EXCEEDED: Meaning(
        "throttled", "Kafka slows this client down", "", Help.TIME
    ),
    _E.KAFKA_STORAGE_ERROR: Meaning(
        "broker_storage", "a Kafka broker has trouble with its disk", "", Help.TIME
    ),
    _E._MSG_TIMED_OUT: Meaning(
        "timed_out",
        "a record was given up after kafka.message.timeout.ms (but may be in the topic)",
        "set kafka.message.timeout.ms = 0, which never gives up",
        Help.NONE,
    ),
    _E._FATAL: Meaning("producer_fatal", "the producer has failed", "", Help.RESTART),
    _E.OUT_OF_ORDER_SEQUENCE_NUMBER: Meaning(
        "sequence_lost", "Kafka lost track of this producer", "", Help.RESTART
    ),
    _E.UNKNOWN_PRODUCER_ID: Meaning(
        "sequence_lost", "Kafka lost track of this producer", "", Help.RESTART
    ),
    _E.INVALID_PRODUCER_EPOCH: Meaning(
        "producer_fenced",
        "Kafka knows a newer epoch of it",
        "",
        Help.RESTART,
    ),
    _E.PRODUCER_FENCED: Meaning(
        "producer_fenced",
        "Kafka knows a newer epoch of it",
        "",
        Help.RESTART,
    ),
    _E._PURGE_QUEUE: Meaning("closed", "closed before it was sent", "", Help.RESTART),
    _E._PURGE_INFLIGHT: Meaning("closed", "closed before it was acknowledged", "", Help.RESTART),
    _E._DESTROY: Meaning("closed", "closed before it was sent", "", Help.RESTART),
}

#: A row that Kafka has no code for: the record may not go where it was meant to.
OTHER_FORM = Meaning(
    "other_form",
    "what the spool kept is of another form than is configured now",
    "send it again as then: `shipper dead-letters resend --reason other_form` with that "
    "kafka.topic, kafka.framing and record.encoding",
    Help.NONE,
)

#: The reasons that no time mends, only somebody.
FOR_OPERATORS = frozenset(row.reason for row in MEANINGS.values() if row.help is Help.OPERATOR)

#: Rows that only the text tells from others, tried in this order.
_BY_TEXT: tuple[tuple[re.Pattern[str], Meaning], ...] = (
    (
        re.compile(r"alert (bad certificate|certificate required|unknown ca|certificate expired)"),
        Meaning(
            "tls",
            "the Kafka broker wants another TLS certificate of this client",
            "check kafka.ssl.certificate.location and ssl.key.location",
            Help.OPERATOR,
        ),
    ),
    (re.compile(r"SSL routines|ssl/tls alert"), MEANINGS[_E._SSL]),
    (
        re.compile(r"OAUTHBEARER"),
        Meaning(
            "authentication",
            "the log-in to Kafka fails",
            "check kafka.sasl.oauthbearer.client.id, client.secret and token.endpoint.url",
            Help.OPERATOR,
        ),
    ),
)
_TOLD_BY_TEXT = frozenset({_E._TRANSPORT, _E._SSL, _E._AUTHENTICATION})

#: Faults of one connection, which the summary ALL_DOWN covers when no broker is left.
CONNECTION = frozenset({_E._TRANSPORT, _E._RESOLVE, _E._TIMED_OUT})
ALL_DOWN = _E._ALL_BROKERS_DOWN
TIMED_OUT = _E._TIMED_OUT
GIVEN_UP = _E._MSG_TIMED_OUT
NO_PARTITION = _E._UNKNOWN_PARTITION
PARTITION_EOF = _E._PARTITION_EOF
#: What Kafka says of a batch in which some record's time is refused.
TIMELY = frozenset({_E.INVALID_TIMESTAMP, _E.INVALID_RECORD, _E._INVALID_DIFFERENT_RECORD})
#: Reports about records that we ourselves took back from the producer.
PURGED = frozenset({_E._PURGE_QUEUE, _E._PURGE_INFLIGHT, _E._DESTROY})


def meaning(error: KafkaError) -> Meaning:
    """The row for an error; one that the table does not know is counted under its own name."""
    if error.code() in _TOLD_BY_TEXT:
        said = error.str() or ""
        for pattern, row in _BY_TEXT:
            if pattern.search(said):
                return row
    known = MEANINGS.get(error.code())
    if known is not None:
        return known
    if error.fatal():
        return MEANINGS[_E._FATAL]
    wanted = Help.OPERATOR if error.retriable() else Help.NONE
    name = error.name().strip("_").lower()
    return Meaning(f"kafka_{name}", f"Kafka reports {error.name()}", plain(error), wanted)


def line(error: KafkaError, settings: Settings, detail: str = "") -> str:
    """One line for the user: problem, what Kafka said, remedy, and what the producer does."""
    row = meaning(error)
    said = scrub(detail or plain(error), settings)
    return words(row, said, row.help.value)


def of_connection(error: KafkaError) -> bool:
    """Whether it is the fault of one connection, which has no cause that it could be told by."""
    return error.code() in CONNECTION and meaning(error).help is Help.TIME


def words(row: Meaning, said: str, then: str) -> str:
    """The same of a row: what Kafka `said` in brackets, `then` what is done."""
    told = f"{row.problem} ({said})" if said and said != row.remedy else row.problem
    what = "; ".join(part for part in (row.remedy, then) if part)
    return f"{told}: {what}" if what else told


def error_of(exception: KafkaException) -> KafkaError:
    """The `KafkaError` inside an exception of the client."""
    first = exception.args[0] if exception.args else None
    return first if isinstance(first, KafkaError) else KafkaError(KafkaError._FAIL, str(first))


_SECRET = re.compile(
    r"password|secret|\.pem$|jaas|oauthbearer\.config|token|passphrase", re.IGNORECASE
)


def is_secret(name: str) -> bool:
    """Whether a librdkafka setting holds what nobody should read (NAME.file holds a path)."""
    return not name.endswith(".file") and _SECRET.search(name) is not None


def scrub(text: str, settings: Settings) -> str:
    """`text` without the values of secret settings."""
    for name, value in settings.items():
        if is_secret(name) and str(value):
            text = text.replace(str(value), "***")
    return text


def plain(error: KafkaError) -> str:
    """What the client says, in one line, without its inner states ("after 0ms in state ...")."""
    return re.sub(r" \(after \d+ms in state [^)]*\)", "", " ".join((error.str() or "").split()))


def most_telling(seen: Sequence[KafkaError], settings: Settings) -> tuple[Meaning, str]:
    """Of several errors the cause (a refused log-in before a lost connection), and it in words."""
    cause = min(seen, key=_rank)
    row = meaning(cause)
    return row, f"{row.problem} ({scrub(plain(cause), settings)})"


def _rank(error: KafkaError) -> int:
    if error.code() == ALL_DOWN:
        return 3
    if not of_connection(error):
        return 0
    return 2 if error.code() == TIMED_OUT else 1

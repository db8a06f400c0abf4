"""The librdkafka settings of the configuration, laid over ours.

Any setting of librdkafka passes through. Ours stand where none is given; one that weakens what
delivery promises (at least once, in order, for ever retried) is taken with a warning.
"""

import difflib
import logging
import re
from collections.abc import Callable
from typing import Any, TypeVar

from confluent_kafka import KafkaException

from shipper.delivery.errors import Setting, Settings, error_of, scrub
from shipper.delivery.secret_files import contents
from shipper.delivery.sink import Log
from shipper.errors import ConfigError

#: What a producer gets unless the configuration says otherwise.
DEFAULTS: dict[str, Setting] = {
    "client.id": "shipper",
    "enable.idempotence": True,
    "acks": "all",
    "compression.type": "zstd",
    # Of zstd. A batch is small, so that the tables of level 3, its own default, cost more to make
    # than they save: 1 takes a sixth off the producer's instructions, and adds 2 % to the bytes.
    "compression.level": 1,
    # The default of 300 s would lose what an outage holds up for longer; 0 never gives up.
    "message.timeout.ms": 0,
    # At 5,000 records a second 5 ms cost the agent 6 % more processor time than 20, and the broker
    # more, and take 14 ms off the delay.
    "linger.ms": 5,
    # librdkafka's own, 1 GiB and 100,000, are too much for an edge host: what is in flight takes
    # about 8 KB of memory a record in all, and what goes beyond waits in the spool.
    "queue.buffering.max.kbytes": 16384,
    "queue.buffering.max.messages": 10000,
    "socket.keepalive.enable": True,
    # What /readyz and /metrics tell of Kafka comes from these.
    "statistics.interval.ms": 2000,
    # What is no data record has no partition of ours: its key decides, in the same way.
    "partitioner": "murmur2_random",
    # A topic that is gone is told sooner than after 30 s.
    "topic.metadata.propagation.max.ms": 5000,
}

_ALIASES = {
    "request.required.acks": "acks",
    "delivery.timeout.ms": "message.timeout.ms",
    "compression.codec": "compression.type",
    "queue.buffering.max.ms": "linger.ms",
    "metadata.broker.list": "bootstrap.servers",
    "retries": "message.send.max.retries",
}

#: Settings that only make sense for a producer; a reader of the topic leaves them out.
_PRODUCER_ONLY = frozenset(
    {
        "acks",
        "batch.num.messages",
        "batch.size",
        "compression.level",
        "compression.type",
        "delivery.report.only.error",
        "dr_msg_cb",
        "enable.gapless.guarantee",
        "enable.idempotence",
        "linger.ms",
        "message.send.max.retries",
        "message.timeout.ms",
        "partitioner",
        "queue.buffering.backpressure.threshold",
        "queue.buffering.max.kbytes",
        "queue.buffering.max.messages",
        "queuing.strategy",
        "request.timeout.ms",
        "sticky.partitioning.linger.ms",
        "statistics.interval.ms",
        "transaction.timeout.ms",
        "transactional.id",
    }
)

_FREQUENT = (
    *DEFAULTS,
    *_ALIASES,
    *_PRODUCER_ONLY,
    "bootstrap.servers",
    "broker.address.family",
    "message.max.bytes",
    "security.protocol",
    "sasl.mechanism",
    "sasl.username",
    "sasl.password",
    "sasl.oauthbearer.config",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.endpoint.identification.algorithm",
    "socket.timeout.ms",
    "reconnect.backoff.max.ms",
    "topic.metadata.refresh.interval.ms",
)


def producer_settings(given: Settings, log: Log) -> dict[str, Setting]:
    """What the producer is made with; warns through `log` where a promise is weakened."""
    named = _canonical(given)
    merged = {**DEFAULTS, **named}
    if merged["compression.type"] != "zstd" and "compression.level" not in named:
        del merged["compression.level"]  # a number means something else to each of them
    if merged["acks"] not in ("all", "-1", -1) and "enable.idempotence" not in named:
        merged["enable.idempotence"] = False  # the two exclude each other
    for name, harm in _weaknesses(merged):
        log(logging.WARNING, f"kafka.{name} = {merged[name]} weakens delivery: {harm}")
    return merged


def reader_settings(given: Settings) -> dict[str, Setting]:
    """What a consumer or a check is made with: the connection, nothing about producing."""
    kept = {name: value for name, value in _canonical(given).items() if name not in _PRODUCER_ONLY}
    return {"client.id": "shipper", **kept}


def connection(given: Settings) -> dict[str, Setting]:
    """The same with the contents of secret files, for a client that is made elsewhere."""
    return contents(reader_settings(given))


Client = TypeVar("Client")


def make(kind: Callable[[dict[str, Any]], Client], config: dict[str, Any]) -> Client:
    """A client of librdkafka, or a `ConfigError` that names the setting or the file at fault."""
    config = contents(config)
    if not config.get("bootstrap.servers") and "test.mock.num.brokers" not in config:
        raise ConfigError(
            "kafka.bootstrap.servers is not set",
            "give host:port of a broker, as in --set kafka.bootstrap.servers=kafka.example:9092",
        )
    try:
        return kind(config)
    except KafkaException as e:
        raise _refusal(error_of(e).str(), config) from None
    except (TypeError, ValueError) as e:
        raise _refusal(str(e), config) from None


def _canonical(given: Settings) -> dict[str, Setting]:
    return {_ALIASES.get(name, name): value for name, value in given.items()}


def _weaknesses(merged: dict[str, Setting]) -> list[tuple[str, str]]:
    found = []
    if merged["acks"] not in ("all", "-1", -1):
        found.append(("acks", "a record can be lost with the broker that took it"))
    if str(merged["enable.idempotence"]).lower() != "true":
        found.append(("enable.idempotence", "records can arrive twice or out of order"))
    if str(merged["message.timeout.ms"]) != "0":
        found.append(("message.timeout.ms", "records are given up after that time"))
    if "message.send.max.retries" in merged:
        found.append(("message.send.max.retries", "records are given up after so many attempts"))
    return found


def _refusal(said: str, config: dict[str, Any]) -> ConfigError:
    """The one line for a setting that librdkafka does not take."""
    text = scrub(" ".join(said.split()), {k: v for k, v in config.items() if isinstance(v, str)})
    unknown = re.search(r'No such configuration property: "([^"]+)"', text)
    if unknown:
        near = difflib.get_close_matches(unknown[1], _FREQUENT, n=1)
        hint = (
            f"did you mean kafka.{near[0]}?" if near else "librdkafka's CONFIGURATION.md lists all"
        )
        return ConfigError(f"kafka.{unknown[1]} is no setting of librdkafka", hint)
    invalid = re.search(r'Invalid value for configuration property "([^"]+)"', text)
    if invalid:
        name = _ALIASES.get(invalid[1], invalid[1])
        return ConfigError(
            f"kafka.{name} has a value that librdkafka does not take",
            "librdkafka's CONFIGURATION.md says which it takes",
        )
    text = text.removeprefix("Failed to create producer: ").removeprefix(
        "Failed to create consumer: "
    )
    return ConfigError(f"the Kafka client refuses its settings ({text})", "mend them below kafka")

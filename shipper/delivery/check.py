"""Is Kafka there, does it let us in, is the topic there? For `doctor` and the start of `run`."""

from dataclasses import dataclass

from confluent_kafka import KafkaError, KafkaException, Producer

from shipper.delivery import errors
from shipper.delivery.clientlog import client_logger
from shipper.delivery.errors import Settings
from shipper.delivery.settings import make, reader_settings


@dataclass(frozen=True, slots=True)
class BrokerCheck:
    """What the cluster answered; `problem` and `remedy` are empty when it did."""

    reachable: bool
    brokers: tuple[str, ...] = ()
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class TopicCheck:
    """Whether this user sees the topic."""

    there: bool
    partitions: int = 0
    problem: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class KafkaCheck:
    """Both answers; `topics` by their names, empty when no broker could be asked."""

    broker: BrokerCheck
    topics: dict[str, TopicCheck]

    @property
    def line(self) -> str:
        """The first problem with its remedy in one line; empty when all is well."""
        parts: list[BrokerCheck | TopicCheck] = [self.broker, *self.topics.values()]
        for part in parts:
            if part.problem:
                return f"{part.problem}: {part.remedy}" if part.remedy else part.problem
        return ""


def check_kafka(settings: Settings, *topics: str, timeout_s: float = 5.0) -> KafkaCheck:
    """Ask the cluster once for what this user sees of it.

    Raises `ConfigError` only for settings that can't be. The topics are looked for in the list of
    all, since asking for one by name makes brokers with automatic creation create it.
    """
    seen: list[KafkaError] = []
    config = {
        **reader_settings(settings),
        "error_cb": seen.append,
        "logger": client_logger(lambda _level, _line: None),
    }
    client = make(Producer, config)
    try:
        found = client.list_topics(timeout=timeout_s)
    except KafkaException as e:
        client.poll(0)
        row, said = errors.most_telling([*seen, errors.error_of(e)], settings)
        return KafkaCheck(BrokerCheck(reachable=False, problem=said, remedy=row.remedy), {})
    known = tuple(f"{broker.host}:{broker.port}" for broker in found.brokers.values())
    seen_of = {name: _topic(found.topics, name) for name in topics}
    return KafkaCheck(BrokerCheck(reachable=True, brokers=known), seen_of)


def _topic(topics: dict[str, object], name: str) -> TopicCheck:
    found = topics.get(name)
    if found is None:
        return TopicCheck(
            there=False,
            problem=f"the topic {name} is not there, or this user may not see it",
            remedy="make it (shipper topics create), or grant DESCRIBE and WRITE on it",
        )
    return TopicCheck(there=True, partitions=len(getattr(found, "partitions", ())))

"""Topics and rights of a cluster: what is there, and what is to be made. Nothing is altered."""

from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
)

from shipper.delivery import errors
from shipper.delivery.clientlog import client_logger
from shipper.delivery.errors import Settings
from shipper.delivery.settings import make, reader_settings
from shipper.errors import UnavailableError

_OTHERWISE = "have somebody who may run what `shipper topics plan --commands` prints"
#: What an error of an administrative request means: problem and remedy.
_MEANINGS: dict[int, tuple[str, str]] = {
    KafkaError.TOPIC_AUTHORIZATION_FAILED: (
        "this user may not do that to the topic",
        f"use a principal with CREATE, DESCRIBE_CONFIGS and DESCRIBE, or {_OTHERWISE}",
    ),
    KafkaError.CLUSTER_AUTHORIZATION_FAILED: (
        "this user may not do that to the cluster",
        f"use a principal with CREATE, DESCRIBE and ALTER on the cluster, or {_OTHERWISE}",
    ),
    KafkaError.INVALID_REPLICATION_FACTOR: (
        "the cluster has too few brokers for this replication factor",
        "give --replication-factor",
    ),
    KafkaError.SECURITY_DISABLED: (
        "the cluster has no authorizer, so that rights can't be given",
        "leave out the principals",
    ),
}


class Right(NamedTuple):
    """A principal ("User:name") may do an operation ("WRITE") to a topic."""

    principal: str
    topic: str
    operation: str


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic as it is, or is to be: `config` holds the topic's own settings by dotted name."""

    name: str
    partitions: int
    replication: int
    config: Mapping[str, str] = field(default_factory=dict)


class TopicAdmin:
    """Asks a cluster, each time for at most `timeout_s`; `UnavailableError` where it can't."""

    def __init__(self, settings: Settings, timeout_s: float = 5.0) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._seen: list[KafkaError] = []
        config = {
            **reader_settings(settings),
            "error_cb": self._seen.append,
            "logger": client_logger(lambda _level, _line: None),
        }
        self._client = make(AdminClient, config)

    def brokers(self) -> int:
        """How many brokers the cluster has."""
        return len(self._metadata().brokers)

    def topics(self, names: Iterable[str]) -> dict[str, Topic]:
        """Those of the topics that are there, with every setting that holds for them.

        They are looked for in the list of all, since asking for one by name may create it.
        """
        known = self._metadata().topics
        wanted = [name for name in names if name in known]
        resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in wanted]
        found = {}
        answers = self._client.describe_configs(resources) if resources else {}
        for resource, future in answers.items():
            entries = self._result(future, resource.name)
            parts = known[resource.name].partitions
            found[resource.name] = Topic(
                resource.name,
                len(parts),
                min((len(part.replicas) for part in parts.values()), default=0),
                {name: str(entry.value) for name, entry in entries.items()},
            )
        return found

    def create(self, topic: Topic) -> bool:
        """Make a topic; False if it is there already."""
        new = NewTopic(topic.name, topic.partitions, topic.replication, config=dict(topic.config))
        (future,) = self._client.create_topics([new]).values()
        try:
            future.result(self._timeout_s)
        except KafkaException as e:
            if errors.error_of(e).code() == KafkaError.TOPIC_ALREADY_EXISTS:
                return False
            raise self._unavailable(errors.error_of(e), f"the topic {topic.name}") from None
        return True

    def rights(self) -> set[Right] | None:
        """Who may do what to which topic by its own name; None where there is no authorizer."""
        anything: Any = None  # as the client means it; its types say otherwise
        wanted = AclBindingFilter(
            ResourceType.TOPIC,
            anything,
            ResourcePatternType.ANY,
            anything,
            anything,
            AclOperation.ANY,
            AclPermissionType.ALLOW,
        )
        try:
            found = self._client.describe_acls(wanted).result(self._timeout_s)
        except KafkaException as e:
            error = errors.error_of(e)
            if error.code() == KafkaError.SECURITY_DISABLED:
                return None
            raise self._unavailable(error, "the ACLs") from None
        return {Right(b.principal, _pattern(b), b.operation.name) for b in found}

    def grant(self, right: Right) -> None:
        """Give a right, from whatever host."""
        binding = AclBinding(
            ResourceType.TOPIC,
            right.topic,
            ResourcePatternType.LITERAL,
            right.principal,
            "*",
            AclOperation[right.operation],
            AclPermissionType.ALLOW,
        )
        (future,) = self._client.create_acls([binding]).values()
        self._result(future, f"the ACL of {right.principal} on {right.topic}")

    def _metadata(self) -> Any:  # noqa: ANN401 - the client's own class has no types
        try:
            return self._client.list_topics(timeout=self._timeout_s)
        except KafkaException as e:
            self._client.poll(0)
            row, said = errors.most_telling([*self._seen, errors.error_of(e)], self._settings)
            raise UnavailableError(said, row.remedy) from None

    def _result(self, future: Future[Any], what: str) -> Any:  # noqa: ANN401 - as many kinds as requests
        try:
            return future.result(self._timeout_s)
        except KafkaException as e:
            raise self._unavailable(errors.error_of(e), what) from None

    def _unavailable(self, error: KafkaError, what: str) -> UnavailableError:
        said = errors.scrub(errors.plain(error), self._settings)
        problem, remedy = _MEANINGS.get(error.code(), (errors.meaning(error).problem, ""))
        return UnavailableError(f"{what}: {problem} ({said})", remedy)


def _pattern(binding: AclBinding) -> str:
    """The name of a topic; of several where it ends in `*`."""
    prefixed = binding.resource_pattern_type is ResourcePatternType.PREFIXED
    return f"{binding.name}*" if prefixed else str(binding.name)

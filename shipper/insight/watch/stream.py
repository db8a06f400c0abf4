"""Records of the topic -> alerts on theirs, by Quix Streams: groups, state, transactions.

    records ──► new ids only ──► observations by shard ──► shard's state ──► alerts
                 state: known      (a topic of our own)      ▲
    clock ──────────────────► known until ───────────────────┘

Reading, state and what is written are one Kafka transaction, so that after a crash or a
rebalance everything is as if each message had been processed once. State lies in RocksDB and in
changelog topics, from which whoever takes a partition over has it again.
"""

import logging
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, cast

import orjson
from confluent_kafka import KafkaException
from quixstreams import Application
from quixstreams.exceptions import QuixException
from quixstreams.kafka import ConnectionConfig
from quixstreams.models import Deserializer, SerializationContext, Serializer, TopicConfig

from shipper.errors import ConfigError, UnavailableError
from shipper.insight.watch import alerts
from shipper.insight.watch.alerts import InvalidAlertError
from shipper.insight.watch.known import Known
from shipper.insight.watch.observe import PARTITIONER, Observations, Observer
from shipper.insight.watch.settings import Settings
from shipper.insight.watch.shard import Shard
from shipper.insight.watch.watched import Watched
from shipper.record import read_message

_COMMIT_S: Final = 1.0
#: How often, and how many seconds apart, it is tried to begin.
_TRIES: Final = 5
_AGAIN_S: Final = 2.0
#: A process that died holds up what it had written for as long, and its partitions.
_GONE_MS: Final = 12_000
_ONE: Final = b"0"
#: Observations are worthless once they are read; what is away for longer has to begin anew.
_WEEK_MS: Final = "604800000"


class _Alike(Deserializer):  # type: ignore[misc]
    """Any key as the same one: a store is asked by event.id, whatever the message's key."""

    def __call__(self, value: object, ctx: SerializationContext) -> bytes:  # noqa: ARG002 - the name it is called by
        return _ONE


class _Message(Deserializer):  # type: ignore[misc]
    """The ECS document in a message of any form; None for what has none, which is counted.

    Forms that have no room for it (CIM, apipark) can't be held against rules.
    """

    def __init__(self) -> None:
        super().__init__()
        self.malformed = 0

    def __call__(self, value: bytes | None, ctx: SerializationContext) -> dict[str, Any] | None:
        try:
            found = read_message(_headers(ctx.headers), value or b"")
        except ValueError:
            found = {}
        if isinstance(found.get("event"), dict) and "ecs" in found:
            return found
        self.malformed += 1
        return None


def _headers(given: object) -> list[tuple[str, bytes]]:
    """A message's headers as librdkafka hands them out: a list, with None for empty ones."""
    return [(name, text or b"") for name, text in given] if isinstance(given, list) else []


class _Dump(Serializer):  # type: ignore[misc]
    """A document as bytes, as the agent writes its own."""

    def __call__(self, value: object, ctx: SerializationContext) -> bytes:  # noqa: ARG002
        return orjson.dumps(value)


class Topics(NamedTuple):
    """The topics of records and alerts, and the shape of the former: ours have the same."""

    records: str
    alerts: str
    partitions: int
    replicas: int


def _identity(state: Path) -> str:
    """The name of whoever has this folder: started again, it fences what it left open."""
    path = state / "identity"
    try:
        if not path.exists():
            state.mkdir(parents=True, exist_ok=True)
            path.write_text(str(uuid.uuid4()), "ascii")
        return path.read_text("ascii")
    except OSError as error:
        raise ConfigError(
            f"state: can't use the folder {state} ({error.strerror})", "give one of this user's"
        ) from None


class Stream:
    """The program that watches, ready to `run`."""

    def __init__(
        self,
        connection: Mapping[str, Any],
        topics: Topics,
        settings: Settings,
        rules: list[Watched],
        said: Callable[[dict[str, Any]], None],
    ) -> None:
        """What is read and written, by which rules.

        `said` is told each alert when it is raised, which after a fault may be once more.

        Raises UnavailableError where Kafka has not the topics it needs and does not make them.
        """
        self._said = said
        self.records = 0
        self.raised = 0
        self.invalid = 0
        self.known = Known(settings.remember)
        self.shard = Shard(
            {rule.id: rule for rule in rules}, settings.grace, max(1, settings.groups // 16)
        )
        self._message = _Message()
        self._observer = Observer(rules)
        self._rules = {rule.id: rule for rule in rules}
        self._instance = (settings.group, str(uuid.uuid4()))
        self._folder = tempfile.TemporaryDirectory(prefix="shipper-watch-")
        self.observations = f"{settings.group}.observations.v1"
        self._connection, self._topics, self._settings = connection, topics, settings
        self._application = self._begun()

    @property
    def malformed(self) -> int:
        """Messages that held no ECS document."""
        return self._message.malformed

    def run(self) -> None:
        """Until it is stopped, by `stop` or a signal.

        Raises KafkaException or QuixException when Kafka was away for longer than a transaction
        may be open: it can `renew` itself then.
        """
        self._application.run()

    def renew(self) -> None:
        """Begin anew where the group is; raises as `run` does where Kafka does not answer."""
        self._application = self._made()

    def close(self) -> None:
        """Forget the state that ends with the process."""
        self._folder.cleanup()

    def stop(self) -> None:
        """End after the message at hand; what was done is committed."""
        self._application.stop()

    def _begun(self) -> Application:
        """Made for the first time. A topic made a moment ago may not be seen at once."""
        for left in reversed(range(_TRIES)):
            try:
                return self._made()
            except (KafkaException, QuixException) as error:
                if not left:
                    cause = " ".join(str(error).split())
                    raise UnavailableError(
                        f"the topics of {self._settings.group} can't be used: {cause}",
                        "see which topics and rights `shipper watch` needs (docs/watch.md)",
                    ) from error
            time.sleep(_AGAIN_S)
        raise AssertionError

    def _made(self) -> Application:
        connection, settings = self._connection, self._settings
        state = Path(settings.state or self._folder.name).resolve()
        known = ConnectionConfig.from_librdkafka_dict(dict(connection), ignore_extras=True)
        others = {k: v for k, v in connection.items() if k not in known.as_librdkafka_dict()}
        made = Application(
            broker_address=known,
            consumer_group=settings.group,
            auto_offset_reset="earliest",
            commit_interval=_COMMIT_S,
            consumer_poll_timeout=0.2,
            processing_guarantee="exactly-once",
            state_dir=state,
            loglevel=None,
            # What was to be read next is deleted: we were away for longer than topics keep it.
            # Baselines and open alerts are as old by then, and a monitor that waits for somebody
            # to reset its offsets tells nothing: it begins anew (which is logged as critical).
            auto_recover_from_source_offset_out_of_range=True,
            consumer_extra_config={**others, "session.timeout.ms": _GONE_MS},
            producer_extra_config={
                **others,
                "transactional.id": f"{settings.group}-{_identity(state)}",
                "transaction.timeout.ms": _GONE_MS,
                "linger.ms": 20,
                "partitioner": PARTITIONER,
                "compression.type": "zstd",
            },
        )
        self._frames(made, self._topics)
        return made

    def _frames(self, application: Application, topics: Topics) -> None:
        records = application.topic(
            topics.records, value_deserializer=self._message, key_deserializer=_Alike()
        )
        observations = application.topic(
            self.observations,
            key_serializer="str",
            config=TopicConfig(
                topics.partitions,
                topics.replicas,
                extra_config={
                    "retention.ms": _WEEK_MS,
                    # Of its own: what is read late must not be deleted for its age.
                    "message.timestamp.type": "LogAppendTime",
                },
            ),
        )
        raised = application.topic(topics.alerts, value_serializer=_Dump(), key_serializer="str")
        frame = application.dataframe(records)
        frame = frame.filter(self._counted)
        frame = frame.filter(self._first, stateful=True)
        frame = frame.apply(lambda record: list(self._observer.observations(record)), expand=True)
        frame.to_topic(observations, key=lambda seen: str(seen["shard"]))
        judged = application.dataframe(observations)
        judged = judged.apply(self._judged, expand=True, stateful=True)
        judged = judged.set_headers(lambda *_: list(alerts.HEADERS))
        judged.to_topic(raised, key=lambda alert: alert["event"]["id"])

    def _counted(self, record: dict[str, Any] | None) -> bool:
        self.records += record is not None
        return record is not None

    def _first(self, record: dict[str, Any], store: Any) -> bool:  # noqa: ANN401 - Quix' State
        event = record.get("event")
        event_id = event.get("id") if isinstance(event, dict) else None
        return isinstance(event_id, str) and self.known.first(event_id, store)

    def _judged(self, given: dict[str, Any], store: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - Quix' State
        until = given.get("known")
        if until is None:
            self.shard.take(cast("Observations", given), store)
            return []
        return list(self._alerts(until, store))

    def _alerts(self, until: int, store: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - Quix' State
        for raised in self.shard.known(until, store):
            rule = self._rules[raised.rule]
            try:
                alert = alerts.document(raised, rule, self._instance, until)
            except InvalidAlertError as error:
                self.invalid += 1
                logging.getLogger("shipper").error("%s: it is not sent", error)  # noqa: TRY400
                continue
            self.raised += 1
            self._said(alert)
            yield alert

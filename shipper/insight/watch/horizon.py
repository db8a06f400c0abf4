"""How far all records have been read -> messages that tell every shard so, about once a second.

A window may be closed, and silence be called silence, once it is certain that no record of that
time is still to be read. So: look at the clock, ask the brokers where each partition ends, wait
until the group has committed as far, then tell all shards "everything until then is known". That
goes by the wall clock, whether records come or not; and where reading lags or a process has died,
the time does not move on, and nothing is judged on half of its records.

Every process of the group does this for all partitions, so that it needs no leader; a shard
ignores what it knows already.
"""

import logging
import threading
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson
from confluent_kafka import Consumer, KafkaException, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec

from shipper.errors import UnavailableError
from shipper.insight.watch.clients import client_logger
from shipper.insight.watch.observe import PARTITIONER, SHARDS

_EVERY_S: Final = 1.0
_PATIENCE_S: Final = 10.0
_START_S: Final = 30.0
_MS: Final = 1_000_000
_SECOND: Final = 1000
#: Less is what clocks are set right by all the time.
_STEP_S: Final = 1.0

_EARLIEST: Final = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST: Final = OffsetSpec.latest()  # type: ignore[no-untyped-call]

Offsets = dict[tuple[str, int], int]


class Horizon(threading.Thread):
    """Tells the shards how far all is known, until it is stopped.

    `settings` are librdkafka's for the connection. With `once`, `done` is set as soon as what lay
    in the topics at the start has been read, judged and committed.
    """

    def __init__(
        self, settings: Mapping[str, Any], group: str, records: str, observations: str
    ) -> None:
        super().__init__(name="horizon", daemon=True)
        shared = {**settings, "logger": client_logger()}
        self._group = Consumer({**shared, "group.id": group, "enable.auto.commit": False})
        self._admin = AdminClient(shared)
        self._producer = Producer({**shared, "linger.ms": 5, "partitioner": PARTITIONER})
        self._records = records
        self._observations = observations
        self._ending = threading.Event()
        self._told: Offsets = {}
        #: Until when all is known (ms since the epoch), and what was told to all shards first.
        self.known_ms = 0
        self.lag = 0
        #: When Kafka last answered (monotonic, s).
        self.heard = time.monotonic()
        #: How far this host's clock is behind what was told already (s).
        self.set_back_s = 0.0
        self.done = threading.Event()
        self.failed: BaseException | None = None

    def run(self) -> None:
        """Until `stop`; a broker that is away is waited for."""
        while not self._ending.wait(_EVERY_S):
            try:
                self._once()
            except (KafkaException, TimeoutError) as error:
                logging.getLogger("shipper").debug("the horizon waits: %s", error)
            except Exception as error:  # noqa: BLE001 - told by the main thread, which then ends
                self.failed = error
                return

    def stop(self) -> None:
        """End, and wait for it."""
        self._ending.set()
        self.join(_PATIENCE_S)
        self._group.close()

    def begin(self, *, from_beginning: bool) -> None:
        """Where a group that has read nothing yet begins: commits the place in each partition.

        A broker that has just started is waited for; UnavailableError if it takes too long.
        """
        deadline = time.monotonic() + _START_S
        while True:
            try:
                self._begin(from_beginning=from_beginning)
            except KafkaException as error:
                if time.monotonic() > deadline:
                    raise UnavailableError(f"Kafka does not answer: {error}") from None
                time.sleep(_EVERY_S)
            else:
                return

    def _begin(self, *, from_beginning: bool) -> None:
        places = self._partitions(self._records)
        committed = self._group.committed(places, timeout=_PATIENCE_S)
        fresh = [place for place in committed if place.offset < 0]
        if not fresh:
            return
        spec = _EARLIEST if from_beginning else _LATEST
        found = self._offsets(fresh, spec)
        self._group.commit(
            offsets=[TopicPartition(t, p, offset) for (t, p), offset in found.items()],
            asynchronous=False,
        )

    def _once(self) -> None:
        now = time.time_ns() // _MS
        behind = (self.known_ms - now) / _SECOND
        self.set_back_s = behind if behind > _STEP_S else 0.0
        ends = self._offsets(self._partitions(self._records), _LATEST)
        while not self._ending.is_set():
            self.lag = self._missing(ends)
            if not self.lag:
                break
            self._ending.wait(_EVERY_S / 4)
        if self._told and not self._missing(self._told):
            self.done.set()
        if not self._ending.is_set():
            self._tell(now)

    def _tell(self, now: int) -> None:
        """To each shard, in the same order as observations: by key."""
        value = orjson.dumps({"known": now})
        first: Offsets | None = None if self._told else {}

        def delivered(error: object, message: Message) -> None:
            if first is not None and error is None:
                place = message.topic() or "", message.partition() or 0
                first[place] = max(first.get(place, 0), (message.offset() or 0) + 1)

        for number in range(SHARDS):
            self._producer.produce(
                self._observations,
                key=str(number).encode("ascii"),
                value=value,
                timestamp=now,
                on_delivery=delivered,
            )
        self._producer.flush(_PATIENCE_S)
        self.known_ms = max(self.known_ms, now)
        if first:
            self._told = first

    def _missing(self, wanted: Offsets) -> int:
        """How many messages the group has still to commit."""
        places = [TopicPartition(topic, number) for topic, number in wanted]
        committed = self._group.committed(places, timeout=_PATIENCE_S)
        self.heard = time.monotonic()
        return sum(
            max(0, wanted[place.topic, place.partition] - max(place.offset, 0))
            for place in committed
            if wanted[place.topic, place.partition]
        )

    def _partitions(self, topic: str) -> list[TopicPartition]:
        known = self._admin.list_topics(topic, timeout=_PATIENCE_S).topics[topic]
        return [TopicPartition(topic, number) for number in known.partitions]

    def _offsets(self, places: list[TopicPartition], spec: OffsetSpec) -> Offsets:
        asked = self._admin.list_offsets(dict.fromkeys(places, spec))
        return {
            (place.topic, place.partition): future.result(_PATIENCE_S).offset
            for place, future in asked.items()
        }

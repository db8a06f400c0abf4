"""Messages of a topic, read without a consumer group: nothing is committed, nobody is disturbed."""

import time
from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from confluent_kafka import (
    OFFSET_BEGINNING,
    OFFSET_END,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from shipper.closing import Closing
from shipper.delivery import errors
from shipper.delivery.clientlog import client_logger
from shipper.delivery.errors import Settings
from shipper.delivery.settings import make, reader_settings
from shipper.delivery.sink import Log
from shipper.errors import UnavailableError

_POLL_S = 0.2
_BATCH = 1000


class Start(Enum):
    """Where reading begins."""

    BEGINNING = OFFSET_BEGINNING
    END = OFFSET_END


class Received(NamedTuple):
    """One message; `timestamp_ms` is the one it was published with (ms since the epoch)."""

    headers: tuple[tuple[str, bytes], ...]
    key: bytes
    value: bytes
    timestamp_ms: int
    partition: int
    offset: int


class Extent(NamedTuple):
    """How many messages lie before a reader, and in which partitions older ones were deleted."""

    messages: int
    trimmed: frozenset[int]


class TopicReader(Closing):
    """Reads all partitions of a topic.

    `start` is a place, or a time (ms since the epoch): then each partition begins with its first
    message that is not older. Waits up to `timeout_s` for the broker and the topic; then raises
    `UnavailableError`. A topic that appears while it is waited for is read from its beginning.
    Partitions added later are not noticed.
    """

    def __init__(
        self,
        settings: Settings,
        topic: str,
        *,
        log: Log,
        start: Start | int = Start.END,
        timeout_s: float = 10.0,
    ) -> None:
        self._settings = settings
        self._topic = topic
        self._faults: list[KafkaError] = []
        config = {
            **reader_settings(settings),
            "group.id": "shipper-reader",  # the client asks for one; it is never joined
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "earliest",
            "error_cb": self._on_error,
            "logger": client_logger(log),
        }
        self._consumer = make(Consumer, config)
        try:
            partitions, waited = self._find(timeout_s)
            where = Start.BEGINNING if waited else start
            self._unread = set(partitions)
            self._places = [self._position(p, where, timeout_s) for p in partitions]
            self._begun = False
        except BaseException:
            self.close()
            raise

    @property
    def ended(self) -> bool:
        """Whether every partition was read to where it ended."""
        return not self._unread

    def read(self, timeout_s: float = _POLL_S) -> Received | None:
        """The next message, or None when there is none within `timeout_s`."""
        self._begin()
        deadline = time.monotonic() + timeout_s
        while True:
            message = self._consumer.poll(max(0.0, deadline - time.monotonic()))
            if message is None:
                return None
            error = message.error()
            if error is None:
                self._unread.add(message.partition() or 0)
                return _received(message)
            self._heed(error, message)
            if self.ended:
                return None

    def until_end(self, idle_s: float = 10.0) -> Iterator[Received]:
        """Messages up to the topic's present end; `UnavailableError` after `idle_s` of none."""
        for message in self._raw(idle_s):
            yield _received(message)

    def keys_until_end(self, idle_s: float = 10.0) -> Iterator[tuple[bytes, int, int]]:
        """The same, of each message only its key, its timestamp (ms) and its partition."""
        for message in self._raw(idle_s):
            yield message.key() or b"", message.timestamp()[1], message.partition() or 0

    def _raw(self, idle_s: float) -> Iterator[Message]:
        self._begin()
        last = time.monotonic()
        while not self.ended:
            messages = self._consumer.consume(_BATCH, _POLL_S)
            if messages:
                last = time.monotonic()
            elif time.monotonic() - last > idle_s:
                raise self._unavailable([*self._faults, KafkaError(errors.TIMED_OUT)])
            for message in messages:
                error = message.error()
                if error is None:
                    self._unread.add(message.partition() or 0)
                    yield message
                else:
                    self._heed(error, message)

    def extent(self, timeout_s: float = 10.0) -> "Extent":
        """What there is to read, as of now, and which partitions have lost their beginning.

        Quick before the first message was read; later, each question waits behind a fetch.
        A partition has when its reading starts with its oldest message and that is not its first:
        what came before was deleted for its age.
        """
        total, trimmed = 0, set()
        for place in self._places:
            try:
                low, high = self._consumer.get_watermark_offsets(place, timeout=timeout_s)
            except KafkaException as e:
                raise self._unavailable([errors.error_of(e)]) from None
            begin = low if place.offset == OFFSET_BEGINNING else max(low, place.offset)
            total += max(0, high - begin) if place.offset != OFFSET_END else 0
            if begin == low > 0:
                trimmed.add(place.partition)
        return Extent(total, frozenset(trimmed))

    def follow(self) -> Iterator[Received | None]:
        """Messages without end; None about five times a second while there is none."""
        while True:
            yield self.read()

    def close(self) -> None:
        """Disconnect."""
        self._consumer.close()

    def _begin(self) -> None:
        if not self._begun:
            self._consumer.assign(self._places)
            self._begun = True

    def _find(self, timeout_s: float) -> tuple[list[int], bool]:
        """The topic's partitions, and whether it came into being only now."""
        deadline = time.monotonic() + timeout_s
        waited = False
        while True:
            left = max(0.1, deadline - time.monotonic())
            try:
                found = self._consumer.list_topics(timeout=left).topics.get(self._topic)
            except KafkaException as e:
                self._consumer.poll(0)
                raise self._unavailable([*self._faults, errors.error_of(e)]) from None
            if found is not None and found.partitions:
                return list(found.partitions), waited
            if time.monotonic() >= deadline:
                raise UnavailableError(
                    f"the topic {self._topic} is not there, or this user may not see it",
                    "create it, or grant DESCRIBE and READ on it",
                )
            waited = True
            time.sleep(_POLL_S)

    def _position(self, partition: int, start: Start | int, timeout_s: float) -> TopicPartition:
        """Where to begin; the end is asked for now, so that nothing after this call is missed."""
        if isinstance(start, Start) and start is not Start.END:
            return TopicPartition(self._topic, partition, start.value)
        place = TopicPartition(self._topic, partition, 0 if isinstance(start, Start) else start)
        try:
            if isinstance(start, Start):
                place.offset = self._consumer.get_watermark_offsets(place, timeout=timeout_s)[1]
            else:
                place = self._consumer.offsets_for_times([place], timeout=timeout_s)[0]
        except KafkaException as e:
            raise self._unavailable([errors.error_of(e)]) from None
        return place

    def _heed(self, error: KafkaError, message: Message) -> None:
        if error.code() == errors.PARTITION_EOF:
            self._unread.discard(message.partition() or 0)
        elif error.code() == KafkaError.GROUP_AUTHORIZATION_FAILED:
            pass  # the client looks for the group that it never joins; reading needs no right to it
        elif errors.meaning(error).help is not errors.Help.TIME:
            raise self._unavailable([error])

    def _on_error(self, error: KafkaError) -> None:
        self._faults = [*self._faults[-9:], error]

    def _unavailable(self, seen: list[KafkaError]) -> UnavailableError:
        row, said = errors.most_telling(seen, self._settings)
        return UnavailableError(said, row.remedy)


def _received(message: Message) -> Received:
    headers = message.headers() or []
    pairs = headers.items() if isinstance(headers, dict) else headers
    return Received(
        tuple((name, _bytes(value)) for name, value in pairs),
        message.key() or b"",
        message.value() or b"",
        message.timestamp()[1],
        message.partition() or 0,
        message.offset() or 0,
    )


def _bytes(value: str | bytes | None) -> bytes:
    return value.encode() if isinstance(value, str) else value or b""

"""Which partition a record goes to, and how many there are.

The hash is the one of Kafka's Java client, so that who joins this topic with another by its key
finds equal keys in partitions of equal number. The number of partitions is asked of the broker;
until it is known a record has no place. This module waits for nobody longer than it is told.
"""

import random
import struct
import threading
import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Producer

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.errors import error_of
from shipper.delivery.options import PartitionBy

#: How long one question to the broker may hold up its caller (seconds).
ASK_S = 0.2
#: How long the broker may take for its answer (seconds).
_PATIENCE_S = 10.0
#: How often the number of partitions is asked again (seconds).
_REFRESH_S = 60.0
#: How long records without a rule stay with one partition (seconds).
_STAY_S = 1.0
#: Connections whose hash is remembered.
_REMEMBERED: Final = 1 << 16
#: Leaves the choice to librdkafka, which hashes the key in the same way (settings.py).
ANY = -1

_WORD: Final = struct.Struct("<I").unpack_from
_TWO_WORDS: Final = struct.Struct("<II").unpack_from
_MASK: Final = 0xFFFFFFFF
_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_TAIL: Final = 8  # bytes, besides the up to three that fill no word


class PartitionUnknown(Exception):  # noqa: N818 - it is a state, not an error
    """How many partitions the topic has is not known yet."""


def murmur2(data: bytes) -> int:
    """MurmurHash2 as `org.apache.kafka.common.utils.Utils.murmur2` has it, unsigned, 32 bit."""
    length = len(data)
    return _tail(_head(data, length - length % 4, length), data, length - length % 4)


def _head(data: bytes, end: int, length: int) -> int:
    """The hash over the words of `data[:end]`, of `length` bytes in all."""
    h = _SEED ^ length
    for (k,) in struct.iter_unpack("<I", data[:end]):
        k = k * _M & _MASK  # noqa: PLW2901 - the algorithm's own names
        h = (h * _M & _MASK) ^ ((k ^ k >> 24) * _M & _MASK)
    return h


def _tail(h: int, data: bytes, at: int) -> int:
    """The hash after the bytes that fill no word, and its final mixing."""
    if at < len(data):
        h = (h ^ int.from_bytes(data[at:], "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


class _KeyHash:
    """murmur2 of keys that differ in their last bytes, as those of one agent do.

    All but the last eight to eleven bytes are hashed once.
    """

    __slots__ = ("_hash", "_head", "_length")

    def __init__(self) -> None:
        self._length = -1
        self._head = b""
        self._hash = 0

    def __call__(self, key: bytes) -> int:
        length = len(key)
        if length < _TAIL:
            return murmur2(key)
        whole = length & ~3
        split = whole - _TAIL
        head = key[:split]
        if length != self._length or head != self._head:
            self._length, self._head = length, head
            self._hash = _head(key, split, length)
        a, b = _TWO_WORDS(key, split)
        a = a * _M & _MASK
        h = (self._hash * _M & _MASK) ^ ((a ^ a >> 24) * _M & _MASK)
        b = b * _M & _MASK
        h = (h * _M & _MASK) ^ ((b ^ b >> 24) * _M & _MASK)
        return _tail(h, key, whole)


class _Question:
    """How many partitions a topic has, asked of a producer's broker in a thread of its own."""

    def __init__(self, producer: Producer, topic: str) -> None:
        self.of = producer
        self._topic = topic
        self._found: int | KafkaError | None = None
        self._answered = threading.Event()
        threading.Thread(target=self._ask, name="partitions", daemon=True).start()

    def answer(self, timeout_s: float) -> int | KafkaError | None:
        """The number, or why there is none; None if neither came in time."""
        self._answered.wait(timeout_s)
        return self._found

    def _ask(self) -> None:
        try:
            found = self.of.list_topics(self._topic, timeout=_PATIENCE_S).topics[self._topic]
        except KafkaException as e:
            self._found = error_of(e)
        else:
            none = KafkaError(KafkaError.LEADER_NOT_AVAILABLE)
            self._found = found.error or len(found.partitions) or none
        self._answered.set()


class Partitions:
    """The place of each record, by the rule that was configured."""

    def __init__(
        self,
        by: PartitionBy,
        *,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[int], int] = random.randrange,
    ) -> None:
        """`chance` picks one of so many."""
        self._by = by
        self._clock = clock
        self._chance = chance
        self._counts: dict[str, int] = {}
        self._questions: dict[str, _Question] = {}
        self._stays: dict[str, int] = {}
        self._key_hash = _KeyHash()
        self._connections: dict[bytes, int] = {}
        self._moved = self._asked = clock()

    def of(self, record: EncodedRecord) -> int:
        """The partition; raises `PartitionUnknown`. What is no data record goes by its key."""
        count = self._counts.get(record.topic)
        if count is None:
            if record.sequence == UNNUMBERED:
                return ANY
            raise PartitionUnknown(record.topic)
        if self._by == "id" or record.sequence == UNNUMBERED:
            return (self._key_hash(record.key) & 0x7FFFFFFF) % count
        if self._by == "none":
            return self._stays[record.topic]
        value = self._connections.get(record.partition_key)
        if value is None:
            if len(self._connections) >= _REMEMBERED:
                self._connections.clear()
            value = self._connections[record.partition_key] = (
                murmur2(record.partition_key) & 0x7FFFFFFF
            )
        return value % count

    def ask(self, producer: Producer, topic: str) -> KafkaError | None:
        """Ask how many partitions a topic has; why that is not known, or None.

        Waits `ASK_S` at most. On a slow way to the broker the answer comes later, and is found by
        a later call: the question goes on beside the caller.
        """
        question = self._questions.get(topic)
        if question is None or question.of is not producer:
            question = self._questions[topic] = _Question(producer, topic)
        found = question.answer(ASK_S)
        if found is None:
            return KafkaError(KafkaError._TIMED_OUT)  # noqa: SLF001 - the client's own name
        del self._questions[topic]
        if isinstance(found, KafkaError):
            return found
        if self._counts.get(topic) != found:
            self._counts[topic] = found
            self._stays[topic] = self._chance(found)
        return None

    def forget(self, topic: str) -> None:
        """The number was wrong: it is asked again before the next record goes."""
        self._counts.pop(topic, None)

    def turn(self, producer: Producer) -> None:
        """Move on to other partitions, and look for added ones, when it is time."""
        now = self._clock()
        if now - self._moved >= _STAY_S:
            self._moved = now
            for topic, count in self._counts.items():
                self._stays[topic] = self._chance(count)
        if now - self._asked >= _REFRESH_S:
            self._asked = now
            for topic in tuple(self._counts):
                self.ask(producer, topic)

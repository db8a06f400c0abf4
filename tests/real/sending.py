"""The sink driven as the agent drives it, and what can be seen of it from outside."""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from brokers.kafka import Kafka

from shipper.contract.record import EncodedRecord
from shipper.delivery.errors import Settings
from shipper.delivery.kafka import KafkaSink
from shipper.delivery.sink import Backpressure

USER = "shipper"
PASSWORD = "not-for-any-log"  # noqa: S105 - made up
SECRET = "nor-is-this-one"  # noqa: S105 - made up
PATIENCE_S = 120.0


class Said(list[tuple[int, str]]):
    """A log: call it with a level and a line."""

    def __call__(self, level: int, line: str) -> None:
        """Remember a line."""
        self.append((level, line))

    def loud(self) -> list[str]:
        """The warnings and errors."""
        return [line for level, line in self if level >= logging.WARNING]

    def everything(self) -> str:
        """All that was said at any level, to look for what must not be there."""
        return "\n".join(line for _, line in self)


def record(number: int, topic: str, *, size: int = 20, ahead_s: float = 0) -> EncodedRecord:
    """One record like no other, `ahead_s` seconds from now, its value of about `size` bytes."""
    return EncodedRecord(
        topic=topic,
        key=b"key-%d" % number,
        value=b'{"n":%d,"text":"%s"}' % (number, b"x" * max(0, size - 20)),
        timestamp_ms=int((time.time() + ahead_s) * 1000),
        headers=(("content-type", b"application/json"),),
        partition_key=b"c",
        sequence=number,
    )


def keys(*numbers: int) -> list[bytes]:
    """The keys of these records."""
    return [b"key-%d" % number for number in numbers]


def arrived(kafka: Kafka, topic: str) -> list[bytes]:
    """The keys in a topic, in order, as a plain consumer reads them."""
    return [message.key() or b"" for message in kafka.read(topic)]


@contextmanager
def sink(settings: Settings, said: Said) -> Iterator["Sending"]:
    """A sink, closed at the end."""
    sending = Sending(KafkaSink(settings, log=said))
    try:
        yield sending
    finally:
        sending.sink.close()


class Sending:
    """A sink and who feeds it: what it pushes back waits here, as it would in the spool."""

    def __init__(self, sink: KafkaSink) -> None:
        self.sink = sink
        self._waiting: deque[EncodedRecord] = deque()

    def submit(self, *records: EncodedRecord) -> None:
        """Hand them over, now or when the sink takes them."""
        self._waiting.extend(records)
        self._feed()

    def until(self, holds: Callable[[], bool], what: str) -> None:
        """Go on until it holds."""
        end = time.monotonic() + PATIENCE_S
        while not holds():
            assert time.monotonic() < end, f"{PATIENCE_S:.0f} s without: {what}"
            self._step()

    def settled(self, number: int) -> None:
        """Go on until so many records are settled, one way or the other."""
        counters = self.sink.counters
        self.until(
            lambda: counters.submitted - counters.unsettled >= number,
            f"{number} settled: {counters}, in flight {self.sink.in_flight}",
        )
        assert counters.submitted == number
        assert self.sink.in_flight == 0

    def acknowledged(self, number: int) -> None:
        """Go on until so many records are settled, and all of them acknowledged."""
        self.settled(number)
        assert self.sink.counters.acknowledged == number

    def given_up(self) -> dict[str, int]:
        """What was not published as it was, by reason."""
        counters = self.sink.counters
        return dict(counters.dead_lettered + counters.failed)

    def rest(self, seconds: float) -> None:
        """Go on that long: what is said twice is said in this time."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._step()

    def _step(self) -> None:
        self.sink.poll(0.05)
        self._feed()

    def _feed(self) -> None:
        with suppress(Backpressure):
            while self._waiting:
                self.sink.submit(self._waiting[0])
                self._waiting.popleft()

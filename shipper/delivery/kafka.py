"""Records to Kafka: idempotent, acknowledged by all replicas, tried for ever.

What is in flight stands in a table until its report comes, because librdkafka can lose a report
when a producer fails fatally. What can be mended (a missing topic, a withdrawn right, a producer
that lost its sequence) is sent again from that table under the same key; only a record that Kafka
will never take fails, with a reason. While something waits to be sent again nothing new is taken,
so memory stays bounded.
"""

import logging
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from shipper.contract.record import EncodedRecord
from shipper.delivery import errors
from shipper.delivery.clientlog import client_logger
from shipper.delivery.errors import Help, Settings
from shipper.delivery.lines import Lines
from shipper.delivery.options import Options
from shipper.delivery.settings import make, producer_settings
from shipper.delivery.sink import Backpressure, Counters, Log, Settled

#: How long what an operator has to mend waits before it is sent again, and a failed producer
#: before it is replaced (seconds).
PAUSE_S = 1.0

_NO_OPTIONS = Options()


class KafkaSink:
    """A sink that publishes to Kafka.

    `settings` are librdkafka's, by their dotted names. An unreachable broker is no error here:
    it is said in one line, and the sink goes on trying. Raises `ConfigError` for settings that
    librdkafka refuses.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log,
        options: Options = _NO_OPTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.counters = Counters()
        self.restarts = 0
        self._options = options
        self._log = log
        self._clock = clock
        self._lines = Lines(log, clock=clock)
        self._settings = producer_settings(settings, log)
        self._logger = client_logger(log)
        self._open: dict[int, tuple[EncodedRecord, Settled | None]] = {}
        self._again: deque[int] = deque()
        self._ticket = 0
        self._wait_until = 0.0
        self._broken = False
        self._on_trial = False
        self._closed = False
        self._cause = ""
        self._troubles: set[str] = set()
        self._producer = self._connect()

    @property
    def in_flight(self) -> int:
        """Records whose report has not come."""
        return len(self._open)

    @property
    def troubles(self) -> frozenset[str]:
        """The reasons why Kafka does not take records now; empty when all is well."""
        return frozenset(self._troubles)

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Hand one record to the producer, or raise `Backpressure`: then it was not taken."""
        if self._holds_back():
            self._refuse()
        try:
            self._produce(self._ticket, record)
        except BufferError:
            self._serve(0)
            self._refuse()
        except KafkaException as e:
            self._not_taken(record, settled, errors.error_of(e))
            return
        self._open[self._ticket] = record, settled
        self._ticket += 1
        self.counters.submitted += 1

    def poll(self, timeout_s: float) -> int:
        """Serve reports, and send again what waits for it; the number of records settled."""
        before = self.counters.unsettled
        self._serve(timeout_s)
        self._mend()
        return before - self.counters.unsettled

    def flush(self, timeout_s: float) -> int:
        """Send without lingering until all is settled or the time is over; what is left."""
        deadline = self._clock() + timeout_s
        while self._open and (left := deadline - self._clock()) > 0:
            if self._again and self._paused():
                self._serve(min(left, 0.05))
            else:
                self._guarded(self._producer.flush, min(left, 0.5))
            self._mend()
        return len(self._open)

    def close(self) -> None:
        """Let go at once; what is unsettled is counted as `closed`. Twice is as good as once."""
        if self._closed:
            return
        self._closed = True
        self._guarded(self._producer.purge)
        self._serve(0)
        if self._open:
            self.counters.failed["closed"] += len(self._open)
            self._open.clear()
        self._again.clear()

    def _connect(self) -> Producer:
        callbacks: dict[str, Any] = {"error_cb": self._on_error, "logger": self._logger}
        return make(Producer, {**self._settings, **callbacks})

    def _produce(self, ticket: int, record: EncodedRecord) -> None:
        self._producer.produce(
            record.topic,
            record.value,
            record.key,
            on_delivery=partial(self._on_report, ticket),
            timestamp=record.timestamp_ms,
            headers=list(record.headers),
        )

    def _serve(self, timeout_s: float) -> None:
        self._guarded(self._producer.poll, timeout_s)

    def _guarded(self, call: Callable[..., object], *arguments: float) -> None:
        """Call the producer; a fatal error, which it raises, breaks it.

        The binding raises it as `KafkaException` or, when a report is served in the same call,
        as `SystemError` ("returned a result with an exception set").
        """
        try:
            call(*arguments)
        except (KafkaException, SystemError) as e:
            self._break(e)

    def _break(self, e: BaseException) -> None:
        cause = e if isinstance(e, KafkaException) else e.__cause__
        if isinstance(cause, KafkaException):
            error = errors.error_of(cause)
            self._say(logging.ERROR, error)
        self._broken = True
        self._wait_until = self._clock() + PAUSE_S

    def _refuse(self) -> None:
        self.counters.refused += 1
        raise Backpressure

    def _holds_back(self) -> bool:
        """Whether older records wait to be sent again, or are on trial after that."""
        on_trial = self._on_trial and bool(self._open)
        return on_trial or bool(self._again) or self._broken or self._closed or self._paused()

    def _paused(self) -> bool:
        return self._clock() < self._wait_until

    def _not_taken(self, record: EncodedRecord, settled: Settled | None, error: KafkaError) -> None:
        """What `produce` refused on the spot: never, not now, or the producer is broken."""
        row = self._say(logging.ERROR, error, f"topic {record.topic}: {errors.plain(error)}")
        if row.help is Help.NONE:
            self._open[self._ticket] = record, settled
            self.counters.submitted += 1
            self._settle(self._ticket, row.reason)
            self._ticket += 1
            return
        self._broken = self._broken or row.help is Help.RESTART
        self._wait_until = self._clock() + PAUSE_S
        self._refuse()

    def _on_report(self, ticket: int, error: KafkaError | None, _: Message) -> None:
        try:
            self._take_report(ticket, error)
        except (KafkaException, SystemError) as e:
            # A fatal error surfaces in whatever call comes next. The record stays in the table.
            self._break(e)

    def _take_report(self, ticket: int, error: KafkaError | None) -> None:
        if ticket not in self._open:
            return
        if error is None:
            self._on_trial = False
            if self._troubles:
                self._recovered()
            self._settle(ticket, None)
            return
        if error.code() in errors.PURGED:
            return
        topic = self._open[ticket][0].topic
        row = self._say(logging.ERROR, error, f"topic {topic}: {errors.plain(error)}")
        if row.help is Help.NONE:
            self._settle(ticket, row.reason)
        else:
            self._again.append(ticket)
            self._on_trial = True
            self._wait_until = self._clock() + PAUSE_S

    def _settle(self, ticket: int, reason: str | None) -> None:
        _, settled = self._open.pop(ticket)
        if reason is None:
            self.counters.acknowledged += 1
        else:
            self.counters.failed[reason] += 1
        if settled is not None:
            settled(reason)

    def _mend(self) -> None:
        if self._closed or self._paused():
            return
        if self._broken:
            self._restart()
        if self._again:
            self._send_again()

    def _restart(self) -> None:
        """Replace a producer that failed fatally; everything in flight is sent again, in order."""
        self._guarded(self._producer.purge)
        self._serve(0)
        self._producer = self._connect()
        self._broken = False
        self._wait_until = 0.0
        self._again = deque(sorted(self._open))
        self.restarts += 1

    def _send_again(self) -> None:
        while self._again:
            ticket = self._again[0]
            try:
                self._produce(ticket, self._open[ticket][0])
            except BufferError:
                return
            except KafkaException as e:
                row = self._say(logging.ERROR, errors.error_of(e))
                if row.help is not Help.NONE:
                    self._broken = row.help is Help.RESTART
                    self._wait_until = self._clock() + PAUSE_S
                    return
                self._settle(ticket, row.reason)
            self._again.popleft()
            self.counters.resent += 1

    def _on_error(self, error: KafkaError) -> None:
        if error.code() in errors.CONNECTION:
            self._cause = errors.plain(error)
            self._say(logging.DEBUG, error)
        elif error.code() == errors.ALL_DOWN:
            if self._troubles <= {"brokers_down"}:
                # Otherwise the true cause (a wrong password, say) was told already.
                self._say(logging.WARNING, error, self._cause)
        else:
            self._say(logging.ERROR, error)

    def _say(self, level: int, error: KafkaError, detail: str = "") -> errors.Meaning:
        row = errors.meaning(error)
        if level > logging.DEBUG and row.help is not Help.NONE:
            self._troubles.add(row.reason)
        self._lines.say(level, row.reason, errors.line(error, self._settings, detail))
        return row

    def _recovered(self) -> None:
        for trouble in self._troubles:
            self._lines.forget(trouble)
        self._troubles.clear()
        self._log(logging.INFO, "Kafka acknowledges records again")

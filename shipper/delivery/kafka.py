"""Records to Kafka: idempotent, acknowledged by all replicas, tried for ever.

What is in flight stands in a table until its report comes, because librdkafka can lose a report
when a producer fails fatally. This module is the way of a record when all is well; recovery.py
says what becomes of those that come back. Meanwhile nothing new is taken, so that memory stays
bounded and order is kept.
"""

import time
from collections.abc import Callable
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Message

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import errors
from shipper.delivery.client import Client
from shipper.delivery.errors import Meaning, Settings
from shipper.delivery.framing import Framing
from shipper.delivery.options import Options
from shipper.delivery.partition import Partitions, PartitionUnknown
from shipper.delivery.recovery import HandOver, Recovery
from shipper.delivery.sink import Backpressure, Log, Settled
from shipper.delivery.statistics import Statistics
from shipper.delivery.treatment import Treatment

_NO_OPTIONS = Options()


class KafkaSink:
    """A sink that publishes to Kafka.

    `settings` are librdkafka's, by their dotted names; NAME.file gives the file of a secret. An
    unreachable broker is no error here: it is said in one line, and the sink goes on trying.
    Raises `ConfigError` for settings that librdkafka refuses and files that can't be read.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        log: Log,
        options: Options = _NO_OPTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._client = Client(settings, log, clock)
        self._partitions = Partitions(options.partition_by, clock=clock)
        self._ticket = 0
        self._treatment = Treatment(self._client, self._partitions, options, clock)
        self._table = self._treatment.table
        self._hand_over: HandOver = self._produce
        if options.framing is not None:
            self._hand_over = _framed(options.framing, self._produce)
        self._recovery = Recovery(
            self._client, self._partitions, self._treatment, self._hand_over, clock
        )
        self.counters = self._treatment.counters
        self._cases = self._treatment.cases

    @property
    def in_flight(self) -> int:
        """Records whose fate is not known."""
        return len(self._table)

    @property
    def troubles(self) -> frozenset[str]:
        """The reasons why Kafka does not take records now; empty when all is well."""
        return frozenset(self._client.troubles)

    @property
    def refusals(self) -> frozenset[str]:
        """Those of the troubles that somebody has to mend: no time will."""
        return self.troubles & errors.FOR_OPERATORS

    @property
    def statistics(self) -> Statistics | None:
        """What librdkafka told of itself lately; None before it did."""
        return self._client.statistics

    @property
    def restarts(self) -> int:
        """How many producers came after the first."""
        return self._client.restarts

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Hand one record to the producer, or raise `Backpressure`: then it was not taken.

        One without a number is a letter of its own, and treated as one: where the dead topic
        can't be used it goes to the file, and nothing waits for that.
        """
        if not self._recovery.free:
            self._refuse()
        if record.sequence == UNNUMBERED:
            self._treatment.take_letter(self._ticket, record)
        elif self._treatment.undated:
            record = self._treatment.without_time(self._ticket, record)
        self._take(record, settled)

    def bury(self, record: EncodedRecord, row: Meaning, said: str, settled: Settled) -> None:
        """Publish a record's letter in its place; where no letters are written it has failed.

        `Backpressure` as in `submit`.
        """
        if not self._recovery.free:
            self._refuse()
        letter = self._treatment.bury(self._ticket, record, row, said)
        if letter is not None:
            self._take(letter, settled)
            return
        self._note(record, settled)
        self._treatment.settle(self._ticket - 1, row.reason)

    def offer(self, record: EncodedRecord, settled: Settled) -> None:
        """Publish what may fail without harm, as an account: no record waits for its sake.

        `Backpressure` as in `submit`. What an operator would have to mend, and a refusal, is said,
        and `settled` is told the reason at once.
        """
        recovery = self._recovery
        if not recovery.free:
            self._refuse()
        ticket = self._ticket
        self.counters.submitted += 1
        self._ticket = ticket + 1
        if self._treatment.undated:
            record = self._treatment.without_time(ticket, record)
        self._table[ticket] = record, settled
        self._treatment.offered.add(ticket)
        try:
            self._hand_over(ticket, record)
        except (BufferError, PartitionUnknown):
            self._treatment.withdraw(ticket)
            self._refuse()
        except KafkaException as e:
            self._treatment.decline(ticket, errors.error_of(e))

    def poll(self, timeout_s: float) -> int:
        """Serve reports, and send again what waits for it; the number of records settled."""
        before = self.counters.unsettled
        if self._recovery.trying:
            # A linger would only delay the one group that is out.
            self._client.press(max(timeout_s, 0.001))
        else:
            self._client.poll(timeout_s)
        self._recovery.mend()
        return before - self.counters.unsettled

    def flush(self, timeout_s: float) -> int:
        """Send without lingering until all is settled or the time is over; what is left."""
        deadline = self._clock() + timeout_s
        while self._table and (left := deadline - self._clock()) > 0:
            if self._recovery.idle:
                self._client.poll(min(left, 0.05))
            else:
                self._client.press(min(left, 0.5))
            self._recovery.mend()
        return len(self._table)

    def close(self) -> None:
        """Let go at once; what is unsettled is counted as `closed`. Twice is as good as once."""
        if not self._recovery.close():
            return
        self._client.discard()
        if self._table:
            self.counters.failed["closed"] += len(self._table)
            self._table.clear()

    def _produce(self, ticket: int, record: EncodedRecord) -> None:
        """Raises `BufferError`, `PartitionUnknown`, and `KafkaException` for a refusal."""
        self._client.producer.produce(
            record.topic,
            record.value,
            record.key,
            self._partitions.of(record),
            partial(self._on_report, ticket),
            None,  # the same once more, by its other name
            record.timestamp_ms,
            list(record.headers),
        )

    def _take(self, record: EncodedRecord, settled: Settled | None) -> None:
        try:
            self._hand_over(self._ticket, record)
        except BufferError:
            self._client.poll(0)
            self._refuse()
        except PartitionUnknown:
            if not self._recovery.find(record.topic):
                self._refuse()
            self._take(record, settled)
        except KafkaException as e:
            self._not_taken(record, settled, errors.error_of(e))
        else:
            self._note(record, settled)

    def _note(self, record: EncodedRecord, settled: Settled | None) -> None:
        self._table[self._ticket] = record, settled
        self._ticket += 1
        self.counters.submitted += 1

    def _refuse(self) -> None:
        self._cases.pop(self._ticket, None)  # of what was not taken
        self.counters.refused += 1
        raise Backpressure

    def _not_taken(self, record: EncodedRecord, settled: Settled | None, error: KafkaError) -> None:
        """What `produce` refused on the spot: this record for itself, or any for now."""
        if self._recovery.hopeless(error, record.topic):
            self._note(record, settled)
            self._recovery.accuse(self._ticket - 1, error)
        else:
            self._refuse()

    def _on_report(self, ticket: int, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self._recovery.came_back(ticket, error, message)
        elif self._cases or self._client.troubles or not self._recovery.free:
            self._recovery.acknowledged(ticket)
        elif (entry := self._table.pop(ticket, None)) is not None:
            self.counters.acknowledged += 1
            if entry[1] is not None:
                entry[1](None)


def _framed(framing: Framing, produce: HandOver) -> HandOver:
    """The same, of records that are framed first; what is not framed yet raises `BufferError`."""

    def hand_over(ticket: int, record: EncodedRecord) -> None:
        produce(ticket, framing(record))

    return hand_over

"""What helps a record that Kafka has refused for itself: a shorter form, another time, a letter."""

from confluent_kafka import KafkaError

from shipper.contract.record import EncodedRecord
from shipper.delivery.isolation import Failure
from shipper.delivery.options import Options

#: Below this many bytes a record is not shortened.
SHORTEST = 4096
#: Message header of a record that carries another time than its own.
RETIMED = ("timestamp-replaced", b"true")
#: A message without a time. A broker takes it whatever its limits are (Kafka 4.1).
NO_TIME = -1

_TOO_LARGE = frozenset({KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.RECORD_LIST_TOO_LARGE})


class Case:
    """One refused record, and what was tried for it."""

    __slots__ = (
        "_limit",
        "_original",
        "_times",
        "letter",
        "lost",
        "reason",
        "retimed",
        "shortened",
    )

    def __init__(self, record: EncodedRecord) -> None:
        self._original = record
        self._limit = len(record.value)
        self._times = 0
        self.reason = ""
        self.letter: EncodedRecord | None = None
        self.lost = False
        self.retimed = False
        self.shortened = False

    @property
    def without_time(self) -> bool:
        """Whether even the present was refused."""
        return self._times > 1

    def next(self, failure: Failure, options: Options, now_ms: int) -> EncodedRecord | None:
        """What to send instead; None when nothing is left to try.

        A letter is not shortened: who wrote it has done so. `now_ms` is this host's clock.
        """
        if failure.code == KafkaError.INVALID_TIMESTAMP and self._times <= 1:
            return self._retime(now_ms)
        if self.letter is not None:
            return None
        if failure.code in _TOO_LARGE:
            shorter = self._shorten(options)
            if shorter is not None:
                return shorter
        self.bury(failure, options)
        return self.letter

    def bury(self, failure: Failure, options: Options) -> None:
        """Write the letter, if letters are written; `reason` is what it counts under."""
        self.reason = failure.row.reason
        if options.bury is not None:
            self.letter = options.bury(self._original, self.reason, failure.said)
            self._times = 0

    def done(self, instead: EncodedRecord | None) -> str:
        """What is done about it, in words; `instead` is what goes in its place."""
        if instead is None:
            return "it is lost"
        if instead is self.letter:
            return "it becomes a dead letter"
        return "it is sent with the present time" if self._times else "it is sent shortened"

    def _retime(self, now_ms: int) -> EncodedRecord:
        self._times += 1
        time_ms = now_ms if self._times == 1 else NO_TIME
        if self.letter is not None:
            self.letter = self.letter._replace(timestamp_ms=time_ms)
            return self.letter
        self.retimed = True
        self._original = retimed(self._original, time_ms)
        return self._original

    def _shorten(self, options: Options) -> EncodedRecord | None:
        if options.shorten is None or self._limit <= SHORTEST:
            return None
        self._limit = max(self._limit // 2, SHORTEST)
        shorter = options.shorten(self._original, self._limit)
        self.shortened = shorter is not None
        return shorter


def retimed(record: EncodedRecord, time_ms: int) -> EncodedRecord:
    """The record with another message time (ms since the epoch, or `NO_TIME`), marked."""
    marked = record.headers if RETIMED in record.headers else (*record.headers, RETIMED)
    return record._replace(timestamp_ms=time_ms, headers=marked)

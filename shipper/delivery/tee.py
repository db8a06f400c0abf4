"""One record to several sinks.

A record counts as submitted when all have taken it, and as acknowledged when all have
acknowledged it; the first failure of one is its failure. When one sink pushes back, those that
have the record already don't get it again at the retry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shipper.contract.record import EncodedRecord
from shipper.delivery.sink import Backpressure, Counters, Report, Sink


@dataclass(slots=True)
class _Share:
    """A record that not all sinks have settled."""

    record: EncodedRecord
    left: int
    reason: str | None = None


class TeeSink:
    """A sink made of sinks. It takes over their `report`; records differ by `sequence`."""

    def __init__(self, sinks: Sequence[Sink], *, report: Report | None = None) -> None:
        self.counters = Counters()
        self.report = report
        self.sinks = tuple(sinks)
        self._open: dict[int, _Share] = {}
        self._waiting: EncodedRecord | None = None
        self._took = 0
        for sink in self.sinks:
            sink.report = self._settled

    @property
    def in_flight(self) -> int:
        """Records that all sinks took and not all have settled."""
        return len(self._open) - (self._waiting is not None)

    def submit(self, record: EncodedRecord) -> None:
        """Hand the record to every sink that has not got it yet."""
        if self._waiting is None:
            self._waiting, self._took = record, 0
            self._open[record.sequence] = _Share(record, len(self.sinks) + 1)
        elif self._waiting.sequence != record.sequence:
            raise ValueError("after Backpressure the same record has to be submitted again")
        try:
            for sink in self.sinks[self._took :]:
                sink.submit(record)
                self._took += 1
        except Backpressure:
            self.counters.refused += 1
            raise
        self._waiting = None
        self.counters.submitted += 1
        self._settled(record, None)  # the share that stood for "all have taken it"

    def poll(self, timeout_s: float) -> int:
        """Poll every sink, each for its part of the time; the number of records settled."""
        before = self.counters.unsettled
        for sink in self.sinks:
            sink.poll(timeout_s / len(self.sinks))
        return before - self.counters.unsettled

    def flush(self, timeout_s: float) -> int:
        """Flush one sink after the other, each for its part of the time; what is left."""
        for sink in self.sinks:
            sink.flush(timeout_s / len(self.sinks))
        return self.in_flight

    def close(self) -> None:
        """Close every sink."""
        for sink in self.sinks:
            sink.close()

    def _settled(self, record: EncodedRecord, reason: str | None) -> None:
        share = self._open[record.sequence]
        share.reason = share.reason or reason
        share.left -= 1
        if share.left:
            return
        del self._open[record.sequence]
        if share.reason is None:
            self.counters.acknowledged += 1
        else:
            self.counters.failed[share.reason] += 1
        if self.report is not None:
            self.report(record, share.reason)

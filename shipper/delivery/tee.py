"""One record to several sinks.

When one sink pushes back, those that have the record already don't get it again at the retry. The
tee keeps no table of its own: each sink counts what became of the records with it.
"""

from collections.abc import Mapping

from shipper.contract.record import EncodedRecord
from shipper.delivery.sink import Counters, Settled, Sink


class _Share:
    """Calls back once, when all sinks have settled a record; the first reason is told."""

    __slots__ = ("_left", "_reason", "_settled")

    def __init__(self, sinks: int, settled: Settled) -> None:
        self._left = sinks
        self._reason: str | None = None
        self._settled = settled

    def __call__(self, reason: str | None) -> None:
        """One sink has settled its copy."""
        self._reason = self._reason or reason
        self._left -= 1
        if not self._left:
            self._settled(self._reason)


class TeeSink:
    """A sink made of sinks, by name. They tell records apart by `sequence`."""

    def __init__(self, sinks: Mapping[str, Sink]) -> None:
        self.sinks = dict(sinks)
        self._all = tuple(self.sinks.values())
        self._waiting: EncodedRecord | None = None
        self._share: Settled | None = None
        self._took = 0

    @property
    def counters(self) -> Counters:
        """Those of the sink that is furthest behind; `sinks` has everyone's."""
        return max(self._all, key=lambda sink: sink.in_flight).counters

    @property
    def in_flight(self) -> int:
        """Records that the sink which is furthest behind has not settled."""
        return max(sink.in_flight for sink in self._all)

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Hand the record to every sink that has not got it yet."""
        if self._waiting is None:
            self._waiting, self._took = record, 0
            self._share = None if settled is None else _Share(len(self._all), settled)
        elif self._waiting.sequence != record.sequence:
            raise ValueError("after Backpressure the same record has to be submitted again")
        for sink in self._all[self._took :]:
            sink.submit(record, self._share)
            self._took += 1
        self._waiting = None

    def poll(self, timeout_s: float) -> int:
        """Poll every sink, each for its part of the time; the number of records settled by all."""
        return min([sink.poll(timeout_s / len(self._all)) for sink in self._all])

    def flush(self, timeout_s: float) -> int:
        """Flush one sink after the other, each for its part of the time; what is left."""
        for sink in self._all:
            sink.flush(timeout_s / len(self._all))
        return self.in_flight

    def close(self) -> None:
        """Close every sink."""
        for sink in self._all:
            sink.close()

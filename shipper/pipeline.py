"""The rooms joined: header events in, records handed to a sink, every loss counted by its reason.

The sequence number is given when the sink takes the record, so that numbers have no holes: a
record that was refused takes none, and one that has to wait keeps its own.
"""

import logging
from collections import Counter
from collections.abc import Callable, Iterable

from shipper.contract.events import Event
from shipper.contract.exchange import Exchange
from shipper.delivery import Backpressure, Lines, Sink
from shipper.http import Assembler
from shipper.record import RecordBuilder, RecordRejected

#: Called while the sink takes nothing; False to give up (the record then counts as lost).
Waiting = Callable[[], bool]


class Pipeline:
    """Events to records, in one thread, with back-pressure from the sink to whoever feeds it."""

    def __init__(
        self,
        assembler: Assembler,
        builder: RecordBuilder,
        sink: Sink,
        *,
        waiting: Waiting,
        log: logging.Logger,
    ) -> None:
        """`waiting` is asked each time the sink says "not now"."""
        self.assembler = assembler
        self.builder = builder
        self.sink = sink
        self.sequence = 0
        self.lost: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.exchanges = 0
        self._waiting = waiting
        self._lines = Lines(log.log)

    def feed(self, events: Iterable[Event], wall_offset_ns: int, created_ns: int) -> None:
        """Take events in order; times are theirs plus `wall_offset_ns`."""
        feed = self.assembler.feed
        for event in events:
            for exchange in feed(event):
                self._ship(exchange, wall_offset_ns, created_ns)

    def advance(self, now: int, wall_offset_ns: int, created_ns: int) -> None:
        """The event clock has moved on with nothing seen before `now`: time-outs."""
        for exchange in self.assembler.advance(now):
            self._ship(exchange, wall_offset_ns, created_ns)

    def finish(self, wall_offset_ns: int, created_ns: int) -> None:
        """No more events will come: what is open goes out as it is."""
        for exchange in self.assembler.close():
            self._ship(exchange, wall_offset_ns, created_ns)

    def _ship(self, exchange: Exchange, wall_offset_ns: int, created_ns: int) -> None:
        self.exchanges += 1
        try:
            record = self.builder.build(exchange, wall_offset_ns, created_ns)
        except RecordRejected as error:
            self.rejected["invalid"] += 1
            self._lines.say(logging.ERROR, "rejected", f"a record was not valid: {error}")
            return
        encoded = self.builder.encode(record, self.sequence)
        while True:
            try:
                self.sink.submit(encoded)
            except Backpressure:
                if not self._waiting():
                    self.lost["shutdown"] += 1
                    return
            else:
                self.sequence += 1
                return

    def totals(self) -> dict[str, object]:
        """What came in and what became of it; `shipped = acknowledged + failed + in flight`."""
        counters = self.sink.counters
        return {
            "assembly": {name: count for name, count in self.assembler.counters.items() if count},
            "exchanges": self.exchanges,
            "rejected": dict(self.rejected),
            "lost": dict(self.lost),
            "shipped": self.sequence,
            "submitted": counters.submitted,
            "acknowledged": counters.acknowledged,
            "failed": dict(counters.failed),
        }

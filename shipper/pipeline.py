"""The rooms joined: header events in, records handed to a sink, every loss counted by its reason.

The sequence number is given when the sink takes the record, so that numbers have no holes: a
record that was refused takes none, and one that has to wait keeps its own.
"""

import gc
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from shipper.contract.attribution import Attribution
from shipper.contract.events import Event
from shipper.contract.exchange import Exchange
from shipper.contract.record import EncodedRecord
from shipper.delivery import Backpressure, Full, Lines, Settled, Sink
from shipper.http import Assembler
from shipper.record import DeadLetters, RecordBuilder, RecordRejected
from shipper.volume import Folds, Group

#: Called while the sink takes nothing; False to give up (the record then counts as lost).
Waiting = Callable[[], bool]
#: Why an exchange is to become no record of its own; the group that it opens, whose record it will
#: be; or None, when it is to be one at once.
LeavesOut = Callable[[Exchange], str | Group | None]
#: What to call when the record of an exchange is settled; None for one that measures nothing.
Measure = Callable[[Exchange], Settled | None]
#: Who took part in an exchange; None where nothing is known.
Attribute = Callable[[Exchange], Attribution | None]


#: Containers that may come to be before the collector looks at them (Python's default is 700).
_YOUNG = 20_000
#: Events whose exchanges are put together before the first of them becomes a record. What assembly
#: needs and what records need do not lie in a processor's nearest memory both: by turns for each
#: event, both took a fifth longer. More at once, and the exchanges themselves no longer lie there.
_PORTION = 128


def relieve_collector() -> None:
    """Have the garbage collector of this process look seldom, and not at what is there already.

    An exchange makes dozens of containers, all of which go when its record does, without a cycle.
    With the defaults the collector looks at all that is in flight for every dozen exchanges.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, 20, 20)


class Letters(NamedTuple):
    """Who writes about records that were not valid, and where that goes."""

    writer: DeadLetters
    sink: Sink


class Pipeline:
    """Events to records, in one thread, with back-pressure from the sink to whoever feeds it."""

    def __init__(  # noqa: PLR0913 - the rooms, and what joins them
        self,
        assembler: Assembler,
        builder: RecordBuilder,
        sink: Sink,
        *,
        waiting: Waiting,
        log: logging.Logger,
        letters: Letters | None = None,
    ) -> None:
        """`waiting` is asked each time the sink says "not now"."""
        self.assembler = assembler
        self.builder = builder
        self.sink = sink
        self.sequence = 0
        self.lost: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter()
        self.letters_lost: Counter[str] = Counter()
        self.exchanges = 0
        self.pending = 0  #: exchanges that assembly has told, and of which nothing has become yet
        self._in_hand = 0  # records that wait for the sink: one at most
        self.left_out: Counter[str] = Counter()  #: exchanges of which no record is wanted
        self.volume: LeavesOut | None = None  #: asked, where it is set, about each exchange
        self.folds: Folds | None = None  #: the groups that `volume` has opened
        self.measure: Measure | None = None  #: asked about one exchange of a portion
        self.attribute: Attribute | None = None  #: asked, where it is set, about each exchange
        self._measured = False
        self._letters = letters
        self._waiting = waiting
        self._lines = Lines(log.log)

    def feed(self, events: Sequence[Event], wall_offset_ns: int, created_ns: int) -> None:
        """Take events in order; times are theirs plus `wall_offset_ns`."""
        if self.folds is not None:
            self._tell(self.folds.ended(created_ns - wall_offset_ns), wall_offset_ns, created_ns)
        for at in range(0, len(events), _PORTION):
            exchanges = self.assembler.feed_all(events[at : at + _PORTION])
            self._ship(exchanges, wall_offset_ns, created_ns)

    def advance(self, now: int, wall_offset_ns: int, created_ns: int) -> None:
        """The event clock has moved on with nothing seen before `now`: time-outs."""
        if self.folds is not None:
            self._tell(self.folds.ended(now), wall_offset_ns, created_ns)
        self._ship(self.assembler.advance(now), wall_offset_ns, created_ns)

    def finish(self, wall_offset_ns: int, created_ns: int) -> None:
        """No more events will come: what is open goes out as it is."""
        self._ship(self.assembler.close(), wall_offset_ns, created_ns)
        if self.folds is not None:
            self._tell(self.folds.rest(), wall_offset_ns, created_ns)

    def _ship(self, exchanges: list[Exchange], wall_offset_ns: int, created_ns: int) -> None:
        self.pending = left = len(exchanges)
        middle = left - left // 2
        self._measured = True
        for exchange in exchanges:
            if left == middle:
                self._measured = False
            left -= 1
            self.pending = left
            fate = None if self.volume is None else self.volume(exchange)
            if isinstance(fate, str):
                self.left_out[fate] += 1
                continue
            self.exchanges += 1
            who = None if self.attribute is None else self.attribute(exchange)
            if fate is None:
                self._record(exchange, who, wall_offset_ns, created_ns)
            else:
                fate.who = who

    def _tell(self, groups: Iterable[Group], wall_offset_ns: int, created_ns: int) -> None:
        """One record for each group. They have waited, so that they say nothing of the delay."""
        self._measured = True
        for group in groups:
            self._record(group.exchange, group.who, wall_offset_ns, created_ns)

    def _record(
        self, exchange: Exchange, who: Attribution | None, wall_offset_ns: int, created_ns: int
    ) -> None:
        try:
            record = self.builder.build(exchange, wall_offset_ns, created_ns, who)
        except RecordRejected as error:
            self._reject(error)
            return
        self._in_hand = 1
        settled = None
        if not self._measured and self.measure is not None:
            settled = self.measure(exchange)
            self._measured = settled is not None
        lost = self._submit(self.sink, self.builder.encode(record, self.sequence), settled)
        self._in_hand = 0
        if lost is None:
            self.sequence += 1
        else:
            self.lost[lost] += 1

    def _submit(
        self, sink: Sink, record: EncodedRecord, settled: Settled | None = None
    ) -> str | None:
        """Why the record was not taken; None if it was."""
        while True:
            try:
                sink.submit(record, settled)
            except Backpressure:
                if not self._waiting():
                    return "shutdown"
            except Full as full:
                return full.reason
            else:
                return None

    def _reject(self, error: RecordRejected) -> None:
        """A record that was not valid takes no number; a letter holds what it was to be."""
        number = self.rejected["invalid"]
        self.rejected["invalid"] += 1
        self._lines.say(logging.ERROR, "rejected", f"a record was not valid: {error}")
        if self._letters is not None:
            letter = self._letters.writer.rejected(error.document, error.reason, number)
            if lost := self._submit(self._letters.sink, letter):
                self.letters_lost[lost] += 1

    @property
    def held(self) -> int:
        """Records to be: one that waits for the sink, and those that others are folded into."""
        return self._in_hand + (0 if self.folds is None else len(self.folds))

    def totals(self) -> dict[str, object]:
        """What came in and what became of it; `shipped = acknowledged + failed + in flight`."""
        counters = self.sink.counters
        return {
            "assembly": {name: count for name, count in self.assembler.counters.items() if count},
            "exchanges": self.exchanges,
            "left_out": dict(self.left_out),
            "rejected": dict(self.rejected),
            "lost": dict(self.lost),
            "shipped": self.sequence,
            "submitted": counters.submitted,
            "acknowledged": counters.acknowledged,
            "failed": dict(counters.failed),
        }

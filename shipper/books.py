"""When a worker publishes its accounts, and what it keeps beside its spool for whoever closes them.

A running total that does not get through is no loss: the next one says more. The last one is
pressed on with; where Kafka is away, the next start writes it from the note.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from shipper.delivery import Backpressure, KafkaSink, SpooledSink
from shipper.ledger import Accounts, Observed, Origin
from shipper.pipeline import Pipeline

_PATIENCE_S = 0.05


class Books:
    """The accounts of one worker; does nothing where records don't go to Kafka."""

    def __init__(
        self,
        sink: SpooledSink | KafkaSink | None,
        pipeline: Pipeline,
        origin: Origin,
        observe: Callable[[], Observed],
    ) -> None:
        """Leaves the first note, so that an end at any moment is one of a known incarnation."""
        self._sink = sink
        self._observe = observe
        self._interval = origin.interval
        self._next = time.monotonic()
        self._under_way = False
        if sink is not None:
            self._accounts = Accounts(pipeline, sink, origin)
            self._note(clean=False)

    @property
    def spooled(self) -> bool:
        """Whether what is not acknowledged at the end is kept."""
        return isinstance(self._sink, SpooledSink)

    def tick(self) -> None:
        """About once a second: leave a note, and publish when it is time."""
        if self._sink is None:
            return
        self._note(clean=False)
        now = time.monotonic()
        if now >= self._next and not self._under_way:
            self._next = now + self._interval
            self._publish("running")

    def finish(self, left: Callable[[], float]) -> None:
        """No more records come: publish the last account within `left` seconds."""
        sink = self._sink
        if sink is None:
            return
        self._note(clean=True)
        acknowledged: list[bool] = []
        while not self._publish("stopped", acknowledged):
            sink.poll(_PATIENCE_S)
            if not left():
                return
        kafka = sink.kafka if isinstance(sink, SpooledSink) else sink
        kafka.flush(left())
        if isinstance(sink, SpooledSink):
            sink.accounted = bool(acknowledged and acknowledged[0])

    def _publish(self, state: str, acknowledged: list[bool] | None = None) -> bool:
        """Whether the producer took it; what became of it is added to `acknowledged`."""
        sink = self._sink
        kafka = sink.kafka if isinstance(sink, SpooledSink) else sink
        if kafka is None:
            return True
        self._under_way = True

        def settled(reason: str | None) -> None:
            self._under_way = False
            if acknowledged is not None:
                acknowledged.append(reason is None)

        try:
            kafka.offer(self._accounts.next(self._observe(), state), settled)
        except Backpressure:
            self._under_way = False
            return False
        return True

    def _note(self, *, clean: bool) -> None:
        if isinstance(self._sink, SpooledSink):
            note = self._accounts.note(self._observe(), clean=clean)
            with suppress(ValueError):  # too long for its place: the one before stays
                self._sink.folder.state.write(note)

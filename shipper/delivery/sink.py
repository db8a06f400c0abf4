"""The verbs that every sink has, and the counts that add up.

A record that `submit` took is settled exactly once: acknowledged, dead-lettered for a reason, or
failed with one. For every sink, at every moment,
`submitted = acknowledged + dead_lettered + failed + in flight`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from shipper.contract.record import EncodedRecord

#: Takes a level of the standard library's `logging` and one line; `Logger.log` fits.
Log = Callable[[int, str], None]

#: Called once when a record is settled: with None when it was acknowledged, with a reason when it
#: will never be and nobody has to keep it. Not called for what `close` leaves behind.
Settled = Callable[[str | None], None]


class Backpressure(Exception):  # noqa: N818 - it is a state, not an error
    """Not now: the caller keeps the record, polls and tries again."""


class Full(Exception):  # noqa: N818 - an outcome, not an error
    """Dropped, as configured: there is no room. `reason` is what it is counted under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ReaderGone(Exception):  # noqa: N818 - the usual end of `shipper run | head`
    """Never again: who read the output has closed it. The agent ends in order."""


@dataclass(slots=True)
class Counters:
    """What became of the records; totals, never reset.

    `dead_lettered` (its letter stands in the dead topic or in the file) and `failed` (it is gone
    from here: `closed`, `reader_gone`, or what Kafka refused where no letters are written) go by
    reason. Outside the equation stand `refused`, the calls that ended in `Backpressure` (such a
    record was not taken), `resent`, how often a record was sent once more, and the records that
    were acknowledged after they were `shortened` or given the present time (`retimed`).
    """

    submitted: int = 0
    acknowledged: int = 0
    dead_lettered: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    resent: int = 0
    shortened: int = 0
    retimed: int = 0

    @property
    def unsettled(self) -> int:
        """What has to be in flight for the equation to hold."""
        gone = self.dead_lettered.total() + self.failed.total()
        return self.submitted - self.acknowledged - gone


class Sink(Protocol):
    """Where records go."""

    @property
    def counters(self) -> Counters:
        """What became of the records."""
        ...

    @property
    def in_flight(self) -> int:
        """Records taken and not yet settled, counted from the sink's own table of them."""
        ...

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Take one record, or raise `Backpressure` and leave it with the caller.

        `settled` is called when its fate is known, perhaps before this returns.
        """
        ...

    def poll(self, timeout_s: float) -> int:
        """Serve what is due, waiting at most `timeout_s`; the number of records settled."""
        ...

    def flush(self, timeout_s: float) -> int:
        """Press on for at most `timeout_s`; the number of records still unacknowledged."""
        ...

    def close(self) -> None:
        """Let go at once; flush before.

        What is unsettled is counted as failed (`closed`), and nobody is called back: who keeps
        the records still has them to keep.
        """
        ...

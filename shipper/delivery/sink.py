"""The verbs that every sink has, and the counts that add up.

A record that `submit` took is settled exactly once: acknowledged, or failed with a reason. For
every sink, at every moment, `submitted = acknowledged + failed + in flight`.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from shipper.contract.record import EncodedRecord

#: Takes a level of the standard library's `logging` and one line; `Logger.log` fits.
Log = Callable[[int, str], None]

#: Told once about every record that is settled; the reason is None when it was acknowledged.
Report = Callable[[EncodedRecord, str | None], None]


class Backpressure(Exception):  # noqa: N818 - it is a state, not an error
    """Not now: the caller keeps the record, polls and tries again."""


class ReaderGone(Exception):  # noqa: N818 - the usual end of `shipper run | head`
    """Never again: who read the output has closed it. The agent ends in order."""


@dataclass(slots=True)
class Counters:
    """What became of the records; totals, never reset.

    `failed` goes by reason; `refused` counts the calls that ended in `Backpressure` and stands
    outside the equation, since such a record was not taken.
    """

    submitted: int = 0
    acknowledged: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    resent: int = 0

    @property
    def unsettled(self) -> int:
        """What has to be in flight for the equation to hold."""
        return self.submitted - self.acknowledged - self.failed.total()


class Sink(Protocol):
    """Where records go."""

    counters: Counters
    report: Report | None

    @property
    def in_flight(self) -> int:
        """Records taken and not yet settled, counted from the sink's own table of them."""
        ...

    def submit(self, record: EncodedRecord) -> None:
        """Take one record, or raise `Backpressure` and leave it with the caller."""
        ...

    def poll(self, timeout_s: float) -> int:
        """Serve what is due, waiting at most `timeout_s`; the number of records settled."""
        ...

    def flush(self, timeout_s: float) -> int:
        """Press on for at most `timeout_s`; the number of records still unacknowledged."""
        ...

    def close(self) -> None:
        """Let go at once. What is unsettled then has failed as `closed`; flush before."""
        ...

"""What one worker's accounts say against what is in the topics -> each missing number's reason."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from shipper.audit.accounts import Account
from shipper.audit.history import History
from shipper.audit.numbers import Numbers, Range, merged, overlap, size, without
from shipper.audit.window import Window

#: Intervals without an account after which a worker that should write some is silent.
SILENT_AFTER: Final = 2.5
UNEXPLAINED: Final = "unexplained"
#: What the producer gave back without an answer; a letter is written about none of these.
_NO_LETTER: Final = frozenset({"closed", "reader_gone"})


@dataclass(slots=True)
class Evidence:
    """What the topics hold of one worker.

    `inside` counts the records of the window, `twice` lists some numbers that came again.
    """

    history: History
    seen: Numbers = field(default_factory=Numbers)
    letters: dict[str, Numbers] = field(default_factory=dict)
    rejected: Counter[str] = field(default_factory=Counter)
    inside: int = 0
    twice: list[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Missing:
    """Numbers that are not in the topic. `fate`: lost, dead_letter, waiting or unexplained."""

    first: int
    last: int
    fate: str
    reason: str

    @property
    def count(self) -> int:
        """How many numbers."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Judgement:
    """One worker: of the numbers from `first` to below `end`, which are there and which not."""

    worker: int
    first: int
    end: int
    found: int
    duplicates: int
    twice: tuple[int, ...]
    beyond: int
    silent: bool
    missing: tuple[Missing, ...]

    def of(self, fate: str) -> int:
        """How many numbers have a fate."""
        return sum(one.count for one in self.missing if one.fate == fate)


def judge(evidence: Evidence, window: Window) -> Judgement:
    """The verdict on one worker that has at least one account."""
    latest, seen = evidence.history.latest, evidence.seen
    first, end = evidence.history.expected()
    gaps = seen.missing(first, end)
    fates = list(_fates(gaps, evidence, window)) if gaps else []
    beyond = seen.within(latest.next, 1 << 64)
    return Judgement(
        worker=latest.worker,
        first=first,
        end=end,
        found=end - first - size(gaps),
        duplicates=seen.again,
        twice=tuple(evidence.twice),
        beyond=beyond if latest.state != "running" else 0,
        silent=silent(latest, window),
        missing=tuple(sorted(fates, key=lambda one: one.first)),
    )


def silent(latest: Account, window: Window) -> bool:
    """Whether a worker that should have written accounts since has written none."""
    return latest.state == "running" and (
        window.last - latest.until > SILENT_AFTER * latest.interval
    )


def _fates(gaps: list[Range], evidence: Evidence, window: Window) -> list[Missing]:
    """Each gap's reason: the ledger's word first, then the letters, then the spool."""
    found: list[Missing] = []
    latest = evidence.history.latest
    left = gaps

    def take(ranges: list[Range], fate: str, reason: str) -> None:
        nonlocal left
        hit = overlap(left, ranges)
        found.extend(Missing(first, last, fate, reason) for first, last in hit)
        left = without(left, hit)

    for reason, numbers in evidence.letters.items():
        take(numbers.present(gaps[0][0], gaps[-1][1] + 1), "dead_letter", reason)
    for reason, ranges in latest.lost.items():
        take(merged(ranges), "lost", reason)
    if latest.settled < latest.next:
        fate, reason = _unsettled(latest, window)
        take([(latest.settled, latest.next - 1)], fate, reason)
    counted = _counted(latest, evidence.letters)
    if left and size(left) <= sum(counted.values()):
        reason = " or ".join(sorted(counted))
        take(left, "lost", f"{reason} (counted, no letter in the topic)")
    take(left, UNEXPLAINED, UNEXPLAINED)
    return found


def _unsettled(latest: Account, window: Window) -> tuple[str, str]:
    """What becomes of numbers that the last account still holds."""
    if "spool" not in latest.stages:
        if latest.state == "running" and not silent(latest, window):
            return ("waiting", "under way, by the last account")
        return ("lost", "unsent")
    if latest.state == "stopped":
        return ("waiting", "in the spool of a stopped agent, until it starts again")
    if silent(latest, window):
        return ("waiting", "in the spool of an agent that is silent")
    return ("waiting", "in the spool of the running agent")


def _counted(latest: Account, letters: Mapping[str, Numbers]) -> Counter[str]:
    """Records that the producer counted as given up and no letter in the topic is about.

    Their letters are in the host's file, or, for what was closed without a spool, nowhere.
    """
    discarded: Counter[str] = Counter(latest.stages.get("delivery", {}).get("discarded", {}))
    for reason, numbers in letters.items():
        if reason not in _NO_LETTER:
            discarded[reason] -= numbers.count
    return +discarded

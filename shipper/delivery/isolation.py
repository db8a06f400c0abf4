"""Which records came back from the producer, and in which order and company they go out again.

A batch fails as a whole for one bad record in it, so a refusal is only believed of a record that
was alone. Those that came back refused go out in groups, one group at a time; a group that is
refused again is halved. The rest waits behind them. Nothing here speaks to Kafka: tickets are
numbers that rise in the order in which records were taken.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping
from itertools import groupby
from typing import NamedTuple

from shipper.delivery.errors import Help, Meaning


class Failure(NamedTuple):
    """Why a record came back."""

    code: int
    partition: int
    row: Meaning
    said: str


#: What came back from the producer unsent: no fault of anybody.
UNSENT = Failure(0, 0, Meaning("unsent", "", "", Help.AGAIN), "")


class Isolation:
    """What is in our hands while not all is well; empty when it is."""

    def __init__(self) -> None:
        self._back: dict[int, Failure] = {}
        self._groups: deque[list[int]] = deque()
        self._trial: list[int] = []
        self.again: deque[int] = deque()

    def __bool__(self) -> bool:
        return bool(self._back or self._groups or self._trial or self.again)

    @property
    def in_hand(self) -> int:
        """How many records the producer does not have."""
        return len(self._back) + len(self.again) + sum(map(len, self._groups))

    @property
    def returned(self) -> bool:
        """Whether something came back that is not planned yet."""
        return bool(self._back)

    @property
    def trying(self) -> bool:
        """Whether a group is out."""
        return bool(self._trial)

    def came_back(self, ticket: int, failure: Failure) -> None:
        """The producer could not deliver it."""
        self._back[ticket] = failure

    def accuse(self, ticket: int, failure: Failure) -> None:
        """It came back and was alone, unless a group is out, which is judged first."""
        self._back[ticket] = failure
        if not self._trial:
            self._trial = [ticket]

    def all_came_back(self, tickets: Iterable[int]) -> None:
        """The producer is gone: of all these it has none any more."""
        ours = {*self._back, *self.again}.union(*self._groups)
        for ticket in tickets:
            if ticket not in ours:
                self._back[ticket] = UNSENT

    def plan(self) -> None:
        """Order what came back: suspects into groups, the others behind them."""
        suspects = {t: f for t, f in self._back.items() if f.row.help is Help.NONE}
        others = self._back.keys() - suspects.keys()
        self._back.clear()
        self._groups.extend(_runs(suspects))
        self.again = deque(sorted([*others, *self.again]))

    def next_group(self) -> list[int]:
        """The group that goes out now; empty when there is none."""
        self._trial = self._groups.popleft() if self._groups else []
        return list(self._trial)

    def put_off(self, tickets: list[int]) -> None:
        """These did not go out with their group: they are the next one."""
        late = set(tickets)
        self._trial = [ticket for ticket in self._trial if ticket not in late]
        if tickets:
            self._groups.appendleft(tickets)

    def settled(self, unsettled: Collection[int]) -> bool:
        """Whether the fate of all in the group that is out is known."""
        return all(ticket in self._back or ticket not in unsettled for ticket in self._trial)

    def judge(self) -> tuple[int, Failure] | None:
        """Of a group whose fate is known: who is guilty, if one was alone; else it is halved."""
        group, self._trial = self._trial, []
        back = {ticket: self._back.pop(ticket) for ticket in group if ticket in self._back}
        if len(group) == 1:
            return next(iter(back.items()), None)
        if not any(failure.row.help is Help.NONE for failure in back.values()):
            runs = [sorted(back)] if back else []
        else:
            runs = _runs(back)
            if len(runs) == 1 and len(runs[0]) == len(group):
                middle = len(group) // 2
                runs = [runs[0][:middle], runs[0][middle:]]
        self._groups.extendleft(reversed(runs))
        return None


def _runs(back: Mapping[int, Failure]) -> list[list[int]]:
    """Neighbours in a partition that came back for the same reason, in order, each a group."""
    ordered = sorted(back, key=lambda ticket: (back[ticket].partition, ticket))
    runs = groupby(ordered, key=lambda ticket: back[ticket][:2])
    return [list(run) for _, run in runs]

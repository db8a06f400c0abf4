"""The accounts of one worker as they are read -> the few that the judgement needs."""

from shipper.audit.accounts import Account, fallen
from shipper.audit.window import Window

_MOST_LISTED = 100


class History:
    """Keeps the first, the last and those at the edges of the window; of the others two numbers.

    `broken` lists the equations that did not hold within the window.
    """

    def __init__(self, window: Window) -> None:
        self.broken: list[str] = []
        self.count = 0
        self._window = window
        self._first: Account | None = None
        self._latest: Account | None = None
        self._base: Account | None = None
        self._within: Account | None = None
        self._marks: list[tuple[int, int]] = []

    def add(self, account: Account) -> None:
        """Take the next account; they come in order, but one may come again."""
        window, before = self._window, self._latest
        self.count += 1
        inside = window.holds(account.until)
        if inside and len(self.broken) < _MOST_LISTED:
            self.broken += [f"{account.identifier}: {said}" for said in account.broken()]
            if before is not None and before.order < account.order and window.holds(before.until):
                self.broken += [f"{account.identifier}: {said}" for said in fallen(before, account)]
        self._marks.append((account.until, account.next))
        if self._first is None or account.order < self._first.order:
            self._first = account
        self._latest = _later(self._latest, account)
        if window.begin is not None and account.until <= window.begin:
            self._base = _later(self._base, account)
        if window.end is None or account.until <= window.end:
            self._within = _later(self._within, account)

    @property
    def latest(self) -> Account:
        """The last account; there has to be one."""
        if self._latest is None:
            raise LookupError("no account was read")
        return self._latest

    @property
    def within(self) -> Account | None:
        """The last account of the window."""
        return self._within

    @property
    def base(self) -> Account | None:
        """The last account before the window."""
        return self._base

    def expected(self) -> tuple[int, int]:
        """The numbers given within the window as far as accounts tell: first, end."""
        if self._within is None or self._first is None:
            return (0, 0)
        high, begin = self._within.next, self._window.first
        if begin is None or self._first.started >= begin:
            return (0, high)
        before = [next_ for until, next_ in self._marks if until <= begin]
        low = max(before) if before else self._first.next
        return (low, max(low, high))


def _later(known: Account | None, account: Account) -> Account:
    return account if known is None or known.order <= account.order else known

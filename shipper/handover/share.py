"""Which exchanges are ours, while another agent captures the same beside us.

A moment divides them, by the first byte of the request: both agents see every exchange, and each
tells its own. An answer whose request was not seen belongs to the agent that was there before it.
"""

from typing import Final

from shipper.contract.exchange import Exchange

OTHERS: Final = "other_agent"
#: Later than anything: nothing is ours yet.
NEVER: Final = 1 << 63
#: How long after that an answer may come whose request the agent before has (ns).
_ANSWERED: Final = 300_000_000_000


class Share:
    """What begins from `since` on and before `until` (ns, boot clock)."""

    def __init__(self) -> None:
        """All of it."""
        self.since = 0
        self.until = NEVER

    def leaves_out(self, exchange: Exchange) -> str | None:
        """Why it becomes no record here; None when it does."""
        return None if self._ours(exchange) else OTHERS

    def _ours(self, exchange: Exchange) -> bool:
        if exchange.request is None and exchange.joined_late and not exchange.number:
            return exchange.start >= self.since + _ANSWERED or not self.since
        return self.since <= exchange.start < self.until

"""How long the oldest message that is not settled has waited, from counts looked at each second.

Messages are settled about in their order, so the oldest that waits is the one behind as many as
are settled.
"""

from collections import deque
from typing import Final

_MOST: Final = 4096


class Waiting:
    """Remembers when how many messages had come; bounded, with less detail the longer it is."""

    def __init__(self, most: int = _MOST) -> None:
        """`most` looks are remembered: an even number."""
        self._most = most
        self._seen: deque[tuple[float, int]] = deque()
        self._submitted = 0

    def look(self, now: float, submitted: int, in_flight: int) -> None:
        """So it stands at `now` (s, a clock that does not jump)."""
        if submitted > self._submitted:
            self._seen.append((now, submitted))
            self._submitted = submitted
        settled = submitted - in_flight
        while self._seen and self._seen[0][1] <= settled:
            self._seen.popleft()
        if len(self._seen) >= self._most:
            self._seen = _halved(self._seen)

    def age(self, now: float) -> float:
        """Seconds, to about a second; 0 when nothing waits."""
        return now - self._seen[0][0] if self._seen else 0.0


def _halved(seen: deque[tuple[float, int]]) -> deque[tuple[float, int]]:
    """Two looks become one, with the time of the first: nothing seems younger than it is."""
    looks = list(seen)
    return deque(
        (first[0], second[1]) for first, second in zip(looks[::2], looks[1::2], strict=False)
    )

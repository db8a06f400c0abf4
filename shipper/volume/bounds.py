"""Decides of each exchange whether it becomes a record: by rules, by a rate, by the CPU it costs.

It is decided before a record is built, so that what is left out costs little. Under the ceiling for
CPU an exchange is left out by a hash, not by chance: that of two captures has the same fate.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from shipper.contract.exchange import Exchange
from shipper.volume.bucket import Bucket, Buckets
from shipper.volume.fold import Folds, Group, alike
from shipper.volume.lot import lot
from shipper.volume.rules import Rule, Rules

RATE: Final = "rate_cap"
CPU: Final = "cpu_cap"
CLIENT: Final = "client_cap"

#: The share is as fine as this; rules that sample use the other half of the lots' bits.
_STEPS: Final = 1 << 16
#: Below this part of the ceiling more is let through, a quarter more each second.
_ROOM: Final = 0.9
_FASTER: Final = 1.25
_LEAST: Final = 0.01


@dataclass(frozen=True, slots=True)
class VolumeSettings:
    """Rules, and one worker's share of the bounds; 0: no bound.

    Exchanges a second, of one client address and of all, and CPUs. `max_folds`: groups that rules
    which fold may have open at once.
    """

    max_per_client: float = 0.0
    max_per_second: float = 0.0
    max_cpu: float = 0.0
    rules: tuple[Rule, ...] = ()
    keep_failures: bool = True
    max_folds: int = 1000

    @property
    def decides(self) -> bool:
        """Whether there is anything to decide."""
        return bool(self.max_per_client or self.max_per_second or self.max_cpu or self.rules)


class Volume:
    """Decides for one worker. `cpu` gives the seconds that it has used since its start.

    `folds` holds what is to be told as one, also of rules that are no more.
    """

    def __init__(
        self,
        settings: VolumeSettings,
        clock: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.process_time,
    ) -> None:
        self._clock = clock
        self._cpu = cpu
        self.folds = Folds(settings.max_folds)
        self.renew(settings)

    def renew(self, settings: VolumeSettings) -> None:
        """Other bounds, from the next exchange on."""
        self.settings = settings
        self._rules = Rules(settings.rules, keep_failures=settings.keep_failures)
        self.folds.most = settings.max_folds
        self._looked = now = self._clock()
        self._all = Bucket(settings.max_per_second, now)
        self._clients = Buckets(settings.max_per_client)
        self._used = self._cpu()
        self._share = 1.0  # of the exchanges that pass

    def leaves_out(self, exchange: Exchange) -> str | Group | None:
        """The reason why it becomes no record of its own, or the group that it has opened.

        None when it becomes one at once, with its sampling rate set.
        """
        rule = self._rules.against(exchange)
        if rule is not None and rule.action != "fold":
            return f"rule_{rule.name}"
        if self._share < 1.0:
            if lot(exchange) % _STEPS >= self._share * _STEPS:
                return CPU
            exchange.sampling_rate *= self._share
        if rule is None:
            return self._above(exchange)
        key = alike(rule, exchange)
        if self.folds.joins(key, exchange):  # it makes no record: the rates are not asked
            return f"fold_{rule.name}"
        return self._above(exchange) or self.folds.open(key, rule, exchange)

    def _above(self, exchange: Exchange) -> str | None:
        """Which of the rates it is above, if any."""
        settings = self.settings
        if not (settings.max_per_client or settings.max_per_second):
            return None
        client, now = exchange.connection.client_address, self._clock()
        if settings.max_per_client and not self._clients.take(client, now):
            return CLIENT
        if settings.max_per_second and not self._all.take(now):
            return RATE
        return None

    def look(self) -> None:
        """About once a second: let less through, or more, as the CPU's use asks for."""
        ceiling = self.settings.max_cpu
        now, used = self._clock(), self._cpu()
        passed, taken = now - self._looked, used - self._used
        if not ceiling or passed <= 0:
            return
        self._looked, self._used = now, used
        part = taken / passed / ceiling
        if part > 1.0:
            self._share = max(_LEAST, self._share / part)
        elif part < _ROOM:
            self._share = min(1.0, self._share * _FASTER)

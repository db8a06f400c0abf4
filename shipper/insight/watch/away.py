"""Since when Kafka was last heard -> one line when it is away, and one when it is back.

Nothing is lost meanwhile: what is not committed is read again, and alerts are told later.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from shipper import log
from shipper.delivery import TopicAdmin
from shipper.errors import ShipperError

#: Shorter ones are the client's own matter (s).
_NOTICED_S: Final = 5.0


class Away:
    """Tells when Kafka does not answer; `heard` says when it last did (monotonic, s)."""

    def __init__(
        self,
        settings: Mapping[str, Any],
        heard: Callable[[], float],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = dict(settings)
        self._heard = heard
        self._clock = clock
        #: Since when it is away, as far as it was said.
        self._since: float | None = None

    @property
    def now(self) -> bool:
        """Whether it is."""
        return self._clock() - self._heard() > _NOTICED_S

    def look(self, logger: logging.Logger) -> None:
        """Say what has changed."""
        heard = self._heard()
        if self._since is None and self.now:
            self._since = heard
            said = f"{self._cause()}; alerts wait until it is back, and none is lost"
            log.say(logger, "kafka_away", said, logging.WARNING)
        elif self._since is not None and heard > self._since:
            seconds = heard - self._since
            self._since = None
            said = f"Kafka is back after {seconds:.0f} s: reading goes on where it was"
            log.say(logger, "kafka_back", said, seconds=round(seconds))

    def _cause(self) -> str:
        try:
            TopicAdmin(self._settings).brokers()
        except ShipperError as error:
            return str(error)
        return "Kafka does not answer in time"

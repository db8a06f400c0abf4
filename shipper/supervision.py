"""What the agent looks after while its workers work: their reports, the reload, and who asks.

    worker ──report──► vitals ──► /metrics, /healthz, /readyz    (threads of this process)
                          └─────► the service manager            (sd_notify)

It is one turn of a loop, taken a few times a second, and costs as much however busy the host is.
"""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from shipper import wiring
from shipper.capture import Kernel, Rules
from shipper.children import Children
from shipper.config import Config
from shipper.control import Renewal
from shipper.coverage import coverage, coverage_line
from shipper.delivery import Lines
from shipper.errors import ShipperError, UnavailableError
from shipper.log import say
from shipper.metrics.checks import Check, hold, ready
from shipper.metrics.vitals import Vitals
from shipper.notify import Notifier
from shipper.record import RecordBuilder
from shipper.renewal import renewed

if TYPE_CHECKING:
    from shipper.metrics.serve import Server

_REPORT_EVERY: Final = 300.0
#: Seconds between two looks at the whole flow table: 1 ms for each 1500 flows.
_COUNT_EVERY: Final = 30.0
#: Seconds between two words to a service manager that waits for the start.
_EXTEND_EVERY: Final = 5.0
#: Seconds within which every worker has to have taken over new settings.
_TAKEN_OVER: Final = 15.0
#: Kernels before 5.19 let only the privileged write these maps.
_MAPS: Final = frozenset(
    f"capture.{way}.{kind}" for way in ("include", "exclude") for kind in ("cidrs", "cgroups")
)


class Supervision:
    """The agent's turn, a few times a second; `reread` gives the configuration anew."""

    def __init__(  # noqa: PLR0913 - all that it looks after
        self,
        config: Config,
        kernel: Kernel,
        children: Children,
        *,
        reread: Callable[[], Config],
        notifier: Notifier,
        log: logging.Logger,
        ephemeral: str,
    ) -> None:
        self.config = config
        self.vitals = Vitals(kernel, workers=len(children), to_kafka="kafka" in config.output)
        self._kernel = kernel
        self._children = children
        self._reread = reread
        self._notifier = notifier
        self._log = log
        self._ephemeral = ephemeral
        self._lines = Lines(log.log)
        self._server = _server(config, self.vitals, log)
        self._ready = False
        self._fixed = frozenset() if kernel.refilters_all() else _MAPS
        self._renewals = 0
        self._coverage_at = time.monotonic() + _REPORT_EVERY
        self._extend_at = self._alive_at = self._count_at = 0.0
        self._ring_full = 0

    def turn(self) -> None:
        """Take in what was told, and tell it on."""
        now = self.vitals.beat = time.monotonic()
        self._children.listen()
        for number, child in enumerate(self._children):
            report = child.messages.pop("report", None)
            if report is not None:
                self.vitals.take(number, report)
        if self._server is not None:
            self._server.open()
        self._notify(now)
        counters = self._kernel.counters()
        self._watch_rings(counters["ring_full"])
        if now >= self._count_at:
            self._count_at = now + _COUNT_EVERY
            self.vitals.flows = self._kernel.flows()
        if now >= self._coverage_at:
            self._coverage_at = now + _REPORT_EVERY
            self.say_coverage()

    def finish(self) -> None:
        """Nothing is captured any more."""
        self.vitals.attached = False
        self._notifier.stopping()

    def beat(self) -> None:
        """The agent goes on, though it takes no turns."""
        self.vitals.beat = time.monotonic()

    def close(self) -> None:
        """Nobody is answered any more."""
        if self._server is not None:
            self._server.close()
        self.vitals.close()

    def say_coverage(self) -> None:
        """One line: what connections spoke, and what of it was read."""
        seen = coverage(self._kernel.counters(), self._kernel.settings.roles)
        say(self._log, "coverage", coverage_line(seen), **seen)

    def reload(self) -> None:
        """Take over what can change; a configuration that is wrong changes nothing."""
        self._notifier.reloading()
        reloads = self.vitals.reloads
        try:
            said = self._renew()
        except ShipperError as error:
            reloads.said = f"not reloaded, all stays as it was: {error}"
            reloads.refused += 1
            say(self._log, "reload_refused", reloads.said, logging.ERROR)
        else:
            reloads.said = f"reloaded: {said}"
            reloads.loaded_at = time.time()
            reloads.applied += 1
            say(self._log, "reloaded", reloads.said)
        if self._ready:
            self._notifier.ready(self._status(()))

    def _renew(self) -> str:
        """What became of it, as one line. ShipperError before anything is changed."""
        new = renewed(self.config, self._reread(), self._fixed)
        settings = wiring.record_settings(new.config)
        RecordBuilder(settings, wiring.identity(new.config, self._ephemeral, 0))
        capture = new.config.capture
        include, exclude = wiring.rules(capture.include), wiring.rules(capture.exclude)
        self._kernel.resolve(include, exclude)
        if (include, exclude) != (self._kernel.settings.include, self._kernel.settings.exclude):
            self._refilter(include, exclude)
        self._renewals += 1
        number, level = self._renewals, new.config.agent.log_level
        self._children.order(Renewal(number, settings, wiring.volume_settings(new.config), level))
        self._log.setLevel(level.upper())
        self.config = new.config
        self._await_workers(number)
        return new.said

    def _refilter(self, include: Rules, exclude: Rules) -> None:
        try:
            self._kernel.refilter(include, exclude)
        except OSError as error:
            raise UnavailableError(
                f"the kernel does not take the filters ({error.strerror})",
                "name fewer networks and cgroups",
            ) from error

    def _await_workers(self, number: int) -> None:
        """Until every worker has taken it over; one that waits for its disk does so later."""

        def taken_over() -> bool:
            self.beat()
            return bool(self._children.ended()) or all(
                child.messages.get("renewed") == number for child in self._children
            )

        if not self._children.wait(taken_over, _TAKEN_OVER):
            self._log.warning("a worker is busy, and takes the new settings over when it is not")

    def _notify(self, now: float) -> None:
        checks = ready(self.vitals, now)
        status = self._status(checks)
        if not self._ready and hold(checks):
            self._ready = True
            self._notifier.ready(status)
        elif not self._ready and now >= self._extend_at:
            self._extend_at = now + _EXTEND_EVERY
            self._notifier.starting()
        self._notifier.status(status)
        interval = self._notifier.watchdog_s
        draining = all(check.ok for check in checks if check.name == "draining")
        if interval is not None and draining and now >= self._alive_at:
            self._alive_at = now + interval / 3
            self._notifier.alive()

    def _status(self, checks: tuple[Check, ...]) -> str:
        failing = [f"{check.name}: {check.said}" for check in checks if not check.ok]
        return "; ".join(failing) if failing else f"capturing, to {', '.join(self.config.output)}"

    def _watch_rings(self, full: int) -> None:
        lost, self._ring_full = full - self._ring_full, full
        if lost:
            self._lines.say(
                logging.WARNING,
                "ring_full",
                f"{lost} events found no room: the workers are too slow for this traffic "
                f"({full} since the start)",
            )


def _server(config: Config, vitals: Vitals, log: logging.Logger) -> "Server | None":
    """Who answers on `metrics.listen`, where it is set."""
    if not config.metrics.listen:
        return None
    # Only where it is wanted, and after the forks: it takes memory that the workers don't need.
    from shipper.metrics.serve import Server  # noqa: PLC0415

    return Server(config.metrics.listen, vitals, log)

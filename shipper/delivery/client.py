"""The producer of librdkafka: made, called so that a fatal error is noticed, and replaced.

What the client says of itself (a broker that does not answer, a refused log-in) becomes lines here;
what it says of single records goes to who handed them over.
"""

import logging
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Producer

from shipper.delivery import errors
from shipper.delivery.clientlog import client_logger
from shipper.delivery.errors import Help, Settings
from shipper.delivery.lines import Lines
from shipper.delivery.secret_files import SecretFiles
from shipper.delivery.settings import make, producer_settings
from shipper.delivery.sink import Log
from shipper.delivery.statistics import Statistics, read_statistics
from shipper.errors import ConfigError


class Client:
    """One producer at a time. Raises `ConfigError` for settings that it refuses."""

    def __init__(self, settings: Settings, log: Log, clock: Callable[[], float]) -> None:
        self.broken = False
        self.restarts = 0
        self.troubles: set[str] = set()
        self.topic = ""  #: where records go, for lines about what concerns them all
        self.statistics: Statistics | None = None  #: the last that the client told of itself
        self._log = log
        self._lines = Lines(log, clock=clock)
        self._logger = client_logger(lambda level, line: log(level, self.scrub(line)))
        self._files = SecretFiles(producer_settings(settings, log), clock)
        self._settings: Settings = {}
        self._cause = ""
        self.producer = self._made()

    def _made(self) -> Producer:
        settings = self._files.contents()
        callbacks: dict[str, Any] = {
            "error_cb": self._on_error,
            "stats_cb": self._on_statistics,
            "logger": self._logger,
        }
        made = make(Producer, {**settings, **callbacks})
        self._settings = settings
        return made

    def poll(self, timeout_s: float) -> None:
        """Serve reports."""
        self._guarded(self.producer.poll, timeout_s)

    def press(self, timeout_s: float) -> None:
        """Send without lingering, and serve reports."""
        self._guarded(self.producer.flush, timeout_s)

    def take_back(self) -> None:
        """Ask for what was not sent yet; it is reported as unsent."""
        self._guarded(self.producer.purge, True, False, False)  # noqa: FBT003 - positional in C

    def discard(self) -> None:
        """Drop everything that the producer has, at once."""
        self._guarded(self.producer.purge)
        self._guarded(self.producer.poll, 0)

    def restart(self) -> bool:
        """Replace a producer that failed fatally, or whose secrets have changed; whether it was.

        When the new one can't be made (a file that is gone, a key that fits no certificate), that
        is said, and the old one goes on if it still can.
        """
        try:
            fresh = self._made()
        except ConfigError as e:
            self.say_line(logging.ERROR, "renewal", f"{e}; the connection stays as it was")
            return False
        self._lines.forget("renewal")
        self.discard()
        self.producer = fresh
        self.broken = False
        self.restarts += 1
        return True

    def secrets_changed(self) -> bool:
        """Whether a file that the producer was made with is another one now; said once."""
        changed = self._files.changed()
        if changed:
            self._log(logging.INFO, f"{changed} has changed: connecting to Kafka anew")
        return bool(changed)

    def take_fatal(self, e: BaseException) -> None:
        """A fatal error surfaced in some call."""
        cause = e if isinstance(e, KafkaException) else e.__cause__
        if isinstance(cause, KafkaException):
            error = errors.error_of(cause)
            about = f"topic {self.topic}: {errors.plain(error)}" if self.topic else ""
            self.say(logging.ERROR, error, about)
        self.broken = True

    def say(self, level: int, error: KafkaError, detail: str = "") -> errors.Meaning:
        """A line for an error, in the words of the one table; its row."""
        row = errors.meaning(error)
        if level > logging.DEBUG and row.help is not Help.NONE:
            self.troubles.add(row.reason)
        self._lines.say(level, row.reason, errors.line(error, self._settings, detail))
        return row

    def say_line(self, level: int, matter: str, line: str) -> None:
        """A line of other words, without secrets."""
        self._lines.say(level, matter, errors.scrub(line, self._settings))

    def forget(self, matter: str) -> None:
        """The matter is over: the next line about it is news again."""
        self._lines.forget(matter)

    def scrub(self, text: str) -> str:
        """The text without secrets."""
        return errors.scrub(text, self._settings)

    def recovered(self) -> None:
        """Something was acknowledged after trouble."""
        for trouble in self.troubles:
            self._lines.forget(trouble)
        self.troubles.clear()
        self._log(logging.INFO, "Kafka acknowledges records again")

    def _guarded(self, call: Callable[..., object], *arguments: float | bool) -> None:
        """Call the producer; a fatal error, which it raises, breaks it.

        The binding raises it as `KafkaException` or, when a report is served in the same call,
        as `SystemError` ("returned a result with an exception set").
        """
        try:
            call(*arguments)
        except (KafkaException, SystemError) as e:
            self.take_fatal(e)

    def _on_statistics(self, text: str) -> None:
        self.statistics = read_statistics(text)

    def _on_error(self, error: KafkaError) -> None:
        if errors.of_connection(error):
            self._cause = errors.plain(error)
            self.say(logging.DEBUG, error)
        elif error.code() == errors.ALL_DOWN:
            if self.troubles <= {"brokers_down"}:
                # Otherwise the true cause (a wrong password, say) was told already.
                self.say(logging.WARNING, error, self._cause)
        else:
            self.say(logging.ERROR, error)


def now_ms() -> int:
    """This host's wall clock, ms since the epoch."""
    return time.time_ns() // 1_000_000

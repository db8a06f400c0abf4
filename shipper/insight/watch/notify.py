"""Alerts of the topic -> receivers: each has a consumer group of its own.

An alert counts as handed on when its receiver has taken it; only then is its offset committed.
While a receiver is away, or takes nothing because something has to be mended, it is tried again,
ever more slowly, and the alerts wait in the topic. An alert that it will never take is told and
passed over.
"""

import logging
import threading
from collections import deque
from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson
from confluent_kafka import Consumer, KafkaException, Message

from shipper.errors import ShipperError
from shipper.insight.watch.clients import client_logger
from shipper.insight.watch.receivers import Refused, Sending

_PATIENCE_S: Final = 10.0
_POLL_S: Final = 0.5
_FIRST_S: Final = 0.5
_SLOWEST_S: Final = 30.0


class Notifier(threading.Thread):
    """Hands alerts on to one receiver until it is stopped."""

    def __init__(
        self, settings: Mapping[str, Any], group: str, topic: str, sending: Sending
    ) -> None:
        super().__init__(name=f"notify {sending.name}", daemon=True)
        self._topic = topic
        self._sending = sending
        self._ending = threading.Event()
        self._consumer = Consumer(
            {
                **settings,
                "group.id": f"{group}.notify.{sending.name}",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "isolation.level": "read_committed",
                "logger": client_logger(),
            }
        )
        self.handed = 0
        self.refused = 0
        self.failed: BaseException | None = None
        self._early: deque[Message] = deque()
        #: What was said of the trouble that goes on.
        self._trouble = ""

    def run(self) -> None:
        """Until `stop`; what is not handed on by then is the next process' matter."""
        log = logging.getLogger("shipper")
        # Whoever has the partitions next begins where it was committed, and so do we.
        self._consumer.subscribe([self._topic], on_revoke=lambda *_: self._early.clear())
        try:
            while not self._ending.is_set():
                message = self._early.popleft() if self._early else self._consumer.poll(_POLL_S)
                if message is None or message.error() is not None:
                    continue
                if self._hand_on(message, log):
                    self._commit(message)
        except Exception as error:  # noqa: BLE001 - told by the main thread, which then ends
            self.failed = error
        finally:
            self._consumer.close()

    def stop(self) -> None:
        """End, and wait for it."""
        self._ending.set()
        self.join(_PATIENCE_S)

    def _hand_on(self, message: Message, log: logging.Logger) -> bool:
        """Until it is taken or refused; False when told to end before."""
        try:
            alert = orjson.loads(message.value() or b"")
        except orjson.JSONDecodeError:
            alert = None  # not ours: it is refused below
        wait = _FIRST_S
        while not self._ending.is_set():
            try:
                self._sending.send(alert)
            except Refused as error:
                self.refused += 1
                log.error("%s refuses an alert: %s", self._sending.shown, error)  # noqa: TRY400
                return True
            except (httpx.HTTPError, OSError, ShipperError) as error:
                wait = _FIRST_S if self._troubled(error, log) else min(2 * wait, _SLOWEST_S)
                self._wait(wait)
            else:
                self.handed += 1
                self._well(log)
                return True
        return False

    def _troubled(self, error: Exception, log: logging.Logger) -> bool:
        """Whether it is another trouble than before, which is said; an error has to be mended."""
        said = str(error) or type(error).__name__
        if said == self._trouble:
            return False
        self._trouble = said
        level = logging.ERROR if isinstance(error, ShipperError) else logging.WARNING
        log.log(level, "%s does not take alerts (%s): they wait", self._sending.shown, said)
        return True

    def _well(self, log: logging.Logger) -> None:
        if self._trouble:
            self._trouble = ""
            log.info("%s takes alerts again", self._sending.shown)

    def _wait(self, seconds: float) -> None:
        """Stays in the group meanwhile: nothing is fetched, but the brokers see it alive."""
        self._consumer.pause(self._consumer.assignment())
        waited = 0.0
        while waited < seconds and not self._ending.wait(min(_POLL_S, seconds)):
            early = self._consumer.poll(0)
            if early is not None and early.error() is None:
                # Of a partition that was given to us meanwhile, and is not paused: its turn comes.
                self._early.append(early)
                self._consumer.pause(self._consumer.assignment())
            waited += _POLL_S
        self._consumer.resume(self._consumer.assignment())

    def _commit(self, message: Message) -> None:
        try:
            self._consumer.commit(message=message, asynchronous=False)
        except KafkaException as error:
            # It will come once more: receivers know alerts by their id.
            logging.getLogger("shipper").debug("a commit failed: %s", error)

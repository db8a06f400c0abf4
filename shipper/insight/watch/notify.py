"""Alerts of the topic -> receivers: each has a consumer group of its own.

An alert counts as handed on when its receiver has taken it; only then is its offset committed.
While a receiver is away it is tried again, ever more slowly, and the alerts wait in the topic.
What a receiver refuses for good is told and passed over.
"""

import logging
import threading
from collections.abc import Mapping
from typing import Any, Final

import httpx
import orjson
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition

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
        self.failed = 0

    def run(self) -> None:
        """Until `stop`; what is not handed on by then is the next process' matter."""
        log = logging.getLogger("shipper")
        self._consumer.subscribe([self._topic])
        try:
            while not self._ending.is_set():
                message = self._consumer.poll(_POLL_S)
                if message is None or message.error() is not None:
                    continue
                if self._hand_on(message, log):
                    self._commit(message)
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
                log.error("%s refuses an alert: %s", self._sending.url, error)  # noqa: TRY400
                return True
            except (httpx.HTTPError, OSError, ShipperError) as error:
                if wait == _FIRST_S:
                    log.warning("%s does not take alerts (%s): they wait", self._sending.url, error)
                self.failed += 1
                self._wait(wait)
                wait = min(2 * wait, _SLOWEST_S)
            else:
                self.handed += 1
                return True
        return False

    def _wait(self, seconds: float) -> None:
        """Stays in the group meanwhile: nothing is fetched, but the brokers see it alive."""
        assigned = self._consumer.assignment()
        self._consumer.pause(assigned)
        waited = 0.0
        while waited < seconds and not self._ending.wait(min(_POLL_S, seconds)):
            early = self._consumer.poll(0)
            if early is not None and early.error() is None:
                # Partitions that were given to us meanwhile are not paused; its turn comes.
                self._consumer.seek(_place(early))
                self._consumer.pause(self._consumer.assignment())
            waited += _POLL_S
        self._consumer.resume(self._consumer.assignment())

    def _commit(self, message: Message) -> None:
        try:
            self._consumer.commit(message=message, asynchronous=False)
        except KafkaException as error:
            # It will come once more: receivers know alerts by their id.
            logging.getLogger("shipper").debug("a commit failed: %s", error)


def _place(message: Message) -> TopicPartition:
    return TopicPartition(message.topic() or "", message.partition() or 0, message.offset() or 0)

"""What becomes of records that come back from the producer.

Sent again at once (what merely shared a batch with a bad record), after a pause (what somebody has
to mend), or by a new producer (when this one lost its sequence, or its secrets have changed). A
record that Kafka refuses for itself is shortened or given another time if that helps, and else
becomes a dead letter.
"""

import logging
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message

from shipper.contract.record import EncodedRecord
from shipper.delivery import errors
from shipper.delivery.client import Client
from shipper.delivery.errors import Help
from shipper.delivery.isolation import UNSENT, Failure, Isolation
from shipper.delivery.partition import Partitions, PartitionUnknown
from shipper.delivery.treatment import Treatment

#: How long what an operator has to mend waits before it is sent again, and a failed producer
#: before it is replaced (seconds).
PAUSE_S = 1.0
#: How long what is on its way may keep what came back from being sent again (seconds).
_DRAIN_S = 10.0
#: How long a change of secrets waits for what is in flight (seconds).
_RENEWAL_S = 2.0

#: What is said of a record before all waits for a while.
_PAUSING = frozenset({Help.TIME, Help.OPERATOR, Help.RESTART})

#: Hands a record to the producer. Raises `BufferError`, `PartitionUnknown`, `KafkaException`.
HandOver = Callable[[int, EncodedRecord], None]


class Recovery:
    """The way of records while not all is well; `free` says whether a new one may be taken."""

    def __init__(
        self,
        client: Client,
        partitions: Partitions,
        treatment: Treatment,
        hand_over: HandOver,
        clock: Callable[[], float],
    ) -> None:
        self.free = True
        self._client = client
        self._partitions = partitions
        self._treatment = treatment
        self._table = treatment.table
        self._hand_over = hand_over
        self._clock = clock
        self._isolation = Isolation()
        self._wait_until = self._drain_until = 0.0
        self._renew_at: float | None = None
        self._on_trial = False
        self._alarmed = False
        self._closed = False

    def close(self) -> bool:
        """Nothing is sent again from now on; False if that was so already."""
        before, self._closed = self._closed, True
        self.free = False
        return not before

    @property
    def trying(self) -> bool:
        """Whether a group is out whose fate decides what is done next."""
        return self._isolation.trying

    @property
    def idle(self) -> bool:
        """Whether the producer has nothing that could be pressed on with."""
        return self._paused() or len(self._table) <= self._in_hand()

    def find(self, topic: str) -> bool:
        """Ask for a topic's partitions; whether they are known. Until they are, all waits."""
        self._client.topic = topic
        error = self._partitions.ask(self._client.producer, topic)
        if error is None:
            return True
        self._client.poll(0)  # the true cause may wait to be told
        if error.code() not in errors.CONNECTION:
            self._client.say(logging.ERROR, error, f"topic {topic}: {errors.plain(error)}")
        self._pause()
        return False

    def hopeless(self, error: KafkaError, topic: str) -> bool:
        """Whether what `produce` refused is this record for itself; else all waits."""
        row = errors.meaning(error)
        if row.help is Help.NONE:
            return True
        self._client.broken = self._client.broken or row.help is Help.RESTART
        self._stop(error, topic)
        return False

    def accuse(self, ticket: int, error: KafkaError) -> None:
        """Kafka refuses this record, which was alone."""
        self.free = False
        self._isolation.accuse(ticket, _failure(error))
        self.mend()

    def came_back(self, ticket: int, error: KafkaError, message: Message) -> None:
        """The report of a record that was not delivered."""
        if ticket not in self._table or self._closed:
            return
        try:
            self._take_back(ticket, error, message)
        except (KafkaException, SystemError) as e:
            # A fatal error surfaces in whatever call comes next. The record stays in the table.
            self._client.take_fatal(e)

    def acknowledged(self, ticket: int) -> None:
        """The report of one that was delivered, while not all is well or was so lately."""
        if ticket in self._table:
            self._on_trial = False
            self._treatment.acknowledged(ticket)

    def mend(self) -> None:
        """Do what is due: a new producer, the next group, what waits to be sent again."""
        if self._closed:
            return
        self._treatment.retry_letters()
        if self._alarmed and self._isolation.returned:
            self._alarmed = False
            self._client.take_back()
        self._renew()
        if not self._paused():
            self._judge()
            self._send()
        self._partitions.turn(self._client.producer)
        self.free = not self._holds_back()

    def _holds_back(self) -> bool:
        return (
            bool(self._isolation)
            or self._paused()
            or self._client.broken
            or self._renew_at is not None
            or self._treatment.full
            or (self._on_trial and bool(self._table))
        )

    def _in_hand(self) -> int:
        return self._isolation.in_hand + len(self._treatment.waiting)

    def _paused(self) -> bool:
        return self._clock() < self._wait_until

    def _pause(self) -> None:
        self.free = False
        self._wait_until = self._clock() + PAUSE_S

    def _alarm(self) -> None:
        """Something came back: nothing new is taken, and what is not sent yet is asked back."""
        if not self._isolation.returned and not self._isolation.trying:
            self._alarmed = True
            self._drain_until = self._clock() + _DRAIN_S
        self.free = False

    def _take_back(self, ticket: int, error: KafkaError, message: Message) -> None:
        if ticket in self._treatment.offered and _declines(error):
            self._treatment.decline(ticket, error)
            return
        self._alarm()
        failure = _failure(error, message.partition())
        if error.code() in errors.PURGED:
            self._isolation.came_back(ticket, UNSENT._replace(partition=failure.partition))
        elif error.code() == errors.GIVEN_UP:
            self._client.say(logging.ERROR, error)
            self._treatment.give_up(ticket, failure)
        elif failure.row.help is Help.NONE and len(self._table) == 1:
            self._isolation.accuse(ticket, failure)
        elif failure.row.help is Help.OPERATOR and self._is_free_letter(ticket):
            self._treatment.treat(ticket, failure)
        else:
            self._isolation.came_back(ticket, failure)
            if failure.row.help in _PAUSING and not self._treatment.is_letter(ticket):
                self._stop(error, self._table[ticket][0].topic)

    def _is_free_letter(self, ticket: int) -> bool:
        """Whether it is a letter that did not go out alone, to be judged as such."""
        return self._treatment.is_letter(ticket) and not self._isolation.trying

    def _stop(self, error: KafkaError, topic: str) -> None:
        """All waits until somebody has mended it, or it has passed."""
        self._client.say(logging.ERROR, error, f"topic {topic}: {errors.plain(error)}")
        if error.code() == errors.NO_PARTITION:
            self._partitions.forget(topic)
        self._on_trial = True
        self._pause()

    def _renew(self) -> None:
        """Another producer, when this one has failed or its secrets have changed."""
        client, now = self._client, self._clock()
        if self._renew_at is None:
            if client.broken:
                self._renew_at = now + PAUSE_S
            elif client.secrets_changed():
                self._renew_at = now + _RENEWAL_S
            else:
                return
        at_once = not client.broken and (not self._table or self._isolation or client.troubles)
        if now < self._renew_at and not at_once:
            return
        self._renew_at = None
        if client.restart():
            self._isolation.all_came_back(self._table.keys() - self._treatment.waiting)
            self._wait_until = 0.0

    def _judge(self) -> None:
        """Look at what came back, once all of it has."""
        isolation = self._isolation
        if isolation.trying:
            verdict = isolation.judge() if isolation.settled(self._table) else None
            if verdict is not None and self._treatment.treat(*verdict):
                self._isolation.put_off([verdict[0]])
        elif isolation.returned:
            out = len(self._table) - self._in_hand()
            if out <= 0 or self._clock() >= self._drain_until:
                isolation.plan()

    def _send(self) -> None:
        isolation = self._isolation
        if isolation.trying or isolation.returned or self._client.broken:
            return
        group = isolation.next_group()
        for place, ticket in enumerate(group):
            if not self._resend(ticket):
                isolation.put_off(group[place:])
                return
        if group:
            return
        while isolation.again and self._resend(isolation.again[0]):
            isolation.again.popleft()

    def _resend(self, ticket: int) -> bool:
        """Whether the producer has it, or its refusal is noted; False: not now."""
        record, settled = self._table[ticket]
        if self._treatment.undated and ticket not in self._treatment.cases:
            record = self._treatment.without_time(ticket, record)
            self._table[ticket] = record, settled
        try:
            self._hand_over(ticket, record)
        except BufferError:
            return False
        except PartitionUnknown:
            self.find(record.topic)
            return False
        except KafkaException as e:
            error = errors.error_of(e)
            if not self.hopeless(error, record.topic):
                return False
            self._isolation.came_back(ticket, _failure(error))
            return True
        self._treatment.counters.resent += 1
        return True


def _declines(error: KafkaError) -> bool:
    """Whether what was only offered is let go for this; another time would help some."""
    help_ = errors.meaning(error).help
    return help_ is Help.OPERATOR or (help_ is Help.NONE and error.code() not in errors.TIMELY)


def _failure(error: KafkaError, partition: int | None = None) -> Failure:
    where = -1 if partition is None else partition
    return Failure(error.code(), where, errors.meaning(error), errors.plain(error))

"""What is done with a record that Kafka refuses for itself, until its fate is known.

It is shortened or given another time if that helps, and else its letter is sent in its place, or
written to the file. Here records are settled, and counted under what became of them.
"""

import logging
from collections.abc import Callable, Collection

from confluent_kafka import KafkaError

from shipper.contract.record import EncodedRecord
from shipper.delivery import errors
from shipper.delivery.client import Client, now_ms
from shipper.delivery.errors import Help, Meaning
from shipper.delivery.guilty import NO_TIME, Case, retimed
from shipper.delivery.isolation import Failure
from shipper.delivery.letters import Letters
from shipper.delivery.options import Options
from shipper.delivery.partition import Partitions
from shipper.delivery.sink import Counters, Settled

#: What a letter about a document that did not validate is counted under.
INVALID = "invalid"
#: How long this host's clock is believed wrong once Kafka has refused the present (seconds).
_UNDATED_S = 60.0
#: The code of a failure that is none of Kafka's.
_NOT_KAFKAS = 0
_WRONG_CLOCK = (
    "Kafka refuses the present as a record's time, so this host's clock or the broker's is wrong: "
    "set it; meanwhile messages go without a time (header timestamp-replaced)"
)

#: What is in flight: the record as it was sent, and who is told of its fate, by ticket.
Table = dict[int, tuple[EncodedRecord, Settled | None]]


class Treatment:
    """The records in flight (`table`), and those among them that Kafka has refused.

    `undated` says whether records have to go without their time; `cases` are the refused ones.
    """

    def __init__(
        self,
        client: Client,
        partitions: Partitions,
        options: Options,
        clock: Callable[[], float],
    ) -> None:
        self.counters = Counters()
        self.undated = False
        self.cases: dict[int, Case] = {}
        #: Tickets of what may fail without harm.
        self.offered: set[int] = set()
        self._client = client
        self._partitions = partitions
        self._options = options
        self.table: Table = {}
        self._clock = clock
        self._letters = Letters(client, options, clock)
        self._undated_until = 0.0

    @property
    def waiting(self) -> Collection[int]:
        """Records whose letter waits for the file."""
        return self._letters.waiting.keys()

    @property
    def full(self) -> bool:
        """Whether so many letters wait that no record may follow."""
        return self._letters.full

    def is_letter(self, ticket: int) -> bool:
        """Whether a letter was sent in the record's place."""
        case = self.cases.get(ticket)
        return case is not None and case.letter is not None

    def take_letter(self, ticket: int, letter: EncodedRecord) -> None:
        """A letter about what never was a record: it stands for itself."""
        self.cases[ticket] = case = Case(letter)
        case.letter, case.reason = letter, INVALID

    def bury(
        self, ticket: int, record: EncodedRecord, row: Meaning, said: str
    ) -> EncodedRecord | None:
        """A record that must not go out: the letter in its place, None where none are written."""
        failure = Failure(_NOT_KAFKAS, -1, row, said)
        self.cases[ticket] = case = Case(record)
        case.bury(failure, self._options)
        self._client.say_line(
            logging.ERROR, row.reason, errors.words(row, said, case.done(case.letter))
        )
        return case.letter

    def withdraw(self, ticket: int) -> None:
        """It was not taken after all."""
        del self.table[ticket]
        self.cases.pop(ticket, None)
        self.offered.discard(ticket)
        self.counters.submitted -= 1

    def decline(self, ticket: int, error: KafkaError) -> None:
        """What was only offered can't be had now: say so, and let it go."""
        topic = self.table[ticket][0].topic
        row = errors.meaning(error)
        said = f"topic {topic}: {errors.plain(error)}"
        self._client.say_line(logging.ERROR, topic, errors.words(row, said, "going on without"))
        self.settle(ticket, row.reason)

    def retry_letters(self) -> None:
        """Try to write those that wait."""
        for ticket, written in self._letters.retry().items():
            self.cases[ticket].lost = not written
            self.settle(ticket, self.cases[ticket].reason)

    def acknowledged(self, ticket: int) -> None:
        """The report of a record that was delivered, perhaps in another form."""
        case = self.cases.get(ticket)
        if case is not None and case.letter is not None:
            self.settle(ticket, case.reason)
            return
        if self._client.troubles:
            self._client.recovered()
        if case is not None:
            self.counters.shortened += case.shortened
            self.counters.retimed += case.retimed
        self.settle(ticket)

    def without_time(self, ticket: int, record: EncodedRecord) -> EncodedRecord:
        """The record as it goes while this host's clock is known to be wrong."""
        if self._clock() >= self._undated_until:
            self.undated = False
            self.cases.pop(ticket, None)
            return record
        bare = retimed(record, NO_TIME)
        self.cases[ticket] = case = Case(bare)
        case.retimed = True
        return bare

    def treat(self, ticket: int, failure: Failure) -> bool:
        """A record came back alone: put another form or its letter in its place.

        Whether it is to be sent again; else it is settled, or its letter waits for the file.
        """
        record, settled = self.table[ticket]
        case = self.cases.setdefault(ticket, Case(record))
        if failure.row.help is Help.OPERATOR and case.letter is not None:
            self._letters.spare(record.topic, failure.said)
            self.give_up(ticket, failure)
            return False
        if failure.row.help is not Help.NONE:
            return True
        instead = case.next(failure, self._options, now_ms())
        self._tell(case, failure, instead)
        if instead is None or (instead is case.letter and not self._reaches(instead.topic)):
            self.give_up(ticket, failure)
            return False
        self.table[ticket] = instead, settled
        return True

    def _reaches(self, topic: str) -> bool:
        """Whether the dead topic can be used, as far as is known."""
        if self._letters.spared(topic):
            return False
        error = self._partitions.ask(self._client.producer, topic)
        if error is None or errors.meaning(error).help is not Help.OPERATOR:
            return True
        self._letters.spare(topic, errors.plain(error))
        return False

    def give_up(self, ticket: int, failure: Failure) -> None:
        """Kafka takes neither the record nor its letter: to the file, or it has failed."""
        case = self.cases.setdefault(ticket, Case(self.table[ticket][0]))
        if case.letter is None:
            case.bury(failure, self._options)
        if case.letter is None:
            self.settle(ticket, case.reason)
            return
        written = self._letters.write(ticket, case.letter, failure.said)
        if written is not None:
            case.lost = not written
            self.settle(ticket, case.reason)

    def _tell(self, case: Case, failure: Failure, instead: EncodedRecord | None) -> None:
        """One line about a refused record and what is done."""
        row = failure.row
        if instead is None and case.letter is not None:
            return  # it is told that the letter goes to the file
        if case.without_time:
            if not self.undated:
                self._client.say_line(logging.ERROR, "clock", _WRONG_CLOCK)
            self.undated = True
            self._undated_until = self._clock() + _UNDATED_S
            return
        self._client.say_line(
            logging.ERROR, row.reason, errors.words(row, failure.said, case.done(instead))
        )

    def settle(self, ticket: int, reason: str | None = None) -> None:
        """The record's fate is known: count it, and tell who submitted it."""
        _, settled = self.table.pop(ticket)
        self.offered.discard(ticket)
        case = self.cases.pop(ticket, None)
        if reason is None:
            self.counters.acknowledged += 1
        elif case is not None and case.letter is not None and not case.lost:
            self.counters.dead_lettered[reason] += 1
        else:
            self.counters.failed[reason] += 1
        if settled is not None:
            settled(reason)

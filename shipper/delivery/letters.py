"""Dead letters that Kafka can't take, written to a file instead.

What is wrong with the dead topic must not keep records from theirs: once it was found missing or
forbidden, letters go to the file for a while without asking it.
"""

import logging
from collections.abc import Callable

from shipper.contract.record import EncodedRecord
from shipper.delivery.client import Client
from shipper.delivery.options import Options

#: How long a dead topic that takes nothing is spared (seconds).
SPARE_S = 60.0
#: How long after a failed write the next is tried (seconds).
RETRY_S = 1.0
#: Letters that wait for the file; beyond it no record is taken.
MOST = 64


class Letters:
    """Where letters go that Kafka does not take."""

    def __init__(self, client: Client, options: Options, clock: Callable[[], float]) -> None:
        self._client = client
        self._keep = options.keep
        self._clock = clock
        self._spared_until: dict[str, float] = {}
        self._try_at = 0.0
        self.waiting: dict[int, tuple[EncodedRecord, str]] = {}

    @property
    def full(self) -> bool:
        """Whether so many wait that no record may follow."""
        return len(self.waiting) >= MOST

    def spare(self, topic: str, why: str) -> None:
        """The topic takes no letters now; said once in a while."""
        self._spared_until[topic] = self._clock() + SPARE_S
        instead = "letters go to the file" if self._keep else "letters are lost"
        self._client.say_line(
            logging.ERROR,
            f"letters {topic}",
            f"the dead topic {topic} can't be used ({why}): {instead}",
        )

    def spared(self, topic: str) -> bool:
        """Whether the topic was found unusable lately."""
        until = self._spared_until.get(topic)
        return until is not None and self._clock() < until

    def write(self, ticket: int, letter: EncodedRecord, why: str) -> bool | None:
        """Whether the letter stands in the file (False: none, or full); None when it waits."""
        if self._keep is None:
            return False
        try:
            kept = self._keep(letter, why)
        except OSError as e:
            self._client.say_line(
                logging.ERROR,
                "letters",
                f"a dead letter can't be written ({e.strerror or e}): it waits, trying on",
            )
            self.waiting[ticket] = letter, why
            self._try_at = self._clock() + RETRY_S
            return None
        self._client.forget("letters")
        if not kept:
            self._client.say_line(
                logging.ERROR,
                "letters full",
                "a dead letter is lost, since their file is full: "
                "send them again with `shipper dead-letters`, or move the file away",
            )
        return kept

    def retry(self) -> dict[int, bool]:
        """Try those that wait again, when it is time; by ticket whether they stand in the file."""
        done: dict[int, bool] = {}
        if not self.waiting or self._clock() < self._try_at:
            return done
        for ticket, (letter, why) in list(self.waiting.items()):
            written = self.write(ticket, letter, why)
            if written is None:
                break
            del self.waiting[ticket]
            done[ticket] = written
        return done

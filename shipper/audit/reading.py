"""The topics, read once -> evidence by worker. The ledger comes first, the records last.

What an account says is settled was acknowledged before it was written, and so is found by whoever
reads the records afterwards, however much comes meanwhile.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Final

import orjson

from shipper.audit.accounts import read_account
from shipper.audit.history import History
from shipper.audit.judge import Evidence
from shipper.audit.numbers import Numbers
from shipper.audit.report import Source
from shipper.audit.window import Window
from shipper.config import Config
from shipper.delivery import Extent, Start, TopicReader

_UUID_LENGTH: Final = 36
_TOLD_EVERY: Final = 20_000
_MOST_LISTED: Final = 20
_WAIT_MS: Final = 20

#: Told how many messages of a topic were read, of how many.
Progress = Callable[[str, int, int], None]


@dataclass(slots=True)
class Reading:
    """Evidence as it grows.

    `hosts` are ids and names (with `*`); none means every host. `also` are
    topics of records beside the one that is configured.
    """

    config: Config
    window: Window
    margin: int
    progress: Progress
    hosts: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    malformed: dict[str, int] = field(default_factory=dict)
    evidence: dict[Source, Evidence] = field(default_factory=dict)
    _wanted: dict[str, bool] = field(default_factory=dict)

    def all(self) -> Mapping[Source, Evidence]:
        """Read everything. Raises UnavailableError."""
        self._ledger()
        self._letters()
        self._records()
        return self.evidence

    def _open(self, topic: str) -> TopicReader:
        begin = self.window.begin
        start = Start.BEGINNING if begin is None else max(0, begin - self.margin)
        # A topic's end is told by a fetch that finds nothing, which the broker keeps waiting.
        settings = {"fetch.wait.max.ms": _WAIT_MS, **self.config.kafka.settings}
        return TopicReader(settings, topic, log=_silent, start=start)

    def _ledger(self) -> None:
        topic = self.config.kafka.ledger_topic
        with self._open(topic) as reader:
            for value in self._told(topic, reader.extent(), (m.value for m in reader.until_end())):
                account = read_account(value)
                if account is None:
                    self._odd(topic)
                elif self._of_wanted(account.agent, account.host):
                    self._wanted[account.ephemeral] = True
                    self._at((account.ephemeral, account.worker)).history.add(account)
                else:
                    self._wanted[account.ephemeral] = False

    def _letters(self) -> None:
        topic = self.config.kafka.dead_topic
        with self._open(topic) as reader:
            messages = ((m.key, m.value) for m in reader.until_end())
            for key, value in self._told(topic, reader.extent(), messages):
                self._letter(topic, key, value)

    def _letter(self, topic: str, key: bytes, value: bytes) -> None:
        reason = _reason(value)
        head, _, rejected = key.partition(b"-rejected-")
        found = source(head + b"-0") if rejected else source(key)
        if reason is None or found is None:
            self._odd(topic)
            return
        origin, number = found
        if not self._is_wanted(origin[0]):
            return
        evidence = self._at(origin)
        if rejected:
            evidence.rejected[reason] += 1
        else:
            evidence.letters.setdefault(reason, Numbers()).add(number)

    def _records(self) -> None:
        found = map(self._records_of, (self.config.kafka.topic, *self.also))
        oldest = [time for times in found for time in times]
        if oldest:
            # Numbers are given a little after the time that a record bears.
            self.window.floor = max(oldest) + self.margin

    def _records_of(self, topic: str) -> Collection[int]:
        """Read a topic's records; the oldest time in each partition that lost what came before."""
        window = self.window
        oldest: dict[int, int] = {}
        with self._open(topic) as reader:
            extent = reader.extent()
            trimmed = extent.trimmed
            for key, time, partition in self._told(topic, extent, reader.keys_until_end()):
                if partition in trimmed:
                    oldest.setdefault(partition, time)
                found = source(key)
                if found is None:
                    self._odd(topic)
                    continue
                origin, number = found
                if self._is_wanted(origin[0]):
                    evidence = self._at(origin)
                    evidence.inside += window.holds(time)
                    if not evidence.seen.add(number) and len(evidence.twice) < _MOST_LISTED:
                        evidence.twice.append(number)
        return oldest.values()

    def _at(self, origin: Source) -> Evidence:
        found = self.evidence.get(origin)
        if found is None:
            found = self.evidence[origin] = Evidence(History(self.window))
        return found

    def _of_wanted(self, agent: str, host: str) -> bool:
        return not self.hosts or any(
            fnmatchcase(agent, wanted) or fnmatchcase(host, wanted) for wanted in self.hosts
        )

    def _is_wanted(self, ephemeral: str) -> bool:
        """Whose host is not known from an account is of interest to who asks for every host."""
        return self._wanted.get(ephemeral, not self.hosts)

    def _odd(self, topic: str) -> None:
        self.malformed[topic] = self.malformed.get(topic, 0) + 1

    def _told(self, topic: str, extent: Extent, messages: Iterator[Any]) -> Iterator[Any]:
        total = extent.messages
        read = 0
        self.progress(topic, 0, total)
        for message in messages:
            read += 1
            if read % _TOLD_EVERY == 0:
                self.progress(topic, read, total)
            yield message
        self.progress(topic, read, max(read, total))


def source(key: bytes) -> tuple[Source, int] | None:
    """`<uuid>-<worker>-<number>` -> its parts; None if it is no such key."""
    head, _, number = key.rpartition(b"-")
    ephemeral, _, worker = head.rpartition(b"-")
    if len(ephemeral) != _UUID_LENGTH or not number.isdigit() or not worker.isdigit():
        return None
    try:
        return (ephemeral.decode("ascii"), int(worker)), int(number)
    except ValueError:
        return None


def _reason(value: bytes) -> str | None:
    try:
        return str(orjson.loads(value)["error"]["type"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return None


def _silent(_level: int, _line: str) -> None:
    """What a client says beside its errors is nobody's business here."""

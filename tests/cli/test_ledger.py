"""A worker's accounts: each stage adds up, and a dead worker's are closed from what it left."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from shipper.contract.record import EncodedRecord
from shipper.delivery import (
    Backpressure,
    KafkaSink,
    Leftover,
    Settled,
    SpooledSink,
    SpoolSettings,
)
from shipper.delivery.spool import Folder
from shipper.http import Assembler
from shipper.ledger import Accounts, Observed, Origin, closing
from shipper.pipeline import Letters, Pipeline
from shipper.record import DeadLetters, Identity, RecordBuilder, RecordSettings

from .test_pipeline import EPHEMERAL, exchange

HEIR = "11111111-1111-4111-8111-111111111111"
NAME = f"{EPHEMERAL}-0"
SECOND = 1_000_000_000


def origin(ephemeral: str = EPHEMERAL, started_s: int = 100, ledger_version: str = "1.0") -> Origin:
    """Whose accounts they are."""
    who = Identity("a", ephemeral, 0, "0")
    settings = RecordSettings(ledger_version=ledger_version)
    return Origin(settings, who, workers=1, started_ns=started_s * SECOND, interval=60)


class Reluctant(SpooledSink):
    """A spool that has each record wait once."""

    refused: EncodedRecord | None = None

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Refuse what was not refused yet."""
        if self.refused is None or self.refused.key != record.key:
            self.refused = record
            raise Backpressure
        super().submit(record, settled)


class Worker:
    """A pipeline into a spool, with a broker that is nowhere."""

    def __init__(
        self, root: Path, ledger_version: str = "1.0", spool: type[SpooledSink] = SpooledSink
    ) -> None:
        self.root = root
        self.who = origin(ledger_version=ledger_version)
        kafka = KafkaSink({"bootstrap.servers": "127.0.0.1:1"}, log=lambda _level, _line: None)
        settings = SpoolSettings(root, NAME)
        self.sink = spool(kafka, settings, log=lambda _level, _line: None)
        writer = DeadLetters(self.who.settings, self.who.identity, now_ns=lambda: 7 * SECOND)
        self.pipeline = Pipeline(
            Assembler(),
            RecordBuilder(self.who.settings, self.who.identity),
            self.sink,
            waiting=self.waits,
            log=logging.getLogger("test"),
            letters=Letters(writer, self.sink),
        )
        self.accounts = Accounts(self.pipeline, self.sink, self.who)
        self.waited: list[dict[str, Any]] = []

    def waits(self) -> bool:
        """The sink takes nothing just now: the moment to write an account."""
        self.waited.append(ledger(self.accounts.next(observed(101), "running")))
        return True

    def see(self, *methods: str) -> None:
        """Ship an exchange for each method, as if it had been assembled."""
        self.pipeline.assembler.counters["exchanges"] += len(methods)
        self.pipeline._ship([exchange(method) for method in methods], 0, SECOND)
        self.sink.poll(0)

    def note(self, *, at_s: int, clean: bool = False) -> None:
        """Leave a note, as about every second."""
        seen = observed(at_s)
        self.sink.folder.state.write(self.accounts.note(seen, clean=clean))

    def left(self) -> Leftover:
        """What the next start finds when this one ends without a word; all of it settled."""
        self.sink.close()
        folder = Folder.open(self.root / NAME)
        assert folder is not None
        leftover = Leftover(folder)
        for position, _ in leftover.records():
            leftover.settle(position)
        return leftover


def observed(at_s: int, attribution: Mapping[str, Any] | None = None) -> Observed:
    """The agent at a moment."""
    kernel = {"packets": 7, "ring_full": 0}
    coverage = {"http1": 1, "http2": 0, "tls": 2, "other": 0, "late": 0}
    return Observed(kernel, coverage, 0, at_s * SECOND, attribution)


def ledger(account: EncodedRecord | None) -> dict[str, Any]:
    """The account itself."""
    assert account is not None
    document: dict[str, Any] = json.loads(account.value)["ledger"]
    return document


def off(document: dict[str, Any]) -> dict[str, int]:
    """By how much each stage does not add up."""
    found: dict[str, int] = {}
    for name, stage in document["stages"].items():
        by = stage["in"] - stage["out"] - stage["held"] - sum(stage["discarded"].values())
        found |= {name: by} if by else {}
    return found


def test_each_stage_adds_up_and_the_numbers_are_those_of_the_records(tmp_path: Path) -> None:
    """A document that is not valid takes no number, and has its letter in the spool."""
    worker = Worker(tmp_path)
    worker.see("GET", "", "GET")
    document = ledger(worker.accounts.next(observed(101), "running"))
    stages = document["stages"]
    assert off(document) == {}
    assert document["sequence"] == {"next": 2, "settled": 0}
    assert stages["records"]["discarded"] == {"invalid": 1}
    assert (stages["records"]["in"], stages["records"]["out"]) == (3, 2)
    assert (stages["spool"]["in"], stages["spool"]["held"]) == (3, 3)
    assert document["coverage"]["tls"] == 2
    assert document["kernel"] == {"packets": 7}
    worker.sink.close()


def test_each_stage_adds_up_while_a_record_waits(tmp_path: Path) -> None:
    """What came with it waits behind it, and is neither lost nor counted twice."""
    worker = Worker(tmp_path, spool=Reluctant)
    worker.see("GET", "PUT", "GET")
    stages = [account["stages"] for account in worker.waited]
    assert [off(account) for account in worker.waited] == [{}, {}, {}]
    assert [stage["exchanges"]["held"] for stage in stages] == [2, 1, 0]
    assert [stage["records"]["held"] for stage in stages] == [1, 1, 1]
    worker.sink.close()


def test_accounts_are_numbered(tmp_path: Path) -> None:
    """Each has a key of its own; totals go on."""
    worker = Worker(tmp_path)
    keys = [worker.accounts.next(observed(at), "running").key for at in (101, 102)]
    assert keys == [f"{NAME}-ledger-{number}".encode() for number in (0, 1)]
    worker.sink.close()


def test_a_dead_workers_account_is_closed(tmp_path: Path) -> None:
    """Its last number, that it did not end in order, and how long nobody looked."""
    worker = Worker(tmp_path)
    worker.see("GET")
    worker.note(at_s=110)
    worker.see("GET", "GET")  # after its last note
    published = worker.accounts.next(observed(110), "running")
    account = closing(worker.left(), origin(HEIR, started_s=130))
    document = ledger(account)
    assert account is not None
    assert account.key != published.key
    assert (document["state"], document["clean"]) == ("closed", False)
    assert document["closed_by"] == HEIR
    assert document["sequence"] == {"next": 3, "settled": 3}
    assert "lost" not in document
    assert document["unobserved"]["from"].endswith("00:01:50.000000Z")
    assert document["unobserved"]["until"].endswith("00:02:10.000000Z")
    spool = document["stages"]["spool"]
    assert (spool["in"], spool["out"], spool["held"]) == (3, 3, 0)


def test_one_that_ended_in_order_was_observed_to_its_end(tmp_path: Path) -> None:
    """It only left what Kafka had not acknowledged."""
    worker = Worker(tmp_path)
    worker.see("GET")
    worker.note(at_s=110, clean=True)
    document = ledger(closing(worker.left(), origin(HEIR)))
    assert (document["clean"], "unobserved" in document) == (True, False)
    assert off(document) == {}


def test_what_was_numbered_but_never_written_is_lost(tmp_path: Path) -> None:
    """A note may be younger than the last write: the numbers that it gave are named."""
    worker = Worker(tmp_path)
    worker.see("GET")
    note = worker.accounts.note(observed(110), clean=False)
    note["ledger"]["sequence"]["next"] = 3
    worker.sink.folder.state.write(note)
    document = ledger(closing(worker.left(), origin(HEIR)))
    assert document["sequence"]["next"] == 3
    assert document["lost"] == [{"first": 1, "last": 2, "reason": "spool_unreadable"}]


def test_a_strange_note_closes_nothing(tmp_path: Path) -> None:
    """One of another version is left alone: no account, and no error."""
    worker = Worker(tmp_path)
    worker.sink.folder.state.write({"identity": {"unheard": "of"}, "ledger": {}, "number": 0})
    assert closing(worker.left(), replace(origin(), interval=1)) is None


def _written(worker: Worker, by: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """An account of a worker that attributes, and the one that an heir of a version closes."""
    told = {"attributed": 1, "unattributed": {"cgroup_root": 1}}
    worker.see("GET", "GET")
    seen = observed(110, told)
    running = ledger(worker.accounts.next(seen, "running"))
    worker.sink.folder.state.write(worker.accounts.note(seen, clean=False))
    return running, ledger(closing(worker.left(), origin(HEIR, ledger_version=by)))


def test_an_account_of_1_1_tells_whose_the_exchanges_were(tmp_path: Path) -> None:
    """And so does whoever closes it; what is told and what is not are all that were records."""
    for account in _written(Worker(tmp_path, "1.1"), by="1.1"):
        part = account["attribution"]
        assert part == {"attributed": 1, "unattributed": {"cgroup_root": 1}}
        assert account["stages"]["records"]["in"] == 2


def test_who_stays_on_1_0_neither_writes_nor_closes_with_it(tmp_path: Path) -> None:
    """The version that an agent is told decides, also about what it finds of another."""
    for mine, heirs in (("1.0", "1.1"), ("1.1", "1.0")):
        root = tmp_path / mine
        root.mkdir()
        running, closed = _written(Worker(root, mine), by=heirs)
        assert ("attribution" in running) is (mine == "1.1")
        assert "attribution" not in closed
        assert (closed["state"], closed["sequence"]["next"]) == ("closed", 2)

"""Agents that never were: their accounts, records and letters, as bytes and as evidence."""

import time
from dataclasses import dataclass, field
from typing import Any

from shipper.audit.accounts import read_account
from shipper.audit.history import History
from shipper.audit.judge import Evidence
from shipper.audit.numbers import Numbers
from shipper.audit.report import Report, report
from shipper.audit.window import Window
from shipper.contract.record import EncodedRecord
from shipper.record import (
    DeadLetters,
    Identity,
    Ledger,
    LedgerBuilder,
    RecordSettings,
    Stage,
    timestamp,
)

MINUTE = 60_000
START = 1_767_225_600_000  # 2026-01-01, ms
NOW = START + 10 * MINUTE
FIRST = "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11"
SECOND = "0d4b7a52-93d5-4c37-9a5e-2f6a8b1f9c11"


def identity(ephemeral: str = FIRST, worker: int = 0, host: str = "web-1") -> Identity:
    """Who writes; the agent's id follows from the host's name."""
    return Identity(
        agent_id=f"agent-of-{host}",
        ephemeral_id=ephemeral,
        worker=worker,
        version="0.1.0",
        host_name=host,
    )


def stage(came: int, held: int = 0, **discarded: int) -> Stage:
    """A stage that passed on everything but `held` and what it discarded."""
    out = came - held - sum(discarded.values())
    return {"unit": "records", "in": came, "out": out, "held": held, "discarded": discarded}


@dataclass
class Worker:
    """One worker of one start. Times are ms; it makes accounts, records and letters."""

    who: Identity = field(default_factory=identity)
    started: int = START
    workers: int = 1
    numbered: int = 0
    version: str = "1.0"  #: of its accounts

    def account(
        self,
        until: int,
        given: int,
        settled: int | None = None,
        *,
        state: str = "running",
        spool: bool = True,
        **more: Any,  # noqa: ANN401 - whatever the model allows, and what it does not
    ) -> EncodedRecord:
        """Its next account: so many numbers given, so many settled; `more` overrides parts."""
        settled = given if settled is None else settled
        ledger: dict[str, Any] = {
            "worker": self.who.worker,
            "workers": self.workers,
            "state": state,
            "started": timestamp(self.started * 1_000_000),
            "until": timestamp(until * 1_000_000),
            "interval": 60.0,
            "sequence": {"next": given, "settled": settled},
            "stages": {
                "exchanges": stage(given),
                "records": stage(given),
                "delivery": stage(given, given - settled),
            },
            "kernel": {"packets": 9 * given, "ring_full": 0},
            "coverage": {"http1": given, "tls": 3},
        }
        if spool:
            ledger["stages"]["spool"] = stage(given, given - settled)
        if state != "running":
            ledger["clean"] = state == "stopped"
        ledger |= more
        number, self.numbered = self.numbered, self.numbered + 1
        made: Ledger = ledger  # type: ignore[assignment]
        settings = RecordSettings(ledger_version=self.version)
        return LedgerBuilder(settings, self.who).build(made, number, until * 1_000_000)

    def record(self, number: int, at: int = START) -> EncodedRecord:
        """A record, of which an audit sees the key alone."""
        key = f"{self.who.ephemeral_id}-{self.who.worker}-{number}".encode()
        return EncodedRecord("http.header.v1", key, b"{}", at, (), b"", number)

    def letter(self, number: int, reason: str = "too_large") -> EncodedRecord:
        """A letter about a record."""
        made = DeadLetters(RecordSettings(), self.who, now_ns=time.time_ns)
        return made.letter(self.record(number), reason, "said")


@dataclass
class World:
    """What the topics hold, judged as of `NOW`."""

    window: Window = field(default_factory=lambda: Window(None, None, NOW))
    evidence: dict[tuple[str, int], Evidence] = field(default_factory=dict)

    def of(self, worker: Worker) -> Evidence:
        """The evidence on a worker."""
        origin = (worker.who.ephemeral_id, worker.who.worker)
        return self.evidence.setdefault(origin, Evidence(History(self.window)))

    def tell(self, worker: Worker, account: EncodedRecord) -> None:
        """An account is in the ledger."""
        found = read_account(account.value)
        assert found is not None
        self.of(worker).history.add(found)

    def hold(self, worker: Worker, *numbers: int) -> None:
        """These numbers are in the topic."""
        for number in numbers:
            self.of(worker).seen.add(number)
            self.of(worker).inside += 1

    def mourn(self, worker: Worker, reason: str, *numbers: int) -> None:
        """These numbers are in the dead letter topic."""
        held = self.of(worker).letters.setdefault(reason, Numbers())
        for number in numbers:
            held.add(number)

    def report(self) -> Report:
        """The answer."""
        return report(self.evidence, self.window, {})

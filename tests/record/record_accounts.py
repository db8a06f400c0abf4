"""Accounts, dead letters and alerts that the tests and the published examples are made of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import orjson

from shipper.contract.record import EncodedRecord
from shipper.record import (
    DeadLetters,
    Identity,
    Ledger,
    LedgerBuilder,
    RecordSettings,
    Stage,
    Stages,
    timestamp,
)
from shipper.record.model.ledger import LEDGER_VERSIONS

from .record_exchanges import CREATED, IDENTITY, OFFSET, builder, exchange

SECOND = 1_000_000_000
LATER = replace(IDENTITY, ephemeral_id="0d4b7a52-93d5-4c37-9a5e-2f6a8b1f9c11")


def stage(unit: str, came: int, held: int = 0, **discarded: int) -> Stage:
    """A stage that passed on everything but `held` and what it discarded."""
    out = came - held - sum(discarded.values())
    return {"unit": unit, "in": came, "out": out, "held": held, "discarded": discarded}


def stages(records: int, held: int = 0, lost: int = 0) -> Stages:
    """All stages of an agent that made so many records and lost some of them in its spool."""
    return {
        "events": stage("events", 4 * records, twin=0),
        "blocks": stage("blocks", 2 * records + 1, block_no_start_line=1),
        "messages": stage("messages", 2 * records),
        "exchanges": stage("exchanges", records),
        "records": stage("records", records, invalid=0),
        "spool": stage("records", records, held, spool_full=lost),
        "delivery": stage("records", records - lost, held),
    }


def ledger(records: int, *, state: str = "running", held: int = 0) -> Ledger:
    """An account over the first minute of an agent, in version 1.0."""
    made: Ledger = {
        "worker": 0,
        "workers": 1,
        "state": "running",
        "started": timestamp(OFFSET),
        "until": timestamp(OFFSET + 60 * SECOND),
        "interval": 60.0,
        "sequence": {"next": records, "settled": records - held},
        "lost": [],
        "stages": stages(records, held),
        "kernel": {"packets": 9 * records, "events_header": 2 * records, "ring_full": 0},
        "coverage": {"http1": 40, "http2": 2, "tls": 7, "other": 1, "late": 0},
        "clock_steps": 0,
        "resent": 0,
        "adopted": {},
    }
    if state == "stopped":
        made |= {"state": "stopped", "clean": True}
    elif state == "closed":
        made |= {
            "state": "closed",
            "clean": False,
            "closed_by": LATER.ephemeral_id,
            "unobserved": {
                "from": timestamp(OFFSET + 60 * SECOND),
                "until": timestamp(OFFSET + 90 * SECOND),
            },
            "lost": [{"first": 17, "last": 19, "reason": "unreadable"}],
            "stages": {"spool": stage("records", records, 0, unreadable=3)},
        }
    return made


def attributed(records: int) -> Ledger:
    """The same in version 1.1, of an agent that tells whose the exchanges were."""
    made = ledger(records)
    made["attribution"] = {
        "attributed": records - 30,
        "unattributed": {"cgroup_root": 20, "no_socket": 10},
        "named": records - 40,
        "unnamed": {"not_local": 10, "unanswered": 30},
    }
    return made


def letters(
    settings: RecordSettings | None = None,
    identity: Identity = IDENTITY,
    now_ns: Callable[[], int] = lambda: CREATED + SECOND,
) -> DeadLetters:
    """A writer of letters with the default settings, if none are given."""
    return DeadLetters(settings or RecordSettings(), identity, now_ns=now_ns)


def record(sequence: int = 17, settings: RecordSettings | None = None) -> EncodedRecord:
    """One ordinary record."""
    made = builder(settings)
    return made.encode(made.build(exchange(), OFFSET, CREATED), sequence)


def alert() -> dict[str, Any]:
    """An alert about a route that fails."""
    when = timestamp(OFFSET)
    return {
        "@timestamp": when,
        "message": "31 % of the answers of GET /orders are 5xx",
        "ecs": {"version": "8.17.0"},
        "event": {
            "id": "burst-5xx-3f6d0c6b9c1e4a55-1767225600",
            "created": timestamp(OFFSET + 61 * SECOND),
            "kind": "alert",
            "severity": 73,
            "dataset": "http.header.alerts",
            "module": "shipper",
        },
        "rule": {"id": "burst-5xx", "name": "Burst of server errors", "category": "threshold"},
        "agent": {
            "id": "watch-1",
            "type": "shipper-watch",
            "version": "0.1.0",
            "ephemeral_id": LATER.ephemeral_id,
        },
        "data_stream": {"type": "logs", "dataset": "http.header.alerts", "namespace": "default"},
        "alert": {
            "state": "firing",
            "severity": "high",
            "group": {"url.path": "/orders", "http.request.method": "GET"},
            "window": {"from": when, "until": timestamp(OFFSET + 60 * SECOND)},
            "value": 0.31,
            "threshold": 0.05,
            "evidence": [f"{IDENTITY.ephemeral_id}-0-17"],
            "evidence_total": 412,
        },
    }


def _accounts(version: str) -> dict[str, bytes]:
    """The published accounts of a version."""
    builder = LedgerBuilder(RecordSettings(ledger_version=version), IDENTITY)
    wall = OFFSET + 60 * SECOND
    made = {
        "running": ledger(1000, held=10),
        "stopped": ledger(1000, state="stopped"),
        "closed": ledger(1000, state="closed"),
    }
    if version != "1.0":
        made |= {"attributed": attributed(1000)}
    times = {"closed": wall + 30 * SECOND}
    return {
        name: builder.build(account, number, times.get(name, wall)).value
        for number, (name, account) in enumerate(made.items())
    }


def examples() -> dict[tuple[str, str], dict[str, bytes]]:
    """The published examples: schema and version -> name -> message value."""
    return {
        **{("http.header.ledger.v1", one): _accounts(one) for one in LEDGER_VERSIONS},
        ("http.header.dead.v1", "1.0"): {
            "too_large": letters().letter(record(), "too_large", "Message size too large").value,
            "rejected": letters()
            .rejected({"event": {"sequence": 0}}, "http.response.status_code: missing", 3)
            .value,
        },
        ("http.header.alerts.v1", "1.0"): {"threshold": orjson.dumps(alert())},
    }

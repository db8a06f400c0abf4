"""The topic, the data stream and the accounts in; figures out."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from consumers.contracts import LEDGER, RECORD
from faults.judge import accounts, messages

from shipper.delivery.spool import Frame
from shipper.delivery.spool.segments import frames

from .account import Account
from .commands import shipper
from .contract import Contract
from .stack import DEAD, STREAM, Stack
from .traffic import Traffic
from .writer import Writer

_Json = dict[str, Any]
#: Documents of one answer; OpenSearch gives no more unless told.
MOST = 10_000


def told(stack: Stack) -> Counter[str]:
    """Id of a request -> how many keys of the topic tell of it."""
    return ids(_records(stack).values())


def spooled(stack: Stack) -> Counter[str]:
    """Id of a request -> how many records of the agents' spool tell of it; accounts have none."""
    found: dict[bytes, _Json] = {}
    for path in stack.spool.glob("*/*.log"):
        for one in frames(path):
            if isinstance(one, Frame) and "http" in (value := json.loads(one.record.value)):
                found[one.record.key or b""] = value
    return ids(found.values())


def count(stack: Stack, traffic: Traffic, writer: Writer, contract: Contract) -> Account:
    """Everything that can be counted once it has come to rest."""
    found = stack.kafka.read(RECORD)
    records = _records(stack)
    documents = stack.store.search(STREAM, {"size": MOST})["hits"]["hits"]
    return Account(
        asked=traffic.ids(),
        told=ids(records.values()),
        indexed=ids(one["_source"] for one in documents),
        captured=_captured(stack),
        messages=len(found),
        valid=sum(map(contract.valid, found)),
        schema_ids={contract.schema_id(message) for message in found},
        changed=sum(records.get(one["_id"]) != one["_source"] for one in documents),
        given=writer.given,
        refused=writer.repeated,
        requests=writer.requests,
        dead=len(messages(stack.kafka.inside, DEAD)),
        audit=shipper("audit", "--json", "--bootstrap-servers", stack.bootstrap)["verdict"],
    )


def _records(stack: Stack) -> dict[str, _Json]:
    """Key -> value of the topic."""
    found = stack.kafka.read(RECORD)
    return {(m.key() or b"").decode(): json.loads(m.value() or b"") for m in found}


def ids(records: Iterable[Mapping[str, Any]]) -> Counter[str]:
    """Id of a request -> how many records tell of it."""
    headers = (record["http"]["request"]["headers"] for record in records)
    return Counter(",".join(each.get("x-request-id", ["none"])) for each in headers)


def _captured(stack: Stack) -> int:
    """How many records the agents say that they have numbered, one that was killed included."""
    ledgers = [value for _, value in messages(stack.kafka.inside, LEDGER)]
    return sum(ledger["sequence"]["next"] for ledger in accounts(ledgers, stack.spool))

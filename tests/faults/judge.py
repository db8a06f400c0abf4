"""What was sent against what can be found: the topic, the letters, the spool, the counted losses.

The topic is read with a plain consumer and the spool's frames with the reader of the format alone:
what the agent says of itself is believed only where it counts a loss, and then each loss is one.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from shipper.delivery.spool import Frame, State
from shipper.delivery.spool.segments import frames

#: Seconds by which the clocks of who asks and who watches may differ.
_NEAR_S = 0.5


@dataclass
class Found:
    """Where the ids are, and what the accounts say."""

    topic: Counter[str] = field(default_factory=Counter)
    keys: Counter[bytes] = field(default_factory=Counter)
    dead: set[str] = field(default_factory=set)
    spooled: set[str] = field(default_factory=set)
    losses: Counter[str] = field(default_factory=Counter)
    windows: list[tuple[float, float]] = field(default_factory=list)
    accepted: int = 0
    audit: str = ""


@dataclass(frozen=True)
class Verdict:
    """One row of the table."""

    sent: int
    accepted: int
    unique: int
    duplicates: int
    dead: int
    spooled: int
    lost: dict[str, int]
    audit: str
    unexplained: int


def messages(settings: Mapping[str, Any], topic: str) -> list[tuple[bytes, bytes]]:
    """Key and value of everything in a topic; none where it is not there."""
    consumer = Consumer({**settings, "group.id": "judge", "enable.partition.eof": True})
    try:
        there = consumer.list_topics(timeout=30).topics.get(topic)
        parts = [] if there is None else list(there.partitions)
        consumer.assign([TopicPartition(topic, part, OFFSET_BEGINNING) for part in parts])
        out: list[tuple[bytes, bytes]] = []
        left = set(parts)
        while left:
            message = consumer.poll(30)
            if message is None:
                raise AssertionError(f"{topic} can't be read to its end")
            error = message.error()
            if error is None:
                out.append((message.key() or b"", message.value() or b""))
            elif error.code() == KafkaError._PARTITION_EOF:
                left.discard(message.partition() or 0)
        return out
    finally:
        consumer.close()


def name_of(value: bytes | str) -> str | None:
    """The id that the traffic gave, from a record."""
    path = json.loads(value).get("url", {}).get("path", "")
    return path[1:] if path.startswith("/fault-") else None


def in_spool(root: Path) -> set[str]:
    """The ids that wait on the disk."""
    out = set()
    for folder in root.glob("*/state"):
        state = State(folder)
        watermark = state.marks.watermark
        state.close()
        for path in folder.parent.glob("*.log"):
            for one in frames(path):
                if isinstance(one, Frame) and one.position >= watermark:
                    name = name_of(one.record.value)
                    out |= {name} if name else set()
    return out


def accounts(values: Iterable[bytes], root: Path) -> list[dict[str, Any]]:
    """The latest account of each worker of each incarnation, from the topic or its note."""
    latest: dict[tuple[str, int], tuple[int, dict[str, Any]]] = {}
    found = []
    for value in values:
        document = json.loads(value)
        agent = document["agent"]["ephemeral_id"]
        found.append((agent, int(document["event"]["sequence"]), document["ledger"]))
    for folder in root.glob("*/state"):
        state = State(folder)
        note = state.note
        state.close()
        if note:
            found.append((note["identity"]["ephemeral_id"], int(note["number"]), note["ledger"]))
    for agent, number, ledger in found:
        key = agent, int(ledger["worker"])
        if key not in latest or number >= latest[key][0]:
            latest[key] = number, ledger
    return [ledger for _, ledger in latest.values()]


def take(found: Found, ledgers: Iterable[dict[str, Any]]) -> None:
    """Add up what the accounts count as lost, and when nobody watched."""
    for ledger in ledgers:
        stages = ledger["stages"]
        found.accepted += ledger["sequence"]["next"]
        for stage in ("records", "spool"):
            lost = dict(stages.get(stage, {}).get("discarded", {}))
            lost.pop("invalid", None)  # those have letters
            found.losses.update(lost)
        if ledger["worker"] == 0 and ledger.get("kernel", {}).get("ring_full"):
            found.losses["ring_full"] += ledger["kernel"]["ring_full"]
        if gone := ledger.get("unobserved"):
            found.windows.append((_seconds(gone["from"]), _seconds(gone["until"])))


def verdict(sent: Mapping[str, float], found: Found) -> Verdict:
    """Hold everything that was sent against what was found."""
    missing = [name for name in sent if name not in found.topic]
    missing = [name for name in missing if name not in found.dead | found.spooled]
    lost: Counter[str] = Counter()
    unexplained = 0
    left = Counter(found.losses)
    for name in missing:
        at = sent[name]
        if any(begin - _NEAR_S <= at <= end + _NEAR_S for begin, end in found.windows):
            lost["unobserved"] += 1
            continue
        reason = next((why for why, count in left.items() if count > 0), None)
        if reason is None:
            unexplained += 1
        else:
            left[reason] -= 1
            lost[reason] += 1
    return Verdict(
        len(sent),
        found.accepted,
        len(found.topic.keys() & sent.keys()),
        sum(count - 1 for count in found.keys.values()),
        len(found.dead & sent.keys()),
        len(found.spooled & sent.keys()),
        dict(lost),
        found.audit,
        unexplained,
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()

"""Letters -> their records, sent once more; those of the file leave it once Kafka has them."""

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from shipper import wiring
from shipper.config import Config
from shipper.dead_letters.letters import Letter
from shipper.delivery import (
    Backpressure,
    DeadFile,
    Framing,
    KafkaSink,
    Options,
    SchemaId,
    SchemaName,
    Sink,
    schema_name,
)
from shipper.registry import schema_id

_POLL_S: Final = 0.1
_AS_THEN: Final = "set kafka.topic, kafka.framing and record.encoding as they were then"


@dataclass(slots=True)
class Outcome:
    """What became of the letters: key and reason where it was not sent or not taken."""

    acknowledged: int = 0
    skipped: list[tuple[str, str]] = field(default_factory=list)
    failed: list[tuple[str, str]] = field(default_factory=list)


def resend(letters: Iterable[Letter], config: Config, timeout_s: float) -> Outcome:
    """Send each that can be sent, and wait for Kafka's answer to all for at most `timeout_s`.

    A record that several letters are about is sent once.
    """
    outcome = Outcome()
    open_: dict[str, list[Letter]] = {}
    form = wiring.topic_form(config)
    for letter in letters:
        if why := letter.unsendable:
            outcome.skipped.append((letter.key, why))
        elif why := form.differs(letter.record()):
            outcome.skipped.append((letter.key, f"{why}: {_AS_THEN}"))
        else:
            open_.setdefault(letter.key, []).append(letter)
    framing = _framing((about[0] for about in open_.values()), config)
    options = Options(partition_by=config.kafka.partition_by, framing=framing)
    sink = KafkaSink(dict(config.kafka.settings), log=_quiet, options=options)
    taken: set[bytes] = set()

    def settled(key: str, reason: str | None) -> None:
        about = open_.pop(key)
        if reason is not None:
            outcome.failed.append((key, reason))
            return
        outcome.acknowledged += 1
        taken.update(letter.line for letter in about if letter.line)

    deadline = time.monotonic() + timeout_s
    try:
        for key, about in list(open_.items()):
            if not _submit(sink, about[0], partial(settled, key), deadline):
                break
        sink.flush(max(0.0, deadline - time.monotonic()))
        outcome.failed += [(key, "no answer in time") for key in open_]
    finally:
        sink.close()
        if taken:
            DeadFile(path(config)).remove(taken)
    return outcome


def _framing(letters: Iterable[Letter], config: Config) -> Framing | None:
    """What stands around these records; ShipperError where the registry has not got a schema."""
    asking = wiring.asking(config)
    if asking is None or config.kafka.framing == "plain":
        return None
    ids: dict[SchemaName, SchemaId] = {}
    for letter in letters:
        if letter.topic == config.kafka.topic:
            name = schema_name(letter.record().headers)
            ids[name] = ids.get(name) or schema_id(asking.ask(name))
    return Framing(config.kafka.framing, config.kafka.topic, ids.get)


def path(config: Config) -> str:
    """Where the agent keeps the letters that Kafka could not take; "" for nowhere."""
    return f"{config.spool.path}/dead-letters.jsonl" if config.spool.path else ""


def _submit(
    sink: Sink, letter: Letter, settled: Callable[[str | None], None], deadline: float
) -> bool:
    """False when the time was over before the producer took it."""
    while time.monotonic() < deadline:
        try:
            sink.submit(letter.record(), settled)
        except Backpressure:
            sink.poll(_POLL_S)
        else:
            return True
    return False


def _quiet(_level: int, _line: str) -> None:
    """What becomes of each letter is told at the end."""

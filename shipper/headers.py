"""`shipper headers`: the header names that occur, how often, and what becomes of each.

For who is about to write a header list: on live traffic for some seconds, or in a capture file.
Values are not shown and not kept.
"""

import argparse
import json
import logging
import sys
import time
import uuid

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shipper import privileges, wiring
from shipper.capture import open_kernel
from shipper.config import Config
from shipper.contract.record import EncodedRecord
from shipper.delivery import Counters, Settled
from shipper.errors import UsageError
from shipper.log import set_up
from shipper.pipeline import Pipeline
from shipper.replay import replay
from shipper.tail import printable

_COLOURS = {"kept": "green", "masked": "yellow", "hashed": "yellow", "dropped": "dim"}


class NullSink:
    """Takes every record and keeps none: here only the names count."""

    def __init__(self) -> None:
        """Nothing was taken yet."""
        self.counters = Counters()

    @property
    def in_flight(self) -> int:
        """Nothing ever is."""
        return 0

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:  # noqa: ARG002
        """Count, and let go."""
        self.counters.submitted += 1
        self.counters.acknowledged += 1
        if settled is not None:
            settled(None)

    def poll(self, timeout_s: float) -> int:  # noqa: ARG002 - the verb's signature
        """Nothing is due."""
        return 0

    def flush(self, timeout_s: float) -> int:  # noqa: ARG002 - the verb's signature
        """Nothing is left."""
        return 0

    def close(self) -> None:
        """Nothing to let go of."""


def _live(config: Config, seconds: float, log: logging.Logger) -> Pipeline:
    """Look at this host's traffic for some seconds."""
    kernel = open_kernel(wiring.capture_settings(config))
    privileges.drop(config.agent.user)
    identity = wiring.identity(config, str(uuid.uuid4()), 0)
    pipeline = wiring.pipeline(
        config, identity, wiring.Outputs(NullSink()), waiting=lambda: True, log=log
    )
    rings = [kernel.ring(number) for number in range(kernel.settings.rings)]
    end = time.monotonic() + seconds
    if sys.stderr.isatty():
        print(f"looking at live traffic for {seconds:g} s …", file=sys.stderr)
    while time.monotonic() < end:
        for ring in rings:
            pipeline.feed(ring.drain(), 0, time.time_ns())
        time.sleep(0.02)
    pipeline.finish(0, time.time_ns())
    kernel.close()
    return pipeline


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Print the table, or JSON; 0 when anything was seen, 1 when nothing was."""
    log = set_up("warning", config.agent.log_format)
    if arguments.seconds <= 0:
        raise UsageError("--seconds must be above 0", "10 is the default")
    if arguments.file:
        pipeline, *_ = replay(arguments.file, config, NullSink(), log)
    else:
        pipeline = _live(config, arguments.seconds, log)
    rows = [
        {"message": message, "name": seen.name, "seen": seen.seen, "decision": seen.decision}
        for message, names in pipeline.builder.names_seen().items()
        for seen in sorted(names, key=lambda seen: (-seen.seen, seen.name))
    ]
    if arguments.json:
        found = {"exchanges": pipeline.exchanges, "headers": rows}
        print(json.dumps(found))
    elif rows:
        _show(rows, pipeline.exchanges)
    else:
        where = arguments.file or f"{arguments.seconds:g} s of live traffic"
        print(f"no HTTP exchange in {where}", file=sys.stderr)
    return 0 if pipeline.exchanges else 1


def _show(rows: list[dict[str, object]], exchanges: int) -> None:
    table = Table(title=f"header names in {exchanges} exchanges", title_justify="left")
    for column in ("message", "name"):
        table.add_column(column, overflow="fold")
    table.add_column("seen", justify="right")
    table.add_column("value is")
    for row in rows:
        decision = str(row["decision"])
        table.add_row(
            str(row["message"]),
            Text(printable(str(row["name"]))),
            str(row["seen"]),
            Text(decision, style=_COLOURS.get(decision, "")),
        )
    Console().print(table)

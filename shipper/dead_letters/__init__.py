"""`shipper dead-letters`: what could not be published as it was; list, show, send again.

Letters stand in the dead topic, and in a file on the agent's host while not even that took them.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from shipper.config import Config
from shipper.dead_letters.letters import Letter, Selection, from_file, from_topic
from shipper.dead_letters.resend import Outcome, path, resend
from shipper.delivery import DeadFile, Start, TopicReader
from shipper.errors import ShipperError, UsageError
from shipper.moments import moment, moment_text, take_ages
from shipper.tail import printable

_NOT_ALL = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper dead-letters`."""
    parser.description = (
        "Letters are read from the dead topic and from the file that the agent of this host keeps "
        "while Kafka does not take them. Exit codes: 0; 1 when one that was chosen was not sent "
        "again; 69 Kafka can't be asked."
    )
    take_ages(parser)
    parser.add_argument(
        "action",
        choices=("list", "show", "resend"),
        help="list: a line each; show: whole; resend: to the topic that they were meant for, with "
        "their own key, time and headers (letters stay in the dead topic, and leave the file)",
    )
    parser.add_argument("letter", nargs="?", metavar="KEY", help="the same as --key KEY")
    choice = parser.add_argument_group("which letters (each takes * and ?, and may be repeated)")
    for name, text in (("key", "of the record"), ("reason", "as in too_large"), ("host", "name")):
        choice.add_argument(f"--{name}", action="append", default=[], help=text, metavar="WHICH")
    choice.add_argument("--from", dest="begin", metavar="TIME", help="RFC 3339, or 2h (ago)")
    choice.add_argument("--to", dest="end", metavar="TIME", help="RFC 3339, or 2h (ago)")
    choice.add_argument("--all", action="store_true", help="resend: all of them")
    choice.add_argument(
        "--only", choices=("topic", "file"), help="look in the topic, or in the file, alone"
    )
    parser.add_argument(
        "--timeout", type=float, default=30.0, metavar="S", help="resend: wait so long (30)"
    )
    parser.add_argument("--json", action="store_true", help="for programs")


@dataclass(slots=True)
class Source:
    """Where letters are; `problem` says why the topic could not be read, `malformed` counts."""

    config: Config
    only: str | None
    problem: str = ""
    code: int = 0
    malformed: int = 0

    def letters(self) -> Iterator[Letter]:
        """Those of the file, then those of the topic. A topic that can't be read is told after."""
        file = path(self.config)
        if self.only != "topic" and file:
            yield from self._valid(map(from_file, DeadFile(Path(file)).read()))
        if self.only != "file":
            try:
                yield from self._topic()
            except ShipperError as error:
                self.problem, self.code = str(error), error.exit_code

    def _topic(self) -> Iterator[Letter]:
        kafka = self.config.kafka
        with TopicReader(
            dict(kafka.settings), kafka.dead_topic, log=_quiet, start=Start.BEGINNING
        ) as reader:
            yield from self._valid(map(from_topic, reader.until_end()))

    def _valid(self, found: Iterator[Letter | None]) -> Iterator[Letter]:
        for letter in found:
            if letter is None:
                self.malformed += 1
            else:
                yield letter


def run(arguments: argparse.Namespace, config: Config) -> int:
    """List, show or send again; the exit code."""
    now = time.time_ns() // 1_000_000
    selection = Selection(
        (*arguments.key, *filter(None, [arguments.letter])),
        tuple(arguments.reason),
        tuple(arguments.host),
        None if arguments.begin is None else moment(arguments.begin, now, "--from"),
        None if arguments.end is None else moment(arguments.end, now, "--to"),
    )
    source = Source(config, arguments.only)
    chosen = selection.of(source.letters())
    code = 0
    if arguments.action == "list":
        _list(chosen, as_json=arguments.json)
    elif arguments.action == "show":
        _show(chosen, as_json=arguments.json)
    else:
        if selection.everything and not arguments.all:
            raise UsageError("which letters?", "choose by --key, --reason, --host, --from or --all")
        code = _resend(arguments, resend(list(chosen), config, arguments.timeout))
    return _told(source) or code


def _told(source: Source) -> int:
    """What could not be looked at, on standard error; the exit code for it."""
    if source.malformed:
        print(f"shipper: {source.malformed} messages were no letters", file=sys.stderr)
    if source.problem:
        print(f"shipper: {source.problem}", file=sys.stderr)
    return source.code


def _list(letters: Iterator[Letter], *, as_json: bool) -> None:
    if as_json:
        for letter in letters:
            told = {
                "time": moment_text(letter.time),
                "host": letter.host,
                "reason": letter.reason,
                "message": letter.document["error"].get("message", ""),
                "topic": letter.topic,
                "key": letter.key,
                "bytes": letter.size,
                "place": letter.place,
                "unsendable": letter.unsendable,
            }
            print(json.dumps(told))
        return
    table = Table(box=None, pad_edge=False)
    for name in ("time", "host", "reason", "key"):
        table.add_column(name, overflow="fold")
    table.add_column("bytes", justify="right", no_wrap=True)
    table.add_column("where", no_wrap=True)
    for letter in sorted(letters, key=lambda one: one.time):
        texts = (moment_text(letter.time), letter.host, letter.reason, letter.key)
        cells = [Text(printable(text)) for text in texts]
        table.add_row(*cells, str(letter.size), letter.place)
    Console(highlight=False).print(table if table.row_count else "no letters")


def _show(letters: Iterator[Letter], *, as_json: bool) -> None:
    """Whole, as JSON: on one line for programs, else indented, with the original unfolded."""
    for letter in letters:
        if as_json:
            print(json.dumps(letter.document))
            continue
        shown = {**letter.document, "dead": {**letter.document["dead"]}}
        with suppress(ValueError):
            shown["dead"]["original"] = letter.told()
        # Escapes keep a peer's text from acting on the terminal.
        print(f"{printable(letter.key)} ({letter.place})")
        print(json.dumps(shown, indent=2))


def _resend(arguments: argparse.Namespace, outcome: Outcome) -> int:
    left = outcome.skipped + outcome.failed
    if arguments.json:
        told = {
            "acknowledged": outcome.acknowledged,
            "skipped": dict(outcome.skipped),
            "failed": dict(outcome.failed),
        }
        print(json.dumps(told))
    else:
        for key, why in left:
            print(f"{printable(key)}: not sent: {printable(why)}")
        print(f"{outcome.acknowledged} sent again and acknowledged, {len(left)} not")
    return _NOT_ALL if left else 0


def _quiet(_level: int, _line: str) -> None:
    """What a client says beside its errors is nobody's business here."""

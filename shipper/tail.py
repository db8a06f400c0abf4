"""Records of the topic as readable lines: what `shipper tail` shows, and its filters.

Every text in a record comes from a peer, so nothing of it reaches the terminal that could move
the cursor, set a title or hide what follows: whatever is not printable is shown as an escape.
"""

import argparse
import ipaddress
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Any, NamedTuple, TextIO

import orjson
from rich.console import Console
from rich.text import Text

from shipper.config import Config
from shipper.delivery import Received, Start, TopicReader
from shipper.errors import UsageError
from shipper.record import read_message

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_STATUS = re.compile(r"([1-9])xx|(\d{3})(?:-(\d{3}))?", re.IGNORECASE)
_CLASS_STYLES = {1: "cyan", 2: "green", 3: "cyan", 4: "yellow", 5: "bold red"}
_MS = 1_000_000


_FILTERS = (
    ("--status", "WHICH", "only these: 5xx, 404 or 400-499, several by comma"),
    ("--method", "NAME", "only these methods, several by comma"),
    ("--path-prefix", "PREFIX", "only paths that begin so"),
    ("--host", "NAME", "only this host, as in example.org or *.example.org"),
    ("--client", "ADDRESS", "only this client address or network"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper tail`."""
    add_filters(parser)
    parser.add_argument("--json", action="store_true", help="the records as they are, one a line")
    parser.add_argument(
        "--from-beginning", action="store_true", help="begin with the oldest record of the topic"
    )
    parser.add_argument(
        "--until-end", action="store_true", help="stop at the present end instead of following"
    )
    parser.add_argument("--count", type=int, metavar="N", help="stop after N records")


def add_filters(group: argparse._ActionsContainer) -> None:
    """The options that `Filters.of` reads."""
    for flag, metavar, text in _FILTERS:
        group.add_argument(flag, metavar=metavar, help=text, action="append", default=[])


def run(args: argparse.Namespace, config: Config) -> int:
    """Show what comes until Ctrl-C, `--count` or `--until-end`; the exit code."""
    filters = Filters.of(args)
    printer = Printer(filters, as_json=args.json, limit=args.count)
    start = Start.BEGINNING if args.from_beginning else Start.END
    try:
        with TopicReader(
            config.kafka.settings, config.kafka.topic, log=lambda _level, _line: None, start=start
        ) as reader:
            printer.show(reader.until_end() if args.until_end else reader.follow())
    except KeyboardInterrupt:
        pass
    except BrokenPipeError:
        _leave_pipe()
    if printer.malformed:
        sys.stderr.write(
            f"shipper: {printer.malformed} messages on {config.kafka.topic} were no records "
            f"(the last: {printer.last_malformed})\n"
        )
    return 0


@dataclass(frozen=True, slots=True)
class Filters:
    """What is shown: of each kind one has to fit, where any is given."""

    statuses: tuple[range, ...] = ()
    methods: frozenset[str] = frozenset()
    path_prefixes: tuple[str, ...] = ()
    hosts: tuple[str, ...] = ()
    clients: tuple[Network, ...] = ()

    @classmethod
    def of(cls, args: argparse.Namespace) -> "Filters":
        """From the parsed command line; `UsageError` for a value that makes no sense."""
        return cls(
            statuses=tuple(_statuses(text) for text in _parts(args.status)),
            methods=frozenset(text.upper() for text in _parts(args.method)),
            path_prefixes=tuple(args.path_prefix),
            hosts=tuple(text.lower() for text in _parts(args.host)),
            clients=tuple(_network(text) for text in _parts(args.client)),
        )

    def admit(self, record: dict[str, Any]) -> bool:
        """Whether a record is wanted."""
        return (
            (not self.statuses or self._status(record))
            and (not self.methods or _text(record, "http", "request", "method") in self.methods)
            and (not self.path_prefixes or self._path(record))
            and (not self.hosts or self._host(record))
            and (not self.clients or self._client(record))
        )

    def _status(self, record: dict[str, Any]) -> bool:
        status = _number(record, "http", "response", "status_code")
        return any(status in wanted for wanted in self.statuses)

    def _path(self, record: dict[str, Any]) -> bool:
        return _text(record, "url", "path").startswith(self.path_prefixes)

    def _host(self, record: dict[str, Any]) -> bool:
        host = _text(record, "url", "domain").lower()
        return any(fnmatchcase(host, wanted) for wanted in self.hosts)

    def _client(self, record: dict[str, Any]) -> bool:
        try:
            address = ipaddress.ip_address(_text(record, "source", "ip"))
        except ValueError:
            return False
        return any(address in network for network in self.clients)


class Printer:
    """Shows messages; counts those that are no records."""

    def __init__(
        self,
        filters: Filters,
        *,
        as_json: bool = False,
        limit: int | None = None,
        file: TextIO | None = None,
    ) -> None:
        self.shown = 0
        self.malformed = 0
        self.last_malformed = ""
        self._filters = filters
        self._as_json = as_json
        self._limit = limit
        # Colour and width only on a terminal; rich minds NO_COLOR.
        self._console = Console(file=file, highlight=False, markup=False, emoji=False)

    def show(self, messages: Iterable[Received | None]) -> None:
        """Print each message that the filters admit, at most `limit`."""
        for message in messages:
            if self._limit is not None and self.shown >= self._limit:
                return
            if message is not None:
                self._one(message)
            if self._limit is not None and self.shown >= self._limit:
                return

    def _one(self, message: Received) -> None:
        try:
            record = read_message(message.headers, message.value)
        except ValueError:
            self.malformed += 1
            self.last_malformed = f"partition {message.partition}, offset {message.offset}"
            return
        if not self._filters.admit(record):
            return
        self.shown += 1
        if self._as_json:
            # What is no JSON as it stands is shown as what it says.
            text = message.value if message.value.startswith(b"{") else orjson.dumps(record)
            self._console.file.write(_json_line(text))
            self._console.file.flush()
        else:
            self._print(line(record))

    def _print(self, text: Text) -> None:
        if self._console.is_terminal:
            self._console.print(text, no_wrap=True, overflow="ellipsis", crop=True)
        else:
            self._console.file.write(f"{text.plain}\n")
            self._console.file.flush()


class Cells(NamedTuple):
    """What a person is shown of a record, each text safe for a terminal; `-` where unknown."""

    time: str
    method: str
    status: str
    url: str
    client: str
    took: str
    user_agent: str  # empty where unknown: it comes last
    status_style: str


def cells(record: dict[str, Any]) -> Cells:
    """A record, whatever it holds, for a line or a row of a table."""
    status = _number(record, "http", "response", "status_code")
    duration = _number(record, "event", "duration")
    return Cells(
        _time(_text(record, "@timestamp")),
        printable(_text(record, "http", "request", "method")) or "-",
        f"{status or '---'}",
        _url(record),
        printable(_text(record, "source", "ip")) or "-",
        "-" if duration is None else f"{duration / _MS:.1f} ms",
        printable(_text(record, "user_agent", "original")),
        _CLASS_STYLES.get((status or 0) // 100, "magenta"),
    )


def line(record: dict[str, Any]) -> Text:
    """One record as one line: time, method, status, URL, client, duration, User-Agent."""
    shown = cells(record)
    text = Text()
    text.append(shown.time, "dim")
    text.append(f"  {shown.method:<7} ")
    text.append(shown.status, shown.status_style)
    text.append(f" {shown.url}  {shown.client}  {shown.took}")
    text.append(f"  {shown.user_agent}".rstrip(), "dim")
    return text


def printable(text: str) -> str:
    r"""`text` with everything that a terminal could act on as an escape (`\x1b`)."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "replace").decode()


def _json_line(value: bytes) -> str:
    """The record's own JSON; what is not printable stands only inside texts, as an escape."""
    text = value.decode("utf-8", "replace").replace("\n", " ")
    return "".join(c if c.isprintable() else _json_escape(c) for c in text) + "\n"


def _json_escape(character: str) -> str:
    if character in "\r\t":
        return " "
    units = character.encode("utf-16-be")
    return "".join(f"\\u{units[i : i + 2].hex()}" for i in range(0, len(units), 2))


def _time(stamp: str) -> str:
    """Local time of day, with milliseconds."""
    try:
        return datetime.fromisoformat(stamp).astimezone().strftime("%H:%M:%S.%f")[:-3]
    except (ValueError, OverflowError):
        return printable(stamp) or "-"


def _url(record: dict[str, Any]) -> str:
    domain, path = _text(record, "url", "domain"), _text(record, "url", "path")
    query = _text(record, "url", "query")
    whole = f"{domain}{path}?{query}" if query else f"{domain}{path}"
    return printable(whole or _text(record, "url", "original")) or "-"


def _at(record: dict[str, Any], *path: str) -> object:
    found: object = record
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return found


def _text(record: dict[str, Any], *path: str) -> str:
    found = _at(record, *path)
    return found if isinstance(found, str) else ""


def _number(record: dict[str, Any], *path: str) -> int | None:
    found = _at(record, *path)
    return found if isinstance(found, int) else None


def _parts(given: list[str]) -> list[str]:
    return [part.strip() for text in given for part in text.split(",") if part.strip()]


def _statuses(text: str) -> range:
    found = _STATUS.fullmatch(text)
    if found is None:
        raise UsageError(f"--status {text}: no status", "as in 5xx, 404 or 400-499")
    if found[1]:
        return range(int(found[1]) * 100, int(found[1]) * 100 + 100)
    first, last = int(found[2]), int(found[3] or found[2])
    if last < first:
        raise UsageError(f"--status {text}: the range ends before it begins", "as in 400-499")
    return range(first, last + 1)


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"--client {text}: no address or network", "as in 192.0.2.7 or 2001:db8::/32"
        ) from None


def _leave_pipe() -> None:
    """The reader is gone; the interpreter's last flush goes nowhere instead of failing."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)

"""What was asked for on the command line -> a source, and the way in which it is shown."""

import argparse
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from rich.console import Console

from shipper.config import Config
from shipper.delivery import Start
from shipper.insight.top import source
from shipper.insight.top.board import Board, Total, View
from shipper.insight.top.columns import BY_TITLE, Look, ordered, shown
from shipper.insight.top.feed import Background, Feed
from shipper.insight.top.report import Found, document, headline, span, statuses, table
from shipper.insight.top.sample import Dimension
from shipper.insight.top.source import Records
from shipper.tail import Filters

_EVERY_S = 1.0
_SECONDS = 10.0
_WIDE_PIPE = 200
WINDOWS = {"10s": 10, "1m": 60, "5m": 300, "15m": 900}
_SORTS = {"rate": "req/s", "errors": "err %", "p50": "p50 ms", "p95": "p95 ms", "p99": "p99 ms"}


def show(args: argparse.Namespace, config: Config) -> int:
    """Read and show; the exit code."""
    filters = Filters.of(args)
    look = Look(
        WINDOWS[args.window],
        Dimension[args.by.replace("-", "_").upper()],
        BY_TITLE[_SORTS[args.sort]],
        args.rows,
    )
    signal.signal(signal.SIGTERM, _stop)
    begin = 0.0 if args.from_beginning else time.time() - (args.since or 0)
    with _source(args, config, begin) as (name, records):
        feed = Feed(records, filters)
        if args.once:
            _once(args, feed, name, look, begin)
        elif _interactive():
            _screen(feed, name, look, begin)
        else:
            with suppress(KeyboardInterrupt):
                _stream(feed, look, begin)
    return 0


def _stop(number: int, _frame: FrameType | None) -> None:
    """End in order: a capture of ours ends with us."""
    raise SystemExit(128 + number)


@contextmanager
def _source(
    args: argparse.Namespace, config: Config, begin: float
) -> Iterator[tuple[str, Records]]:
    """The records, and what their source is called."""
    if args.live:
        with source.live(_agent_arguments(args)) as records:
            yield "this host", records
    elif args.input:
        with source.file(args.input) as records:
            yield "standard input" if str(args.input) == "-" else str(args.input), records
    else:
        start: Start | int = Start.BEGINNING if args.from_beginning else Start.END
        if args.since:
            start = int(begin * 1000)
        past = args.since or args.from_beginning
        follow = not (args.once and past)
        with source.topic(config, start, follow=follow) as records:
            yield f"topic {config.kafka.topic}", records


def _agent_arguments(args: argparse.Namespace) -> list[str]:
    """The options of ours that are the capture's too."""
    given = ["--config", str(args.config)] if args.config else []
    for flag, values in (
        ("--set", args.set),
        ("--hook", [args.hook] if args.hook else []),
        ("--interface", args.interface or []),
        ("--role", args.role or []),
    ):
        for value in values:
            given += [flag, value]
    return given


def _once(args: argparse.Namespace, feed: Feed, name: str, look: Look, begin: float) -> None:
    """Count what was asked for, and print it."""
    total = Total()
    if args.input or args.from_beginning:
        feed.collect(total, 0.0, None)
        begin, end = total.first or time.time(), total.last or time.time()
    elif args.since:
        feed.collect(total, begin, None)
        end = time.time()
    else:
        begin = time.time()  # a capture took its time to start
        end = begin + (args.seconds or _SECONDS)
        feed.collect(total, begin, end)
    views = {dimension: total.view(dimension, end - begin) for dimension in Dimension}
    if args.json:
        sys.stdout.buffer.write(document(Found(name, begin, end, views, feed.malformed, feed.late)))
        sys.stdout.buffer.flush()
        return
    _print(_console(), views[look.dimension], look)
    if feed.malformed:
        sys.stderr.write(f"shipper: {feed.malformed} messages were no records\n")


def _interactive() -> bool:
    """Whether keys can be read and a screen drawn, which Textual does on standard error."""
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream.isatty() for stream in streams) and os.environ.get("TERM", "dumb") not in {
        "",
        "dumb",
        "unknown",
    }


def _screen(feed: Feed, name: str, look: Look, begin: float) -> None:
    """On a terminal, until `q`; what went wrong meanwhile is raised then."""
    from shipper.insight.top.screen import Screen  # noqa: PLC0415 - half a second; not for scripts

    board = Board(begin)
    background = Background(feed, board)
    background.start()
    try:
        Screen(board, background, name, look).run()
    finally:
        background.stop()
    if background.fault is not None:
        raise background.fault


def _stream(feed: Feed, look: Look, begin: float) -> None:
    """Into a pipe or on a terminal that can do nothing: a table once a second."""
    board = Board(begin)
    console = _console()
    due = time.time() + _EVERY_S
    ended = False
    while not ended:
        try:
            found = feed.next()
        except StopIteration:
            ended, found = True, None
        now = time.time()
        if found is not None:
            board.add(found, now)
        if now >= due or ended:
            due = now + _EVERY_S
            view = board.view(look.window, look.dimension, now)
            stamp = time.strftime("%H:%M:%S", time.localtime(now))
            console.print(f"{stamp}, last {span(look.window)}", style="dim")
            _print(console, view, look)
            console.print()
            console.file.flush()


def _print(console: Console, view: View, look: Look) -> None:
    """The sums and the table; a pipe has room for every column."""
    columns = shown(console.width if console.is_terminal else _WIDE_PIPE)
    lines = ordered(view.lines, look.column)
    console.print(headline(view.total), soft_wrap=True)
    console.print(statuses(view.total), soft_wrap=True)
    for line in table(lines, look.dimension, columns, look.rows):
        console.print(line, soft_wrap=not console.is_terminal)


def _console() -> Console:
    return Console(highlight=False, markup=False, emoji=False)

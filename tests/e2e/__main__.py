"""`python -m e2e`: real parts from a socket to a search engine, a table, and one line of JSON.

Exit code 0 if every exchange is where it belongs, once.
"""

import argparse
import contextlib
import json
import signal
import sys
from types import FrameType

from rich.console import Console
from rich.table import Table

from shipper.errors import ShipperError

from .account import Account
from .count import MOST
from .host import apart
from .progress import Progress
from .run import ROUNDS, Run
from .stack import PREFIX, started
from .traffic import Traffic
from .writer import Writer

#: Requests are asked for by wrk's two threads.
_THREADS = 2
#: Columns where nobody says how many there are.
_WIDE = 100


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="e2e", description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, metavar="N", help="in all (3000)")
    parser.add_argument("--idle", type=float, default=30.0, metavar="S", help="seconds (30)")
    given = parser.parse_args()
    each = given.requests // ROUNDS // _THREADS * _THREADS
    if not 0 < each * ROUNDS < MOST:
        parser.error(f"--requests: from {ROUNDS * _THREADS} to {MOST}")
    signal.signal(signal.SIGTERM, _end)
    try:
        account = _run(each, given.idle)
    except KeyboardInterrupt:
        return 130
    except (AssertionError, ShipperError) as error:
        sys.stderr.write(f"\ne2e: {error}\n")
        return 1
    _show(account)
    return 1 if account.shortfalls() else 0


def _run(each: int, idle_s: float) -> Account:
    progress = Progress()
    with contextlib.ExitStack() as ends:
        host = ends.enter_context(apart())
        stack = ends.enter_context(started(progress))
        traffic = ends.enter_context(Traffic())
        writer = ends.enter_context(Writer(stack.connect.output, stack.store, PREFIX))
        return Run(stack, host, traffic, writer, progress).result(each, idle_s)


def _show(account: Account) -> None:
    table = Table(title="What became of every exchange")
    for name in ("what", "counted by"):
        table.add_column(name, no_wrap=True)
    table.add_column("figure", justify="right")
    for what, who, figure in account.rows():
        table.add_row(what, who, str(figure))
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)
    for what in account.shortfalls():
        console.print(f"falls short: {what}")
    print(json.dumps(account.line))  # noqa: T201 - the line for a program


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends everything in order, as Ctrl-C does."""
    raise SystemExit(143)


if __name__ == "__main__":
    sys.exit(main())

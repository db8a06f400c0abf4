"""`python -m detections.live`: attacks among live traffic; a table, and one line of JSON.

Exit code 0 if every one of them is found, once, and ordinary traffic raises nothing.
"""

import argparse
import json
import signal
import sys
from types import FrameType

from e2e.host import apart
from e2e.progress import Progress
from rich.console import Console
from rich.table import Table

from shipper.errors import ShipperError

from .account import Account
from .run import Run
from .site import Site
from .stack import started

#: Columns where nobody says how many there are.
_WIDE = 100


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="e2e-detect", description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=20_000, metavar="N", help="before any attack (20000)"
    )
    parser.add_argument("--rate", type=float, default=120.0, metavar="R", help="a second (120)")
    given = parser.parse_args()
    if given.requests < 1 or given.rate <= 0:
        parser.error("--requests and --rate: more than nothing")
    signal.signal(signal.SIGTERM, _end)
    progress = Progress()
    try:
        with apart() as host, started(host, progress) as stack, Site() as site:
            account = Run(stack, site, progress).result(given.requests, given.rate)
    except KeyboardInterrupt:
        return 130
    except (AssertionError, ShipperError) as error:
        sys.stderr.write(f"\ne2e-detect: {error}\n")
        return 1
    _show(account)
    return 1 if account.shortfalls() else 0


def _show(account: Account) -> None:
    table = Table(title="What was found")
    for name in ("what", "counted by"):
        table.add_column(name, no_wrap=True)
    table.add_column("figure", justify="right")
    for what, who, figure in account.rows():
        table.add_row(what, who, str(figure))
    console = Console(highlight=False, markup=False)
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

"""A run in; a table for a person, the last line for a program and the exit code out."""

import json
import signal
import sys
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Protocol

from rich.console import Console
from rich.table import Table

from shipper.errors import ShipperError

#: Columns where nobody says how many there are.
_WIDE = 100


class Account(Protocol):
    """What a run found."""

    @property
    def line(self) -> Mapping[str, object]:
        """For a program."""
        ...

    def rows(self) -> list[tuple[str, str, object]]:
        """For a person: what, by whose count, how many."""
        ...

    def shortfalls(self) -> list[str]:
        """What is not as it has to be; empty when all is well."""
        ...


def told(name: str, title: str, run: Callable[[], Account]) -> int:
    """0 if all is well, 1 if something falls short or fails, 130 for Ctrl-C.

    SIGTERM ends everything in order, as Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, _end)
    try:
        account = run()
    except KeyboardInterrupt:
        return 130
    except (AssertionError, ShipperError) as error:
        sys.stderr.write(f"\n{name}: {error}\n")
        return 1
    _show(title, account)
    return 1 if account.shortfalls() else 0


def _show(title: str, account: Account) -> None:
    table = Table(title=title)
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
    raise SystemExit(143)

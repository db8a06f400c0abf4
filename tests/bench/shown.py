"""Figures in; cells of a table that a person reads out: ratios first, then what they are of."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

#: Columns where nobody says how many there are.
_WIDE: Final = 160
Cell = Mapping[str, Any]
Column = tuple[str, Callable[[Cell], str]]


def number(name: str, *, scale: float = 1.0, digits: int = 1) -> Callable[[Cell], str]:
    """A column of this figure."""

    def text(cell: Cell) -> str:
        value = cell.get(name)
        return "" if value is None else f"{value * scale:,.{digits}f}"

    return text


def share(name: str) -> Callable[[Cell], str]:
    """A column of this share, in hundredths; whole only where nothing is missing."""

    def text(cell: Cell) -> str:
        value = cell.get(name)
        if value is None:
            return ""
        return "100 %" if value == 1 else f"{min(value * 100, 99.99):.2f} %"

    return text


def ratio(name: str) -> Callable[[Cell], str]:
    """A column of this ratio."""

    def text(cell: Cell) -> str:
        value = cell.get(name)
        return "" if value is None else f"{value:.2f} x"

    return text


def size(body: int) -> str:
    """Bytes as people say them."""
    return f"{body} B" if body < 1000 else f"{body / 1000:g} KB"


def printed(made: Table) -> None:
    """Put a table on the terminal, or as wide as it is into a file."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    console.print(made)


def rows(title: str, heads: Sequence[str], columns: Sequence[Column]) -> Table:
    """A table without rows: what each is about, then figures."""
    made = Table(title=title, title_justify="left", caption_justify="left")
    for head in heads:
        made.add_column(head, no_wrap=True)
    for name, _ in columns:
        made.add_column(name, justify="right", no_wrap=True)
    return made

"""Cells in; the tables that a person reads out: ratios first, then what they are ratios of."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from .figures import OURS

#: Columns where nobody says how many there are.
_WIDE: Final = 140
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


BESIDE: Final[Sequence[Column]] = (
    ("CPU, to ours", ratio("cpu_ratio")),
    ("told of", share("told_share")),
    ("load's CPU, to that with nobody", ratio("load_ratio")),
)
MEASURED: Final[Sequence[Column]] = (
    ("CPU\nms", number("cpu_ms")),
    ("kernel\nms", number("kernel_ms")),
    ("load\nms", number("load_ms")),
    ("broker\nms", number("broker_ms")),
    ("cores", number("cores", digits=2)),
    ("sent\na second", number("sent_rate", digits=0)),
    ("lost", number("lost", digits=0)),
    ("most\nMB", number("memory_peak", scale=1e-6)),
    ("at the end\nMB", number("memory_end", scale=1e-6)),
    ("start\ns", number("start_s", digits=2)),
    ("ack p50\nms", number("acknowledged_p50_ms", digits=0)),
    ("ack p99\nms", number("acknowledged_p99_ms", digits=0)),
)


def size(body: int) -> str:
    """Bytes as people say them."""
    return f"{body} B" if body < 1000 else f"{body / 1000:g} KB"


def show(cells: Sequence[Cell], notes: Iterable[str], short: Iterable[str]) -> None:
    """Print all of it."""
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table("Beside the agent, load by load", cells, BESIDE))
    console.print(table("As measured, medians; CPU for 1,000 exchanges told of", cells, MEASURED))
    for note in notes:
        console.print(note, markup=False)
    for what in short:
        console.print(f"falls short: {what}", markup=False)


def table(title: str, cells: Sequence[Cell], columns: Sequence[Column]) -> Table:
    """One row a cell, a line between demands."""
    made = Table(title=title, title_justify="left")
    for name in ("body", "rate", "watcher", *(name for name, _ in columns)):
        made.add_column(name, justify="left" if name == "watcher" else "right", no_wrap=True)
    for cell, following in zip(cells, [*cells[1:], None], strict=True):
        last = following is None or _demand(following) != _demand(cell)
        style = "bold" if cell["watcher"] == OURS else None
        made.add_row(
            size(cell["body"]),
            f"{cell['rate']:,}",
            str(cell["watcher"]),
            *(text(cell) for _, text in columns),
            style=style,
            end_section=last,
        )
    return made


def _demand(cell: Cell) -> tuple[int, int]:
    return cell["body"], cell["rate"]

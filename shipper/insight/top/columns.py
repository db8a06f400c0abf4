"""Figures -> the cells of a table: titles, order and widths, the same on a screen and in a pipe.

Numbers come first and the name last, as top(1) has it: a name may be long, and nothing has to be
padded behind it.
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from shipper.insight.top.sample import Dimension
from shipper.insight.top.tally import Figures

#: Widths of a terminal from which on there is room for more.
_ROOMY: Final = 100
_WIDE: Final = 120
_MS: Final = 1000.0
_TEN: Final = 9.995
_HUNDRED: Final = 99.95
#: So many times what is usual is to be seen at once.
_FAR_SLOWER: Final = 3.0

TITLES: Final = {
    Dimension.ROUTES: "route",
    Dimension.CLIENTS: "client",
    Dimension.USER_AGENTS: "user agent",
    Dimension.HOSTS: "host",
}


class Column(NamedTuple):
    """One column; `of` is what lines are sorted by, `show` is what stands there."""

    title: str
    width: int
    of: Callable[[Figures], float]
    show: Callable[[Figures], str]
    room: int = 0  # width of the terminal from which on it is shown
    alarming: Callable[[Figures], bool] = lambda _figures: False

    def style(self, figures: Figures) -> str:
        """How it is shown: what alarms is to be seen at once."""
        return "bold red" if self.alarming(figures) else ""


class Look(NamedTuple):
    """What shall be shown: seconds, counted by what, led by which column, in how many rows."""

    window: int
    dimension: Dimension
    column: Column
    rows: int


def number(value: float) -> str:
    """Three digits that count."""
    if value < _TEN:
        return f"{value:.2f}"
    return f"{value:.1f}" if value < _HUNDRED else f"{value:,.0f}"


def milliseconds(seconds: float | None) -> str:
    """A duration in ms; `-` where none is known."""
    return "-" if seconds is None else number(seconds * _MS)


def percent(share: float) -> str:
    """A share; nothing at all is a dot, so that what is there stands out."""
    return "·" if not share else f"{share * 100:.1f}"


def _count(number: int) -> str:
    return f"{number}" if number else "·"


def _class(digit: int) -> Callable[[Figures], int]:
    return lambda figures: figures.by_class[digit]


def _of_class(digit: int, title: str, room: int) -> Column:
    of = _class(digit)
    return Column(title, 6, of, lambda figures: _count(of(figures)), room)


COLUMNS: Final = (
    Column("req/s", 7, lambda f: f.per_second, lambda f: number(f.per_second)),
    Column(
        "err %",
        6,
        lambda f: f.error_share,
        lambda f: percent(f.error_share),
        alarming=lambda f: f.errors > 0,
    ),
    Column("p50 ms", 7, lambda f: f.p50 or 0.0, lambda f: milliseconds(f.p50)),
    Column("p95 ms", 7, lambda f: f.p95 or 0.0, lambda f: milliseconds(f.p95)),
    Column("p99 ms", 7, lambda f: f.p99 or 0.0, lambda f: milliseconds(f.p99)),
    Column(
        "slower",
        6,
        lambda f: f.slower or 0.0,
        lambda f: "·" if f.slower is None else f"{f.slower:.1f}",
        _ROOMY,
        alarming=lambda f: (f.slower or 0.0) >= _FAR_SLOWER,
    ),
    Column("total", 8, lambda f: f.requests, lambda f: f"{f.requests}", _WIDE),
    _of_class(2, "2xx", _WIDE),
    _of_class(3, "3xx", _WIDE),
    _of_class(4, "4xx", _ROOMY),
    _of_class(5, "5xx", 0),
    _of_class(0, "none", _WIDE),
)

#: What is worth telling of a dimension beside another.
FEW: Final = (COLUMNS[0], COLUMNS[1], COLUMNS[3])
BY_TITLE: Final = {column.title: column for column in COLUMNS}


def shown(width: int) -> list[Column]:
    """The columns that a terminal of this width has room for, beside a name."""
    return [column for column in COLUMNS if width >= column.room]


def ordered(lines: Iterable[Figures], column: Column, *, ascending: bool = False) -> list[Figures]:
    """By this column, the greatest first; equals by rate, then by name."""
    by_name = sorted(lines, key=lambda line: (-line.per_second, line.name))
    return sorted(by_name, key=column.of, reverse=not ascending)


def matching(lines: Iterable[Figures], text: str, *, failing: bool = False) -> list[Figures]:
    """Those whose name holds `text`, in any case; with `failing`, those with errors alone."""
    wanted = text.casefold()
    return [
        line for line in lines if wanted in line.name.casefold() and (line.errors or not failing)
    ]

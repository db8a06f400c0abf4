"""Views -> text: a table for a person or a pipe, one JSON object for a program."""

from datetime import UTC, datetime
from typing import Final, NamedTuple

import orjson
from rich.text import Text

from shipper.insight.top.board import OTHER, View
from shipper.insight.top.columns import (
    TITLES,
    Column,
    milliseconds,
    number,
    ordered,
    percent,
    shown,
)
from shipper.insight.top.sample import Dimension
from shipper.insight.top.tally import ACCURACY, Figures

_CLASSES: Final = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")


class Found(NamedTuple):
    """What was counted: a view of each dimension, and what could not be.

    `begin` and `end` in seconds since the epoch; `malformed` messages were no records, `late`
    ones lay outside of the time that was asked for.
    """

    source: str
    begin: float
    end: float
    views: dict[Dimension, View]
    malformed: int
    late: int


def span(seconds: int) -> str:
    """`10 s`, `5 min`."""
    return f"{seconds // 60} min" if seconds >= 60 and not seconds % 60 else f"{seconds} s"  # noqa: PLR2004


def headline(total: Figures) -> Text:
    """The sum of everything in one line."""
    text = Text.assemble(
        (number(total.per_second), "bold"),
        " req/s   errors ",
        (f"{total.error_share * 100:.1f} %", "bold red" if total.errors else "bold"),
        "   p50 ",
        (milliseconds(total.p50), "bold"),
        "  p95 ",
        (milliseconds(total.p95), "bold"),
        "  p99 ",
        (milliseconds(total.p99), "bold"),
        " ms",
    )
    for title, count in zip(_CLASSES, total.by_class, strict=True):
        if count:
            text.append(f"   {title} ", "dim")
            text.append(f"{percent(count / total.requests)} %")
    return text


def table(view: View, dimension: Dimension, *, width: int, rows: int, column: Column) -> list[Text]:
    """A heading and at most `rows` lines, those first that lead in `column`."""
    columns = shown(width)
    heading = "".join(f"{each.title:>{each.width}} " for each in columns)
    lines = [Text(f"{heading} {TITLES[dimension]}", "dim")]
    for figures in ordered(view.lines, column)[:rows]:
        line = Text()
        for each in columns:
            style = "bold red" if each.worst(figures) else ""
            line.append(f"{each.show(figures):>{each.width}} ", style)
        lines.append(line.append(f" {figures.name}"))
    if left := len(view.lines) - rows:
        lines.extend([Text(f"  and {left} more", "dim")] if left > 0 else [])
    return lines


def document(found: Found) -> bytes:
    """All of it as JSON; times in seconds, latencies in ms, absent where unknown."""
    total = found.views[Dimension.ROUTES].total
    return orjson.dumps(
        {
            "source": found.source,
            "begin": _moment(found.begin),
            "end": _moment(found.end),
            "seconds": round(found.end - found.begin, 3),
            "malformed": found.malformed,
            "late": found.late,
            "quantile_error": ACCURACY,
            "total": _figures(total),
            **{
                dimension.name.lower(): [
                    {"name": None if line.name == OTHER else line.name, **_figures(line)}
                    for line in sorted(view.lines, key=lambda line: (-line.requests, line.name))
                ]
                for dimension, view in found.views.items()
            },
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _figures(figures: Figures) -> dict[str, object]:
    quantiles = {"p50_ms": figures.p50, "p95_ms": figures.p95, "p99_ms": figures.p99}
    return {
        "requests": figures.requests,
        "per_second": round(figures.per_second, 3),
        "errors": figures.errors,
        "error_share": round(figures.error_share, 5),
        **{name: round(s * 1000, 4) for name, s in quantiles.items() if s is not None},
        "status": {
            title: count for title, count in zip(_CLASSES, figures.by_class, strict=True) if count
        },
    }


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")

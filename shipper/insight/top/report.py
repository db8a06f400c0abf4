"""Views -> text: a table for a person or a pipe, one JSON object for a program."""

from collections.abc import Sequence
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
)
from shipper.insight.top.sample import Dimension
from shipper.insight.top.tally import ACCURACY, Figures

_CLASSES: Final = ("none", "1xx", "2xx", "3xx", "4xx", "5xx")
_CLASS_STYLES: Final = ("magenta", "cyan", "green", "cyan", "yellow", "bold red")


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
    return Text.assemble(
        (number(total.per_second), "bold"),
        " req/s   errors ",
        (f"{total.error_share * 100:.1f} %", "bold red" if total.errors else "bold"),
        "   p50 ",
        (milliseconds(total.p50), "bold"),
        "  p95 ",
        (milliseconds(total.p95), "bold"),
        "  p99 ",
        (milliseconds(total.p99), "bold"),
        f" ms   {total.requests} requests",
    )


def statuses(total: Figures) -> Text:
    """Which share of responses had which class of status, in one line."""
    text = Text("status ", "dim")
    if not total.requests:
        text.append("  nothing was seen", "dim")
    for title, count, style in zip(_CLASSES, total.by_class, _CLASS_STYLES, strict=True):
        if count:
            text.append(f"  {title} ", style)
            text.append(f"{count / total.requests * 100:.1f} %")
    return text


def table(
    lines: list[Figures], dimension: Dimension, columns: Sequence[Column], rows: int
) -> list[Text]:
    """A heading, at most `rows` lines, and how many are left."""
    heading = "".join(f"{each.title:>{each.width}} " for each in columns)
    shown = [Text(f"{heading} {TITLES[dimension]}", "dim")]
    for figures in lines[:rows]:
        line = Text(no_wrap=True, overflow="ellipsis")
        for each in columns:
            line.append(f"{each.show(figures):>{each.width}} ", each.style(figures))
        shown.append(line.append(f" {figures.name}"))
    if len(lines) > rows:
        shown.append(Text(f"  and {len(lines) - rows} more", "dim"))
    return shown


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

"""config/dashboards/*.yml in; panels as plain data out.

What a panel asks is said once there. What each program's file looks like, its own module knows.
"""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml
from consumers.contracts import ROOT, Json

DASHBOARDS = ROOT / "config" / "dashboards"
_KINDS = ("unique", "average", "percentiles", "maximum", "sum")


@dataclass(frozen=True)
class Metric:
    """One number of a group. `kind`: count or one of those of the description."""

    kind: str
    field: str = ""
    percents: tuple[int, ...] = ()

    @property
    def label(self) -> str:
        """As a column or a line is called."""
        return "count" if self.kind == "count" else f"{self.kind} of {self.field}"


@dataclass(frozen=True)
class Groups:
    """How records are grouped: by time, by a field, or by queries (label -> Lucene)."""

    kind: str
    field: str = ""
    top: int = 0
    order: int = 1  #: the metric that decides which are highest, from 1
    queries: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Panel:
    """One panel of records or accounts."""

    title: str
    show: str
    metrics: tuple[Metric, ...]
    by: tuple[Groups, ...]
    query: str
    unit: str


@dataclass(frozen=True)
class Dashboard:
    """One dashboard of a store. `name` becomes part of ids and file names."""

    name: str
    title: str
    description: str
    index: str
    panels: tuple[Panel, ...]


@cache
def dashboards() -> tuple[Dashboard, ...]:
    """Those that ask a store."""
    read: dict[str, Json] = yaml.safe_load((DASHBOARDS / "panels.yml").read_text("utf-8"))
    return tuple(
        Dashboard(
            name,
            said["title"],
            said["description"],
            said["index"],
            tuple(map(_panel, said["panels"])),
        )
        for name, said in read.items()
    )


@cache
def agent() -> Json:
    """The one that asks Prometheus, as it is written."""
    read: Json = yaml.safe_load((DASHBOARDS / "agent.yml").read_text("utf-8"))
    return read


def _panel(said: Json) -> Panel:
    return Panel(
        said["title"],
        said["show"],
        tuple(map(_metric, said["metrics"])),
        tuple(map(_groups, said.get("by", ()))),
        said.get("query", "*"),
        said.get("unit", "none"),
    )


def _metric(said: Any) -> Metric:  # noqa: ANN401 - a word or a table
    if said == "count":
        return Metric("count")
    (kind,) = (kind for kind in _KINDS if kind in said)
    return Metric(kind, said[kind], tuple(said.get("of", ())))


def _groups(said: Any) -> Groups:  # noqa: ANN401 - a word or a table
    if said == "time":
        return Groups("time", "@timestamp")
    if "queries" in said:
        return Groups("queries", queries=tuple(said["queries"].items()))
    return Groups("field", said["field"], said["top"], said.get("order", 1))

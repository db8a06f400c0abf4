"""`make chart-bench`: what the benchmarks have stored, as a chart and as tables for a reader.

The chart is `docs/benchmarks.svg`, by gnuplot; the tables stand in `docs/benchmarks.md` between
marks, and the chart there and in `README.md`. All are functions of the stored results alone; of
what is not stored nothing is shown.
"""

import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from . import replay_rate, service_cost, side_by_side, workers_scaling
from .carrying_out import Result
from .figures import OURS
from .storing import stored

_CHECKOUT: Final = Path(__file__).parents[2]
_CHART: Final = _CHECKOUT / "docs" / "benchmarks.svg"
#: Where parts of what is published stand.
PAGES: Final = (_CHECKOUT / "docs" / "benchmarks.md", _CHECKOUT / "README.md")
_SHOWN: Final = "CPU for 1,000 exchanges, by rate and by body"
_SCRIPT: Final = Path(__file__).with_name("chart.gnuplot")
_WATCHERS: Final = (OURS, "httpry", "tcpflow", "tshark")
TABLES: Final = {
    "bench": side_by_side.tables,
    "bench-service": service_cost.tables,
    "bench-workers": workers_scaling.tables,
    "bench-replay": replay_rate.tables,
}

Cell = Mapping[str, Any]


def plotted(cells: Sequence[Cell]) -> str:
    """What gnuplot is given: cost by rate and by size, then how to draw it."""
    body = min(cell["body"] for cell in cells)
    rate = min(cell["rate"] for cell in cells)
    by_rate = _series(cells, "rate", lambda cell: cell["body"] == body)
    by_size = _series(cells, "body", lambda cell: cell["rate"] == rate)
    blocks = f"$by_rate << EOD\n{by_rate}\nEOD\n$by_size << EOD\n{by_size}\nEOD\n"
    return f"body = {body}\nrate = {rate}\n{blocks}{_SCRIPT.read_text()}"


def _series(cells: Sequence[Cell], against: str, which: Callable[[Cell], bool]) -> str:
    """A block of lines for each watcher: where, cost, and the share that it told of."""
    blocks = []
    for watcher in _WATCHERS:
        points = sorted(
            (cell[against], cell["cpu_ms"] or "nan", cell["told_share"])
            for cell in cells
            if cell["watcher"] == watcher and which(cell)
        )
        blocks.append("\n".join(" ".join(map(str, one)) for one in points or [("nan",) * 3]))
    return "\n\n\n".join(blocks)


def draw(cells: Sequence[Cell]) -> str:
    """The chart, as gnuplot makes it."""
    done = subprocess.run(
        ["gnuplot"], input=plotted(cells), capture_output=True, text=True, check=False
    )
    if done.returncode or not done.stdout.lstrip().startswith("<?xml"):
        sys.exit(f"chart-bench: gnuplot: {done.stderr.strip()}")
    return "\n".join(line.rstrip() for line in done.stdout.strip().splitlines()) + "\n"


def parts(results: Mapping[str, Result]) -> dict[str, str]:
    """What stands on the pages, by its mark: nothing where there is no result."""
    made = dict.fromkeys((*TABLES, "bench-page", "bench-readme"), "")
    for name, result in results.items():
        tables = "\n\n".join(map(_markdown, TABLES[name](result)))
        made[name] = f"{tables}\n\n{_machine(result)}\n"
    if "bench" in results:
        made["bench-page"] = f"![{_SHOWN}](benchmarks.svg)\n"
        made["bench-readme"] = f"![{_SHOWN}](docs/benchmarks.svg)\n\n{_machine(results['bench'])}\n"
    return made


def filled(page: str, made: Mapping[str, str]) -> str:
    """The page with these between its marks, where it has them."""

    def part(found: re.Match[str]) -> str:
        return f"{found[1]}{made.get(found[2], found[3])}{found[4]}"

    marks = re.compile(r"(<!-- (bench[a-z-]*) -->\n)(.*?)(<!-- /\2 -->)", re.DOTALL)
    return marks.sub(part, page)


def _markdown(table: Table) -> str:
    heads = [str(column.header).replace("\n", " ").strip() for column in table.columns]
    rules = ["---:" if column.justify == "right" else "---" for column in table.columns]
    cells = zip(*(column.cells for column in table.columns), strict=True)
    lines = [heads, rules, *([str(cell) for cell in row] for row in cells)]
    made = [f"{table.title}:", "\n".join(f"| {' | '.join(line)} |" for line in lines)]
    return "\n\n".join([*made, str(table.caption)] if table.caption else made)


def _machine(result: Result) -> str:
    where = result["machine"]
    versions = ", ".join(f"{name} {version}" for name, version in where["versions"].items())
    return (
        f"{where['when']}: {where['cores']} cores of {where['cpu']}"
        f"{' (virtual)' if where['virtual'] else ''}, {where['memory_gb']} GB, Linux "
        f"{where['kernel']}, {where['system']}, Python {where['python']}, load before "
        f"{where['load_before']}; {versions}."
    )


def results() -> dict[str, Result]:
    """All that is stored, by the command that stored it."""
    return {name: found for name in TABLES if (found := stored(name)) is not None}


def main() -> int:
    """Make all of it anew."""
    found = results()
    if "bench" not in found:
        sys.exit("chart-bench: no results are stored: make bench makes them")
    _CHART.write_text(draw(found["bench"]["cells"]))
    for page in PAGES:
        page.write_text(filled(page.read_text(), parts(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main())

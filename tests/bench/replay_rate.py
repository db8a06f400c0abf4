"""`make bench-replay`: exchanges a CPU second from a capture file to lines of text.

dumpcap records what nginx behind a veth answers; then the agent and what Debian has read the file
in turns. What each takes for a file of one exchange is its start and is taken off, and told apart;
so is, for the agent, what it takes to show packets to the kernel program (BPF_PROG_TEST_RUN),
which live traffic does not cost. Which exchanges each has told of is held against nginx's log.

A table, and one line of JSON, which is also stored. The exit code is 1 where the agent falls short
of its aim or loses an exchange, 2 when nothing could be measured.
"""

import argparse
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from e2e.progress import Progress
from rich.table import Table

from .carrying_out import Result, carry_out, command
from .figures import OURS, median, rounded
from .load import Demand, Group, Site
from .load.site import ID
from .shown import number, ratio, rows, share
from .watchers import FIELDS, Dumpcap

#: Exchanges a CPU second, without what the test-runs take.
AIM: Final = 40_000
_BODY: Final = 200
_RATE: Final = 4_000
#: How each is told to read a file; what it prints is read for ids.
_READERS: Final = {
    OURS: (sys.executable, "-m", "shipper", "replay", "{file}"),
    "httpry": ("httpry", "-r", "{file}", "tcp"),
    "tcpflow": ("tcpflow", "-X", "/dev/null", "-q", "-c", "-r", "{file}"),
    "tshark": ("tshark", "-r", "{file}", *FIELDS),
}
_TEST_RUNS: Final = (sys.executable, "-m", "bench.replay_test_runs", "{file}")

Figures = dict[str, float | None]


def recorded(site: Site, demand: Demand, run: str, path: Path) -> set[str]:
    """Have the demand's packets in a file; the ids that are in it."""
    tool, group = Dumpcap(), Group(site.host, run)
    try:
        tool.start(site, group, run)
        with site.requests(run, demand) as requests:
            requests.wait()
        group.until_quiet(10)
        told = tool.stop()
        tool.keep(path)
    finally:
        tool.close()
        group.close()
    served = site.served(run)
    missing = len(served - told.ids.keys())
    assert not missing, f"the capture lacks {missing} of {len(served)} exchanges"
    return served


def cpu_s(command: tuple[str, ...], file: Path, output: Path) -> float:
    """User and system time of a command and all that it starts and waits for (s)."""
    words = [word.format(file=file) for word in command]
    with output.open("wb") as out:
        process = subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        said = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, f"{words[0]} ended badly: {said.decode().strip()[-300:]}"
    return usage.ru_utime + usage.ru_stime


def measured(exchanges: int, rounds: int, progress: Progress) -> dict[str, Figures]:
    """By reader; all rounds in turns."""
    found: dict[str, list[Figures]] = {name: [] for name in _READERS}
    with contextlib.ExitStack() as ends:
        site = ends.enter_context(Site(_BODY))
        folder = site.folder
        with progress.step(f"Recording {exchanges:,} exchanges"):
            tiny, file = folder / "tiny.pcap", folder / "bench.pcap"
            recorded(site, Demand(_BODY, 10, 0.1, connections=1), "tiny", tiny)
            ids = recorded(site, Demand(_BODY, _RATE, exchanges / _RATE), "many", file)
        for turn in range(rounds):
            with progress.step(f"Round {turn + 1} of {rounds}"):
                for name, command in _READERS.items():
                    found[name].append(_read(name, command, tiny, file, ids))
    names = list(found[OURS][0])
    return {
        name: {figure: rounded(median(each[figure] for each in figures)) for figure in names}
        for name, figures in found.items()
    }


def _read(name: str, command: tuple[str, ...], tiny: Path, file: Path, ids: set[str]) -> Figures:
    output = file.with_suffix(".out")
    start = cpu_s(command, tiny, output)
    whole = cpu_s(command, file, output) - start
    told = {one.decode() for one in ID.findall(output.read_bytes())} & ids
    test_runs = None
    if name == OURS:
        cpu_s(_TEST_RUNS, file, output)
        test_runs = float(output.read_text())
    output.unlink()
    return {
        "rate": len(told) / whole,
        "rate_without_test_runs": len(told) / (whole - (test_runs or 0.0)),
        "us": whole / max(len(told), 1) * 1e6,
        "test_runs_us": None if test_runs is None else test_runs / max(len(told), 1) * 1e6,
        "start_s": start,
        "told_share": len(told) / len(ids),
    }


def shortfalls(told: dict[str, Figures]) -> list[str]:
    """In words, what the agent misses."""
    ours = told[OURS]
    short = []
    if ours["told_share"] != 1:
        short.append(f"told of {ours['told_share']} of the exchanges")
    if (rate := ours["rate_without_test_runs"]) is None or rate < AIM:
        short.append(f"{rate:,.0f} exchanges a CPU second without test-runs, aim {AIM:,}")
    return short


_COLUMNS: Final = (
    ("rate, to ours\nwithout test-runs", ratio("rate_ratio")),
    ("told of", share("told_share")),
    ("exchanges\na CPU s", number("rate", digits=0)),
    ("without\ntest-runs", number("rate_without_test_runs", digits=0)),
    ("CPU µs", number("us")),
    ("test-runs\nµs", number("test_runs_us")),
    ("start\nCPU s", number("start_s", digits=2)),
)


def tables(result: Result) -> Iterator[Table]:
    """Ratios first, then what they are of."""
    made = rows("From capture file to lines, for each exchange", ["reader"], _COLUMNS)
    for reader, figures in result["readers"].items():
        made.add_row(reader, *(text(figures) for _, text in _COLUMNS))
    yield made


def _result(given: argparse.Namespace, progress: Progress) -> Result:
    readers = measured(given.exchanges, given.rounds, progress)
    ours = readers[OURS]["rate_without_test_runs"]
    for figures in readers.values():
        rate = figures["rate_without_test_runs"]
        figures["rate_ratio"] = rounded(rate / ours) if rate and ours else None
    return {"readers": readers, "short": shortfalls(readers)}


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, store."""
    parser = command("bench-replay", __doc__)
    parser.add_argument("--exchanges", type=int, default=40_000, help="in the file")
    parser.add_argument("--rounds", type=int, default=5)
    return carry_out(parser, arguments, _result, tables, ("httpry", "tcpflow", "tshark"))


if __name__ == "__main__":
    sys.exit(main())

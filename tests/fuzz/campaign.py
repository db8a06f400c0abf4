"""Fuzzes every harness for a while: `make fuzz`, `python -m fuzz.campaign --seconds 600`.

The harnesses run side by side. Inputs that reach new code are kept in the folder (`build/fuzz`)
and begun with the next time; `--keep` takes them over into the corpus of the checkout as far as
they reach new code. A failing input is made smaller, and the message says where it lies.

The last line is one JSON object. The exit code is 1 when anything failed or hung.
"""

import argparse
import importlib
import json
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from fuzz.smaller import smaller

HERE = Path(__file__).parent
HARNESSES = ("assembly", "block", "proxy", "spool")
#: seconds that one input may take by the clock on the wall, and so more than a busy machine may
#: stand still for (8 were seen); then libFuzzer's exit code when one took longer
TIMEOUT = 30
_TIMED_OUT = 70
_PROGRESS = re.compile(r"cov: (\d+) ft: (\d+) corp: (\d+)/")
_STATISTIC = re.compile(r"^stat::(\w+):\s+(\d+)$", re.MULTILINE)


class Target(NamedTuple):
    """One harness under way."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path
    found: Path
    failed: Path


def start(name: str, folder: Path, seconds: int, seed: int, timeout: int) -> Target:
    """Have a process fuzz one harness."""
    found, failed, log = folder / name, folder / f"{name}-", folder / f"{name}.log"
    corpus = HERE / "corpus" / name
    found.mkdir(parents=True, exist_ok=True)
    command = [
        "nice",
        *_target(name),
        f"-max_total_time={seconds}",
        f"-timeout={timeout}",
        f"-seed={seed}",
        f"-artifact_prefix={failed}",
        "-print_final_stats=1",
        "-rss_limit_mb=1024",
        str(found),
        *([str(corpus)] if corpus.exists() else []),
    ]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env=_environment())
    return Target(name, process, log, found, failed)


def _target(name: str) -> list[str]:
    return [sys.executable, "-m", "fuzz.target", name]


def _environment() -> dict[str, str]:
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths))}


def result(target: Target, known: int) -> dict[str, Any]:
    """The figures of a harness that has ended; `known` inputs were in its folder before."""
    text = target.log.read_text(errors="replace")
    said = {name: int(value) for name, value in _STATISTIC.findall(text)}
    coverage = [int(number) for number in (_PROGRESS.findall(text) or [(0, 0, 0)])[-1]]
    code = target.process.returncode
    return {
        "executions": said.get("number_of_executed_units", 0),
        "per_second": said.get("average_exec_per_sec", 0),
        "coverage": coverage[0],
        "corpus": coverage[2],
        "new": len(list(target.found.iterdir())) - known,
        "crashes": int(code not in {0, _TIMED_OUT}),
        "hangs": int(code == _TIMED_OUT),
    }


def failing(target: Target) -> str:
    """What to say of a harness that ended with an error: the input, made small, or the log."""
    inputs = sorted(target.log.parent.glob(f"{target.failed.name}*"), key=os.path.getmtime)
    if not inputs:
        return f"{target.name} ended with code {target.process.returncode}: see {target.log}"
    path = inputs[-1]
    if target.process.returncode != _TIMED_OUT:
        harness = importlib.import_module(f"fuzz.{target.name}")
        path.write_bytes(smaller(path.read_bytes(), harness.check))
    again = f"PYTHONPATH=tests {sys.executable} -m fuzz.target {target.name} {path}"
    return f"{target.name} failed, its error stands in {target.log}; again: {again}"


def keep(folder: Path, names: list[str]) -> None:
    """Take over into the corpus what reaches code that it does not reach yet."""
    for name in names:
        corpus = HERE / "corpus" / name
        corpus.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            [*_target(name), "-merge=1", "-use_counters=0", str(corpus), str(folder / name)],
            check=True, capture_output=True, env=_environment(),
        )  # fmt: skip


def table(results: dict[str, dict[str, Any]], seconds: int) -> Table:
    """The figures for a person."""
    made = Table("harness", title=f"{seconds} s each", title_justify="left")
    for column in next(iter(results.values())):
        made.add_column(column.replace("_", " "), justify="right")
    for name, figures in results.items():
        made.add_row(name, *(f"{figure:,}" for figure in figures.values()))
    return made


def main(arguments: list[str] | None = None) -> int:
    """Fuzz, then print."""
    parser = argparse.ArgumentParser(prog="fuzz", description="coverage-guided fuzzing")
    parser.add_argument("harness", nargs="*", help=f"of {', '.join(HARNESSES)}; none: all")
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(1 << 31) + 1)
    parser.add_argument("--timeout", type=int, default=TIMEOUT, help="seconds for one input")
    parser.add_argument("--folder", type=Path, default=Path("build/fuzz"))
    parser.add_argument("--keep", action="store_true", help="add to the corpus of the checkout")
    given = parser.parse_args(arguments)
    names, folder = given.harness or list(HARNESSES), given.folder
    print(f"seed {given.seed}; logs and inputs are in {folder}", flush=True)  # noqa: T201 - for a person
    targets, known = [], {}
    try:
        for name in names:
            folder.joinpath(name).mkdir(parents=True, exist_ok=True)
            known[name] = len(list(folder.joinpath(name).iterdir()))
            targets.append(start(name, folder, given.seconds, given.seed, given.timeout))
        for target in targets:
            target.process.wait()
    finally:
        for target in targets:
            target.process.kill()
            target.process.wait()
    results = {target.name: result(target, known[target.name]) for target in targets}
    bad = [target for target in targets if target.process.returncode]
    Console().print(table(results, given.seconds))
    for target in bad:
        print(failing(target))  # noqa: T201 - for a person
    if given.keep and not bad:
        keep(folder, names)
    print(json.dumps({"seconds": given.seconds, "seed": given.seed, "harnesses": results}))  # noqa: T201 - likewise
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())

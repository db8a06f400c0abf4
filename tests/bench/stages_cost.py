"""`make bench-stages`: instructions that an exchange costs at each stage, counted by callgrind.

Instructions do not depend on what else the machine does, so a change of a few percent shows, and
two runs on different days can be compared. A table for a person, a last line of JSON for a program;
exits with 1 where a stage costs over a tenth more than what is stored. `--store` stores. The counts
of the compiled program, in the folder that is given, stand beside those of the sources.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from .stages_work import COUNTED, STAGES

HERE: Final = Path(__file__).parent
STORED: Final = HERE / "results" / "stages.json"
#: A stage may cost so much more than what is stored.
TOLERANCE: Final = 1.1
#: In its counts are librdkafka's threads and a broker: on a busy machine they send smaller batches,
#: and were seen to take half as much again.
_WAKEFUL: Final = {"produce": 2.0}
_TIMEOUT_S: Final = 900

Counts = dict[str, int]

#: The two forms of the program that are counted.
SOURCES: Final = "instructions"
COMPILED: Final = "compiled"


def counted(program: Path | None = None) -> Counts:
    """Instructions an exchange, by stage; of the program in a folder, or of the one here."""
    with tempfile.TemporaryDirectory(prefix="shipper-stages-") as name:
        folder = Path(name)
        library = folder / "marks.so"
        source = HERE / "callgrind_marks.c"
        subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", library, source], check=True)
        subprocess.run(
            [
                *("valgrind", "--tool=callgrind", "--instr-atstart=no", "--quiet"),
                f"--callgrind-out-file={folder}/out",
                *(sys.executable, "-m", "bench.stages_work", library),
            ],
            check=True,
            timeout=_TIMEOUT_S,
            # Where things lie in memory decides which of them collide in a table.
            env={
                **os.environ,
                "PYTHONHASHSEED": "0",
                "PYTHONPATH": ":".join(map(str, filter(None, (program, HERE.parent)))),
                "PYTHONSAFEPATH": "1",
            },
        )
        found = dict(_read(path) for path in folder.glob("out.*"))
    return {stage: found[stage] // COUNTED for stage in STAGES}


def _read(path: Path) -> tuple[str, int]:
    """The stage that a dump is of, and all its instructions."""
    text = path.read_text()
    stage = re.search(r"^desc: Trigger: Client Request: (\w+)$", text, re.MULTILINE)
    total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
    return (stage[1] if stage else ""), int(total[1]) if total else 0


def stored(form: str = SOURCES) -> Counts:
    """Those of the last time that somebody stored them, of the sources or of the `COMPILED`."""
    return dict(_stored()[form])


def stored_python() -> str:
    """The version of Python that they were counted with: another one has others."""
    return str(_stored()["python"])


def _stored() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(STORED.read_text())
    return found


def dearer(now: Counts, before: Counts) -> list[str]:
    """The stages that cost more than they may."""
    return [
        stage
        for stage, count in now.items()
        if count > before[stage] * _WAKEFUL.get(stage, TOLERANCE)
    ]


def _ratio(count: int | None, to: int | None) -> str:
    return f"{count / to:.2f}" if count and to else ""


def _table(now: Counts, compiled: Counts, before: Counts, compiled_before: Counts) -> Table:
    table = Table(title="Instructions of an exchange, librdkafka and an in-process broker included")
    table.add_column("stage")
    for column in ("now", "stored", "ratio", "compiled", "stored", "ratio", "to source"):
        table.add_column(column, justify="right")
    for stage, count in now.items():
        table.add_row(
            stage,
            *_beside(count, before.get(stage)),
            *_beside(compiled[stage], compiled_before.get(stage)),
            _ratio(compiled[stage], count),
        )
    return table


def _beside(count: int, before: int | None) -> tuple[str, str, str]:
    return f"{count:,}", f"{before:,}" if before else "", _ratio(count, before)


def main() -> int:
    """Print the table and the line."""
    parser = argparse.ArgumentParser(prog="make bench-stages", description=__doc__)
    parser.add_argument("--store", action="store_true", help="what is found holds from now on")
    parser.add_argument(
        "--compiled", type=Path, required=True, help="where the compiled program is"
    )
    given = parser.parse_args()
    now, compiled = counted(), counted(given.compiled.resolve())
    there = STORED.exists() and not given.store
    before, compiled_before = (stored(SOURCES), stored(COMPILED)) if there else ({}, {})
    Console().print(_table(now, compiled, before, compiled_before))
    if given.store:
        STORED.parent.mkdir(exist_ok=True)
        python = f"{sys.version_info.major}.{sys.version_info.minor}"
        held = {"python": python, SOURCES: now, COMPILED: compiled}
        STORED.write_text(json.dumps(held, indent=1) + "\n")
    worse = [*dearer(now, before), *dearer(compiled, compiled_before)] if there else []
    line = {SOURCES: now, COMPILED: compiled, "stored": before, "dearer": worse}
    print(json.dumps(line))  # noqa: T201 - the line for a program
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())

"""`python -m faults [NAME ...]`: the scenarios, a table, and one line of JSON.

Exit code 0 if every scenario ran and nothing is unexplained.
"""

import argparse
import json
import sys
import time
import traceback

from rich.console import Console
from rich.table import Table

from .catalogue import CATALOGUE
from .judge import Verdict
from .places import Places
from .playing import play

#: Columns where nobody says how many there are.
_WIDE = 140


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="faults", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="these alone")
    parser.add_argument("--long", action="store_true", help="those of many minutes too")
    given = parser.parse_args()
    unknown = set(given.names) - CATALOGUE.keys()
    if unknown:
        parser.error(f"no such scenario: {', '.join(sorted(unknown))}; {', '.join(CATALOGUE)}")
    chosen = [
        each
        for each in CATALOGUE.values()
        if (each.name in given.names if given.names else given.long or each.pace != "long")
    ]
    console = Console(stderr=True)
    places = Places()
    verdicts: dict[str, Verdict] = {}
    failed: dict[str, str] = {}
    try:
        for number, each in enumerate(chosen, 1):
            begin = time.monotonic()
            console.print(f"[{number}/{len(chosen)}] {each.name} …", highlight=False)
            try:
                verdicts[each.name] = play(each, places)
            except Exception as error:  # noqa: BLE001 - one scenario must not end the others
                failed[each.name] = str(error) or type(error).__name__
                console.print(traceback.format_exc(), markup=False, highlight=False)
            console.print(f"    {time.monotonic() - begin:.0f} s", highlight=False)
    finally:
        places.close()
    _show(verdicts, failed)
    bad = [each for each in verdicts.values() if each.unexplained or each.audit == "unexplained"]
    return 1 if failed or bad else 0


def _show(verdicts: dict[str, Verdict], failed: dict[str, str]) -> None:
    table = Table(title="What became of every request")
    table.add_column("scenario", no_wrap=True)
    for name in ("sent", "accepted", "unique", "twice", "dead", "spooled"):
        table.add_column(name, justify="right")
    table.add_column("counted losses")
    table.add_column("audit")
    table.add_column("unexplained", justify="right")
    for name, each in verdicts.items():
        lost = ", ".join(f"{count} {why}" for why, count in each.lost.items())
        counts = (each.sent, each.accepted, each.unique, each.duplicates, each.dead, each.spooled)
        table.add_row(name, *map(str, counts), lost, each.audit, str(each.unexplained))
    for name, why in failed.items():
        table.add_row(name, *[""] * 6, f"did not end: {why}", "", "?")
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)
    total = {
        "scenarios": len(verdicts),
        "failed": len(failed),
        "sent": sum(each.sent for each in verdicts.values()),
        "accepted": sum(each.accepted for each in verdicts.values()),
        "unexplained": sum(each.unexplained for each in verdicts.values()),
        "audits_failed": sum(each.audit == "unexplained" for each in verdicts.values()),
    }
    print(json.dumps(total))  # noqa: T201 - the line for a program


if __name__ == "__main__":
    sys.exit(main())

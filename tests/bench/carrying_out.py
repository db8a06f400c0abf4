"""A benchmark of the whole agent as a command: what it has been told, measured, shown and kept."""

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Sequence
from types import FrameType
from typing import Any

from e2e.progress import Progress
from rich.table import Table

from shipper.errors import ShipperError

from . import machine
from .shown import printed
from .storing import store

Result = dict[str, Any]


def command(name: str, about: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a module's own words."""
    raw = argparse.RawDescriptionHelpFormatter
    return argparse.ArgumentParser(prog=name, description=about, formatter_class=raw)


def carry_out(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str] | None,
    measure: Callable[[argparse.Namespace, Progress], Result],
    tables: Callable[[Result], Iterable[Table]],
    packages: Sequence[str],
) -> int:
    """The exit code: 1 if the result falls `short` of anything, 2 if there is none.

    The result is stored under the program's name, as kept only in the command's full form, and is
    the last line. `packages` are those whose versions matter.
    """
    given = parser.parse_args(arguments)
    if os.geteuid() != 0:
        return _without(parser, "this makes network namespaces and loads a program: run it as root")
    signal.signal(signal.SIGTERM, _end)
    where = machine.described(*packages)
    try:
        found = measure(given, Progress())
    except KeyboardInterrupt:
        return 130
    except (AssertionError, OSError, ShipperError) as error:
        return _without(parser, str(error))
    result = {"machine": where, "form": vars(given), **found}
    for table in tables(result):
        printed(table)
    for what in result["short"]:
        sys.stdout.write(f"falls short: {what}\n")
    path = store(parser.prog, result, full=given == parser.parse_args([]))
    sys.stdout.write(f"stored as {path}\n{json.dumps(result)}\n")
    return 1 if result["short"] else 0


def _without(parser: argparse.ArgumentParser, why: str) -> int:
    sys.stderr.write(f"\n{parser.prog}: {why}\n")
    return 2


def _end(_number: int, _frame: FrameType | None) -> None:
    """SIGTERM ends everything in order, as Ctrl-C does."""
    raise SystemExit(143)

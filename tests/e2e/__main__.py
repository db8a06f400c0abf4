"""`python -m e2e`: real parts from a socket to a search engine, a table, and one line of JSON.

Exit code 0 if every exchange is where it belongs, once.
"""

import argparse
import contextlib
import sys

from .account import Account
from .count import MOST
from .host import apart
from .progress import Progress
from .run import ROUNDS, Run
from .stack import PREFIXES, started
from .telling import told
from .traffic import Traffic
from .writer import Writer

#: Requests are asked for by wrk's two threads.
_THREADS = 2


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="e2e", description=__doc__)
    parser.add_argument("--requests", type=int, default=3000, metavar="N", help="in all (3000)")
    parser.add_argument("--idle", type=float, default=30.0, metavar="S", help="seconds (30)")
    given = parser.parse_args()
    each = given.requests // ROUNDS // _THREADS * _THREADS
    if not 0 < each * ROUNDS < MOST:
        parser.error(f"--requests: from {ROUNDS * _THREADS} to {MOST}")
    return told("e2e", "What became of every exchange", lambda: _run(each, given.idle))


def _run(each: int, idle_s: float) -> Account:
    progress = Progress()
    with contextlib.ExitStack() as ends:
        host = ends.enter_context(apart())
        stack = ends.enter_context(started(progress))
        traffic = ends.enter_context(Traffic())
        writer = ends.enter_context(Writer(stack.connect.output, stack.store, PREFIXES))
        return Run(stack, host, traffic, writer, progress).result(each, idle_s)


if __name__ == "__main__":
    sys.exit(main())

"""`python -m detections.live`: attacks among live traffic; a table, and one line of JSON.

Exit code 0 if every one of them is found, once, and ordinary traffic raises nothing.
"""

import argparse
import sys

from e2e.host import apart
from e2e.progress import Progress
from e2e.telling import told

from .account import Account
from .run import Run
from .site import Site
from .stack import started


def main() -> int:
    """Run it; the exit code."""
    parser = argparse.ArgumentParser(prog="e2e-detect", description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=20_000, metavar="N", help="before any attack (20000)"
    )
    parser.add_argument("--rate", type=float, default=120.0, metavar="R", help="a second (120)")
    given = parser.parse_args()
    if given.requests < 1 or given.rate <= 0:
        parser.error("--requests and --rate: more than nothing")
    return told("e2e-detect", "What was found", lambda: _run(given.requests, given.rate))


def _run(requests: int, rate: float) -> Account:
    progress = Progress()
    with apart() as host, started(host, progress) as stack, Site() as site:
        return Run(stack, site, progress).result(requests, rate)


if __name__ == "__main__":
    sys.exit(main())

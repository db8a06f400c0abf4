"""`shipper top`: what the APIs of the records do now, by route, client, User-Agent and host.

    source (topic, this host, file) ──► sample ──► board ──► screen, table or JSON

The terminal library and the sketches are the extra `top`: the agent needs neither.
"""

import argparse
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from shipper.config import Config
from shipper.errors import UnavailableError, UsageError
from shipper.tail import add_filters

_DESCRIPTION: Final = """\
What the APIs do now: requests per second, errors, latency and status by route, client, User-Agent
and host. Errors are statuses from 500 on and requests that nobody answered. A route is a method
and a path whose numbers and ids are folded: GET /users/{id}/orders/{uuid}.
"""
_EPILOG: Final = """\
keys: Tab what is counted by · w window · left, right sort · r reverse · / filter · e with errors
      space pause · Escape all again · q quit

  shipper top --bootstrap-servers kafka:9092      the topic, from now on
  shipper top --since 15m                         and what it already holds of the last 15 minutes
  shipper top --live                              what this host answers, without Kafka (root)
  shipper top --once --json --seconds 30          for scripts: count for 30 s, one JSON object
  shipper top --once --since 5m                   the last 5 minutes of the topic, at once
  shipper replay FILE | shipper top --once --input -    a capture file

Without a terminal a table comes once a second. Ends with 0, or 69 when there is nothing to read
from, 64 when the command line makes no sense, 77 when --live lacks the rights.
"""
_BY: Final = ("routes", "clients", "user-agents", "hosts")
_SORTS: Final = ("rate", "errors", "p50", "p95", "p99")
_WINDOWS: Final = ("10s", "1m", "5m", "15m")
_DURATION: Final = re.compile(r"(\d{1,9})([smhd])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_EXTRA: Final = ("textual", "ddsketch")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper top`."""
    parser.description, parser.epilog = _DESCRIPTION, _EPILOG
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    source = parser.add_argument_group("source (the topic, unless said otherwise)")
    source.add_argument(
        "--live", action="store_true", help="capture on this host; the capture options are run's"
    )
    source.add_argument(
        "--input", type=Path, metavar="FILE", help="records as JSON lines, - for standard input"
    )
    source.add_argument(
        "--since", type=_duration, metavar="AGO", help="begin that long ago, as in 90s, 15m or 2h"
    )
    source.add_argument(
        "--from-beginning", action="store_true", help="begin with the oldest record of the topic"
    )
    add_filters(parser.add_argument_group("filters (each may be given more than once)"))
    view = parser.add_argument_group("view")
    view.add_argument("--window", choices=_WINDOWS, default="10s", help="of the last … (10s)")
    view.add_argument("--by", choices=_BY, default="routes", help="what is counted by (routes)")
    view.add_argument("--sort", choices=_SORTS, default="rate", help="what leads (rate)")
    view.add_argument("--rows", type=int, default=20, help="most rows of a printed table (20)")
    view.add_argument("--once", action="store_true", help="count, print once, and end")
    view.add_argument("--json", action="store_true", help="with --once: one JSON object")
    view.add_argument(
        "--seconds", type=float, metavar="N", help="with --once: how long to count (10)"
    )


def run(args: argparse.Namespace, config: Config) -> int:
    """Show it until the user has seen enough; the exit code."""
    _check(args)
    missing = [name for name in _EXTRA if find_spec(name) is None]
    if missing:
        raise UnavailableError(
            f"`shipper top` needs {' and '.join(missing)}", "pip install 'shipper[top]'"
        )
    from shipper.insight.top import showing  # noqa: PLC0415 - what it imports is an extra

    return showing.show(args, config)


def _check(args: argparse.Namespace) -> None:
    """What excludes what; `UsageError`."""
    if args.json and not args.once:
        raise UsageError("--json is for --once", "shipper top --once --json")
    if sum(map(bool, (args.live, args.input, args.since, args.from_beginning))) > 1:
        raise UsageError("--live, --input, --since and --from-beginning exclude each other")
    past = args.input or args.since or args.from_beginning
    if args.seconds is not None and (not args.once or past):
        raise UsageError(
            "--seconds is for --once and counts from now on", "--since looks back in the topic"
        )
    if args.seconds is not None and not 0 < args.seconds < _UNITS["d"]:
        raise UsageError(f"--seconds {args.seconds:g}: more than none, less than a day")
    if args.rows < 1:
        raise UsageError(f"--rows {args.rows}: at least one")


def _duration(text: str) -> int:
    found = _DURATION.fullmatch(text)
    if found is None or not int(found[1]):
        raise argparse.ArgumentTypeError(f"{text!r} is no time, as in 90s, 15m or 2h")
    return int(found[1]) * _UNITS[found[2]]

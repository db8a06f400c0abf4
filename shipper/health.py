"""`shipper health`: asks the running agent whether it is well; made for a container's HEALTHCHECK.

The exit code says it: 0 it is, 1 it is not, 69 no agent answers.
"""

import argparse
import json

from shipper.asked import ask
from shipper.config import Config

_EPILOG = """\
exit codes: 0 all checks hold; 1 one does not; 69 no agent answers at metrics.listen

  HEALTHCHECK CMD ["shipper", "health"]            alive: a restart would help when not
  shipper health --ready && echo "in the rotation"
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of its own."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument(
        "--ready",
        action="store_true",
        help="ask whether it is attached, draining, with a broker, and its spool not full",
    )
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Ask and say; the exit code."""
    answer = ask(config, "/readyz" if arguments.ready else "/healthz")
    if arguments.json:
        print(json.dumps(answer.told))
    else:
        for name, check in answer.told["checks"].items():
            print(f"{'ok  ' if check['ok'] else 'FAIL'}  {name}: {check['said']}")
    return 0 if answer.ok else 1

"""`shipper watch`: records of the topic, held against rules as they come, become alerts.

What it runs on is no part of the agent (the extra `insight`), so nothing of it is imported here.
"""

import argparse
import warnings
from importlib import import_module
from pathlib import Path

from shipper.config import Config
from shipper.errors import UnavailableError

_DESCRIPTION = """\
Reads the records' topic and writes alerts to kafka.alerts_topic: thresholds, changes, new values,
silence and Sigma rules, as the rules file says (docs/watch.md). Start as many as are needed: they
share the work, and one takes over from another without losing an alert.

Are the rules right?                 shipper watch --rules watch.toml --check
Watch:                               shipper watch --rules watch.toml
What does the topic hold, so far?    shipper watch --rules watch.toml --from-beginning --until-end
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `shipper watch`."""
    parser.description = _DESCRIPTION
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        "--rules",
        type=Path,
        metavar="FILE",
        help="the rules and receivers (/etc/shipper/watch.toml)",
    )
    parser.add_argument(
        "--check", action="store_true", help="read the rules, list them, and do nothing else"
    )
    parser.add_argument(
        "--from-beginning",
        action="store_true",
        help="a group that has read nothing yet begins with the oldest record of the topic",
    )
    parser.add_argument(
        "--until-end",
        "--once",
        action="store_true",
        help="stop when all that is in the topic now has been read and judged",
    )
    parser.add_argument("--json", action="store_true", help="alerts as JSON lines")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Watch until Ctrl-C, SIGTERM or the end; the exit code."""
    try:
        # Quix Streams' serializers of registries warn of one another's age: nothing of ours.
        with warnings.catch_warnings(record=True):
            command = import_module("shipper.insight.watch.command")
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("shipper"):
            raise
        raise UnavailableError(
            f"`shipper watch` needs the extra insight, and {error.name} is not installed",
            "make setup-insight in a checkout, or pip install 'shipper[insight]'",
        ) from None
    code: int = command.run(arguments, config)
    return code

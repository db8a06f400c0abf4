"""`shipper reload`: has the running agent read its configuration anew, and says what came of it."""

import argparse
import json
import os
import signal
import time
from typing import Any, Final

from shipper.asked import ask
from shipper.config import Config
from shipper.errors import ConfigError, PrivilegeError, UnavailableError

_PATIENCE: Final = 30.0
_PAUSE: Final = 0.1

_EPILOG = """\
It changes while running: filters, header lists, redaction, log level. What needs a restart is named
and stays; a configuration that is wrong changes nothing. The agent reads what it was started with:
its file and its environment, not the options given here, which only say where to find the agent.

exit codes: 0 reloaded; 69 no agent answers; 77 the agent is another user's; 78 refused
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of its own."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = _EPILOG
    parser.add_argument("--json", action="store_true", help="for programs")


def run(arguments: argparse.Namespace, config: Config) -> int:
    """Signal the agent and wait for its word; the exit code."""
    told = ask(config, "/healthz").told
    before, pid = _count(told), int(told["pid"])
    try:
        os.kill(pid, signal.SIGHUP)
    except ProcessLookupError:
        raise UnavailableError(
            f"the agent's process {pid} is not seen from here", "run this beside it"
        ) from None
    except PermissionError:
        raise PrivilegeError(
            f"the agent's process {pid} is another user's", "run this as root, or as that user"
        ) from None
    reloads = _outcome(config, before)
    refused = reloads["refused"] > told["reloads"]["refused"]
    if refused and not arguments.json:
        raise ConfigError(reloads["said"])
    print(json.dumps(reloads) if arguments.json else reloads["said"])
    return ConfigError.exit_code if refused else 0


def _outcome(config: Config, before: int) -> dict[str, Any]:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        told = ask(config, "/healthz").told
        if _count(told) > before:
            reloads: dict[str, Any] = told["reloads"]
            return reloads
        time.sleep(_PAUSE)
    raise UnavailableError("the agent has not said what came of it", "look at its log")


def _count(told: dict[str, Any]) -> int:
    return int(told["reloads"]["applied"]) + int(told["reloads"]["refused"])

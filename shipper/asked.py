"""Asks a running agent over `metrics.listen` how it stands; for `shipper health` and `reload`."""

import http.client
import json
from dataclasses import dataclass
from typing import Any, Final

from shipper.config import Config
from shipper.errors import ConfigError, UnavailableError

_TIMEOUT: Final = 5.0
_OK: Final = 200


@dataclass(frozen=True, slots=True)
class Answer:
    """`ok`: what was asked holds; `told` is the whole of what the agent says."""

    ok: bool
    told: dict[str, Any]


def ask(config: Config, path: str) -> Answer:
    """The agent's answer. UnavailableError where there is none, ConfigError where none is made."""
    listen = config.metrics.listen
    if not listen:
        raise ConfigError(
            "metrics.listen is empty: the agent can't be asked", "set it, as in 127.0.0.1:9464"
        )
    host, _, port = listen.rpartition(":")
    connection = http.client.HTTPConnection(_reachable(host), int(port), timeout=_TIMEOUT)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return Answer(response.status == _OK, json.loads(response.read()))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnavailableError(
            f"no agent answers at {listen} ({error})",
            "start it (shipper run), and give this command the same configuration",
        ) from None
    finally:
        connection.close()


def _reachable(host: str) -> str:
    """Who listens everywhere is reached on loopback."""
    bare = host.strip("[]")
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bare, bare)  # noqa: S104 - an address to ask

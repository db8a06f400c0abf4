"""A new configuration beside the one in force -> what a running agent takes over of it.

What shapes records, and what chooses connections and exchanges, changes while it runs. Everything
else has been built into processes, maps, files or connections: it is named, and stays until a
restart.
"""

from dataclasses import dataclass
from functools import reduce
from typing import Any, Final

from shipper.config import Config, keys

#: Keys that change while the agent runs; a table stands for all of its keys.
CHANGEABLE: Final = (
    "capture.include",
    "capture.exclude",
    "record.request_headers",
    "record.response_headers",
    "record.internal_networks",
    "record.trusted_proxies",
    "record.client_headers",
    "privacy",
    "volume",
    "agent.log_level",
)


@dataclass(frozen=True, slots=True)
class Renewed:
    """`config` is the one in force with the keys `changed` taken over; the keys `kept` are not."""

    config: Config
    changed: tuple[str, ...]
    kept: tuple[str, ...]

    @property
    def said(self) -> str:
        """All of it as one line, which names keys and no values."""
        line = f"changed: {', '.join(self.changed)}" if self.changed else "nothing changed"
        if self.kept:
            line += f"; stays as it was until a restart: {', '.join(self.kept)}"
        return line


def renewed(old: Config, new: Config, fixed: frozenset[str] = frozenset()) -> Renewed:
    """What becomes of `old` when `new` is to hold; `fixed` keys can't change on this host."""
    differing = [key for key in keys() if _value(old, key) != _value(new, key)]
    changed = tuple(key for key in differing if _changeable(key) and key not in fixed)
    config = reduce(lambda made, key: _with(made, key, _value(new, key)), changed, old)
    kept = [key for key in differing if key not in changed]
    return Renewed(config, changed, (*kept, *_client_settings(old, new)))


def _changeable(key: str) -> bool:
    return any(key == one or key.startswith(f"{one}.") for one in CHANGEABLE)


def _client_settings(old: Config, new: Config) -> list[str]:
    """Those of librdkafka that differ; files of secrets are read anew by themselves."""
    before, after = dict(old.kafka.settings), dict(new.kafka.settings)
    names = sorted(before.keys() | after.keys())
    return [f"kafka.{name}" for name in names if before.get(name) != after.get(name)]


def _value(config: Config, key: str) -> Any:  # noqa: ANN401 - whatever a key holds
    return reduce(getattr, key.split("."), config)


def _with(section: Any, key: str, value: object) -> Any:  # noqa: ANN401 - any of the tables
    """The same with one key changed; both values were found valid with all beside them."""
    name, _, rest = key.partition(".")
    inner = _with(getattr(section, name), rest, value) if rest else value
    return section.model_copy(update={name: inner})

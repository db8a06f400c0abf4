"""The sources of the configuration, laid over one another.

Defaults < file < environment < flags, key by key: a list of a later source replaces the whole
list of an earlier one. The file is the one given, else `$SHIPPER_CONFIG`, else
/etc/shipper/shipper.toml if it is there.

Environment: `SHIPPER_` and the key in capitals, `__` for each dot between tables
(`SHIPPER_CAPTURE__INCLUDE__PORTS=80,443`); below kafka every further `_` is a dot too, as no
setting of librdkafka has an underscore (`SHIPPER_KAFKA__BOOTSTRAP_SERVERS`).
"""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from shipper.config.model import Config, keys, tables
from shipper.config.problems import explain, unknown_key
from shipper.errors import ConfigError, UsageError

DEFAULT_PATH = Path("/etc/shipper/shipper.toml")

_PREFIX = "SHIPPER_"
_OTHER_VARIABLES = frozenset({"SHIPPER_CONFIG"})

#: Dotted key -> value, and dotted key -> where it was given.
Flat = dict[str, Any]
Origin = dict[str, str]


def load(
    path: str | None = None,
    *,
    environ: Mapping[str, str],
    flags: Mapping[str, Any] | None = None,
    default_path: Path = DEFAULT_PATH,
) -> Config:
    """The configuration; `ConfigError` in one line when any source is wrong.

    `flags` holds dotted keys, values as text or already typed.
    """
    given: Flat = {}
    origin: Origin = {}
    file = find_file(path, environ, default_path)
    sources = [(_flatten(_read(file)), str(file))] if file else []
    for flat, where in [
        *sources,
        *_environment(environ),
        (_from_flags(flags or {}), "the command line"),
    ]:
        for key, value in flat.items():
            _known(key, where)
            given[key] = value
            origin[key] = where
    return _build(given, origin)


def parse_pairs(pairs: Sequence[str]) -> dict[str, str]:
    """`--set capture.hook=interface` and the like, as dotted keys; `UsageError` without a "="."""
    found = {}
    for pair in pairs:
        key, sign, value = pair.partition("=")
        if not sign or not key.strip():
            raise UsageError(
                f"--set {pair.split('=', maxsplit=1)[0]}: KEY=VALUE is needed",
                "as in --set capture.hook=interface",
            )
        found[key.strip()] = value.strip()
    return found


def find_file(path: str | None, environ: Mapping[str, str], default_path: Path) -> Path | None:
    """Which file is read; only the default one may be missing."""
    named = path or environ.get("SHIPPER_CONFIG")
    if named:
        return Path(named)
    return default_path if default_path.exists() else None


def _read(file: Path) -> dict[str, Any]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as e:
        raise ConfigError(
            f"can't read the configuration {file} ({e.strerror})", "check the path and its rights"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{file} is not UTF-8 text", "TOML is always UTF-8") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as e:
        raise ConfigError(f"{file} is no valid TOML", _without_content(str(e))) from None


def _without_content(said: str) -> str:
    """The parser's message; it names characters and places, and never a value."""
    return said[:1].lower() + said[1:]


def _flatten(tree: Mapping[str, Any], prefix: str = "") -> Flat:
    """Dotted keys; `privacy.headers` stays a table, and kafka's nested tables become names."""
    flat: Flat = {}
    for name, value in tree.items():
        dotted = f"{prefix}{name}"
        if isinstance(value, dict) and dotted != "privacy.headers":
            flat.update(_flatten(value, f"{dotted}."))
        else:
            flat[dotted] = value
    return {_kafka_name(key): value for key, value in flat.items()}


def _kafka_name(key: str) -> str:
    """`[kafka.settings]` is another spelling of `[kafka]`."""
    return (
        f"kafka.{key.removeprefix('kafka.settings.')}" if key.startswith("kafka.settings.") else key
    )


def _environment(environ: Mapping[str, str]) -> list[tuple[Flat, str]]:
    found = []
    for name in sorted(environ):
        # Without "__" only a key outside the tables is ours: Kubernetes sets SHIPPER_PORT and
        # the like for a service of that name.
        key = _key_of(name)
        if key is not None and ("." in key or key in keys()):
            found.append(({key: _value(environ[name], key)}, f"${name}"))
    return found


def _key_of(name: str) -> str | None:
    if not name.startswith(_PREFIX) or name in _OTHER_VARIABLES:
        return None
    key = name.removeprefix(_PREFIX).lower().replace("__", ".")
    if key.startswith("kafka.") and key not in keys():
        key = key.replace("_", ".")
    return _kafka_name(key)


def _from_flags(flags: Mapping[str, Any]) -> Flat:
    return {
        _kafka_name(key): _value(value, key) if isinstance(value, str) else value
        for key, value in flags.items()
        if value is not None
    }


def _value(text: str, key: str) -> Any:  # noqa: ANN401 - whatever TOML can say
    """Text of the environment or a flag; an array or inline table may be written as in TOML."""
    if not text.startswith(("[", "{")) or key.startswith("kafka."):
        return text
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _known(key: str, where: str) -> None:
    if key.startswith("kafka.") or key in keys():
        return
    if key.startswith("privacy.headers."):
        return
    if key in tables():
        raise ConfigError(f"{where}: {key} is a table", f"give its keys, below [{key}]")
    raise unknown_key(key, where)


def _build(given: Flat, origin: Origin) -> Config:
    tree: dict[str, Any] = {}
    for key, value in given.items():
        *path, name = _place(key)
        table = tree
        for part in path:
            table = table.setdefault(part, {})
        if isinstance(table, dict):
            table[name] = value
    try:
        return Config.model_validate(tree)
    except ValidationError as e:
        raise explain(e, given, origin) from None


def _place(key: str) -> list[str]:
    if key.startswith("kafka.") and key not in keys():
        return ["kafka", "settings", key.removeprefix("kafka.")]
    if key.startswith("privacy.headers."):
        return ["privacy", "headers", key.removeprefix("privacy.headers.")]
    return key.split(".")

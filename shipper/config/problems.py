"""pydantic's findings as one line for the user: where, which key, what was given, what is allowed.

The value of a secret key is never shown.
"""

import difflib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from shipper.config.model import keys
from shipper.config.secrets import is_secret
from shipper.errors import ConfigError

_SHOWN = 60

#: pydantic's kind of finding -> what is allowed; the names in braces are its context.
_WORDS = {
    "int_parsing": "a whole number is needed",
    "int_type": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_parsing": "a number is needed",
    "float_type": "a number is needed",
    "bool_parsing": "true or false is needed",
    "bool_type": "true or false is needed",
    "string_type": "text is needed",
    "tuple_type": "a list is needed",
    "dict_type": "a table is needed",
    "model_type": "a table is needed",
    "model_attributes_type": "a table is needed",
    "value_error": "{error}",
    "literal_error": "allowed: {expected}",
    "greater_than_equal": "at least {ge} is needed",
    "greater_than": "more than {gt} is needed",
    "less_than_equal": "at most {le} is allowed",
    "too_short": "at least one is needed",
    "string_too_short": "it must not be empty",
    "string_pattern_mismatch": "it has to match {pattern}",
}


def unknown_key(key: str, where: str) -> ConfigError:
    """The error for a key that is none, with the nearest that is."""
    near = nearest(key)
    remedy = f"did you mean {near}?" if near else "docs/configuration.md lists all keys"
    return ConfigError(f"{where}: unknown key {key}", remedy)


def nearest(key: str) -> str | None:
    """The known key that looks most like this one, in its table before elsewhere."""
    known = [*keys(), "kafka.bootstrap.servers"]
    table = key.rpartition(".")[0]
    beside = [name for name in known if name.rpartition(".")[0] == table]
    for names in (beside, known):
        if found := difflib.get_close_matches(key, names, n=1, cutoff=0.7):
            return found[0]
    # A key that only misses its table.
    name = key.rpartition(".")[2]
    same = [k for k in known if k.rpartition(".")[2] == name]
    return same[0] if same else None


def explain(
    error: ValidationError, given: Mapping[str, Any], origin: Mapping[str, str]
) -> ConfigError:
    """The first finding in one line, and how many more there are."""
    findings = error.errors(include_url=False)
    first = findings[0]
    key = _key(first, given)
    where = origin.get(key) or _where_table(key, origin)
    told = f"{key}: {_shown(key, first, given)}{_allowed(first)}" if key else _allowed(first)
    others = len({_key(finding, given) for finding in findings}) - 1
    more = f" (and {others} more)" if others else ""
    return ConfigError(f"{where}: {told}{more}" if where else f"{told}{more}")


def _key(finding: ErrorDetails, given: Mapping[str, Any]) -> str:
    """The longest known key at the beginning of pydantic's location."""
    parts = [str(part) for part in finding["loc"]]
    if parts[:2] == ["kafka", "settings"]:
        return "kafka"
    for end in range(len(parts), 0, -1):
        dotted = ".".join(parts[:end])
        if dotted in given or dotted in keys():
            return dotted
    return ".".join(parts)


def _where_table(key: str, origin: Mapping[str, str]) -> str:
    """The source of a key below `key`, for findings about a whole table."""
    return next((where for name, where in origin.items() if name.startswith(f"{key}.")), "")


def _shown(key: str, finding: ErrorDetails, given: Mapping[str, Any]) -> str:
    if is_secret(key) or key not in given:
        return ""
    value = finding["input"] if isinstance(finding["input"], str | int | float) else given[key]
    text = repr(value) if not isinstance(value, str) else f'"{value}"'
    text = "".join(c if c.isprintable() else "?" for c in text)
    return f"got {text if len(text) <= _SHOWN else text[:_SHOWN] + '...'}, "


def _allowed(finding: ErrorDetails) -> str:
    kind, context = finding["type"], finding.get("ctx", {})
    words = _WORDS.get(kind)
    if words is None:
        return finding["msg"]
    return words.format(**{name: str(value).replace("'", "") for name, value in context.items()})

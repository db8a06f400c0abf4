"""Sigma rules -> what says of a record whether they fit.

pySigma reads the rules and parses their conditions; what comes out is walked once, and each leaf
becomes a test of one field. The mapping of fields is the one that the stores' queries are made
with (config/detections/fields.yml).
"""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, NamedTuple

import yaml
from sigma.collection import SigmaCollection
from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from shipper.errors import ConfigError
from shipper.insight.watch.fields import Record, at

Test = Callable[[Record], bool]
#: Of one value of a field.
_Value = Callable[[Any], bool]

#: In a map of headers, the names as they came: no header's value.
_NAMES: Final = "@names"
_LEVELS: Final = {"informational": "info"}
_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "LT": lambda found, wanted: found < wanted,
    "LTE": lambda found, wanted: found <= wanted,
    "GT": lambda found, wanted: found > wanted,
    "GTE": lambda found, wanted: found >= wanted,
    "NEQ": lambda found, wanted: found != wanted,
}


class Detection(NamedTuple):
    """One Sigma rule; `severity` as alerts have it."""

    id: str
    title: str
    description: str
    reference: str
    severity: str
    version: str
    fits: Test


def detections(path: Path, fields: Path) -> list[Detection]:
    """The rules of a file or a folder, by name; `ConfigError` for one that can't be read."""
    mapping = _mapping(fields)
    files = sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]) if path.is_dir() else [path]
    found = [one for file in files for one in _read(file, mapping)]
    if not found:
        raise ConfigError(f"no Sigma rule in {path}", "give a rule file or a folder of them")
    return found


def _mapping(path: Path) -> Mapping[str, tuple[str, ...]]:
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        said = e.strerror if isinstance(e, OSError) else "no valid YAML"
        raise ConfigError(f"can't read the mapping of fields {path} ({said})") from None
    if not isinstance(given, dict):
        raise ConfigError(f"{path} is no mapping", 'a line is "cs-method: http.request.method"')
    return {str(name): tuple(str(field).split(".")) for name, field in given.items()}


def _read(path: Path, mapping: Mapping[str, tuple[str, ...]]) -> Iterator[Detection]:
    try:
        rules = SigmaCollection.from_yaml(path.read_text("utf-8")).rules
    except OSError as e:
        raise ConfigError(f"can't read the Sigma rule {path} ({e.strerror})") from None
    except (SigmaError, yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is no valid Sigma rule", " ".join(str(e).split())) from None
    for rule in rules:
        if isinstance(rule, SigmaRule):  # correlations are what `threshold` rules are for
            yield _detection(rule, path, mapping)


def _detection(rule: SigmaRule, path: Path, mapping: Mapping[str, tuple[str, ...]]) -> Detection:
    try:
        tests = [_test(parsed.parsed, mapping) for parsed in rule.detection.parsed_condition]
    except SigmaError as e:
        raise ConfigError(f"{path}: the condition makes no sense", str(e)) from None
    except _Unknown as e:
        raise ConfigError(f"{path}: {e}") from None
    level = str(rule.level).lower() if rule.level else "medium"
    return Detection(
        str(rule.id or path.stem),
        rule.title,
        str(rule.description or ""),
        str(rule.references[0]) if rule.references else "",
        _LEVELS.get(level, level),
        str(rule.modified or rule.date or ""),
        lambda record: any(test(record) for test in tests),
    )


class _Unknown(Exception):  # noqa: N818 - ours alone, and turned into ConfigError above
    """Something of Sigma that is not evaluated here."""


def _test(part: Any, mapping: Mapping[str, tuple[str, ...]]) -> Test:  # noqa: ANN401 - pySigma's
    if isinstance(part, ConditionFieldEqualsValueExpression):
        return _leaf(part.field, part.value, mapping)
    if isinstance(part, ConditionOR | ConditionAND | ConditionNOT):
        tests = [_test(argument, mapping) for argument in part.args]
        if isinstance(part, ConditionOR):
            return lambda record: any(test(record) for test in tests)
        if isinstance(part, ConditionAND):
            return lambda record: all(test(record) for test in tests)
        return lambda record: not tests[0](record)
    raise _Unknown("keywords without a field are not evaluated: name a field, as in c-uri")


def _leaf(field: str, wanted: object, mapping: Mapping[str, tuple[str, ...]]) -> Test:
    path = mapping.get(field)
    if path is None:
        raise _Unknown(f"the field {field} is not in the mapping")
    if isinstance(wanted, SigmaExists):
        there = bool(wanted)
        return lambda record: (at(record, path) is not None) == there
    if isinstance(wanted, SigmaNull):
        return lambda record: at(record, path) is None
    fits = _value(wanted)
    return lambda record: any(fits(found) for found in _values(at(record, path)))


def _values(found: Any) -> Iterator[Any]:  # noqa: ANN401 - whatever JSON can say
    """Each value of a list; of a map, each value of each of its lists."""
    if isinstance(found, list):
        yield from found
    elif isinstance(found, dict):
        for name, inner in found.items():
            if name != _NAMES:
                yield from _values(inner)
    elif found is not None:
        yield found


def _value(wanted: object) -> _Value:  # noqa: PLR0911 - one for each of Sigma's types
    """What compares one value as Sigma says: texts without case unless `cased`."""
    match wanted:
        case SigmaCasedString():
            return _text(wanted, str)
        case SigmaString():
            return _text(wanted, str.lower)
        case SigmaCompareExpression():
            compare, number = _OPERATORS[wanted.op.name], float(wanted.number.number)
            return lambda found: _is_number(found) and compare(found, number)
        case SigmaNumber():
            plain = wanted.number
            return lambda found: found == plain or found == str(plain)
        case SigmaBool():
            true = bool(wanted)
            return lambda found: found is true
        case SigmaRegularExpression():
            search = re.compile(str(wanted.regexp.original), _flags(wanted)).search
            return lambda found: search(str(found)) is not None
        case SigmaCIDRExpression():
            return lambda found: _inside(found, wanted)
        case _:
            raise _Unknown(f"{type(wanted).__name__} is not evaluated")


def _is_number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _flags(wanted: SigmaRegularExpression) -> int:
    flags = 0
    for flag in wanted.flags:
        flags |= wanted.sigma_to_python_flags[flag]
    return flags


def _inside(found: object, wanted: SigmaCIDRExpression) -> bool:
    try:
        return ip_address(str(found)) in wanted.network
    except ValueError:
        return False


def _text(wanted: SigmaString, fold: Callable[[str], str]) -> _Value:
    """Texts with wildcards; what is only contained, begun or ended with needs no expression."""
    match wanted.s:
        case (str(plain),):
            word = fold(plain)
            return lambda found: fold(str(found)) == word
        case (SpecialChars.WILDCARD_MULTI, str(plain), SpecialChars.WILDCARD_MULTI):
            word = fold(plain)
            return lambda found: word in fold(str(found))
        case (str(plain), SpecialChars.WILDCARD_MULTI):
            word = fold(plain)
            return lambda found: fold(str(found)).startswith(word)
        case (SpecialChars.WILDCARD_MULTI, str(plain)):
            word = fold(plain)
            return lambda found: fold(str(found)).endswith(word)
        case parts:
            full = re.compile("".join(_pattern(part, fold) for part in parts), re.DOTALL).fullmatch
            return lambda found: full(fold(str(found))) is not None


def _pattern(part: object, fold: Callable[[str], str]) -> str:
    if isinstance(part, str):
        return re.escape(fold(part))
    if part is SpecialChars.WILDCARD_MULTI:
        return ".*"
    if part is SpecialChars.WILDCARD_SINGLE:
        return "."
    raise _Unknown("placeholders are not evaluated: write out what they stand for")

"""Sigma rules -> what says of a record whether they fit, and how many that do are too many.

pySigma reads the rules and parses their conditions. The mapping of fields is the one that the
stores' queries are made with (config/detections/fields.yml).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import yaml
from sigma.collection import SigmaCollection
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from shipper.errors import ConfigError
from shipper.insight.watch.conditions import Fields, Test, UnknownError, compiled, place
from shipper.insight.watch.slots import VALUES

_Rule = SigmaRule | SigmaCorrelationRule

_SECOND: Final = 1000
_LEVELS: Final = {"informational": "info"}
#: What a condition adds to its number to be the least that fits.
_LEAST: Final = {"GTE": 0, "GT": 1}
_COUNTED: Final = (SigmaCorrelationType.EVENT_COUNT, SigmaCorrelationType.VALUE_COUNT)


class Counted(NamedTuple):
    """What a correlation counts: in so many ms, for each of `by` apart, at least `least`.

    Records, or the different values of a field where `of` names one; fields are dotted paths.
    """

    span: int
    by: tuple[str, ...]
    least: int
    of: str


class Detection(NamedTuple):
    """One Sigma rule; `severity` as alerts have it, `counted` only of a correlation."""

    id: str
    title: str
    description: str
    reference: str
    severity: str
    version: str
    fits: Test
    counted: Counted | None = None


def detections(path: Path, fields: Path) -> list[Detection]:
    """The rules of a file or a folder, by name; `ConfigError` for one that can't be read.

    What a correlation counts raises nothing by itself unless the correlation says `generate`.
    """
    mapping = _mapping(fields)
    files = sorted([*path.rglob("*.yml"), *path.rglob("*.yaml")]) if path.is_dir() else [path]
    read = [(rule, file) for file in files for rule in _read(file)]
    counting = [rule for rule, _ in read if isinstance(rule, SigmaCorrelationRule)]
    quiet = {id(one) for rule in counting for one in _counts(rule) if not rule.generate}
    found = [_made(rule, file, mapping) for rule, file in read if id(rule) not in quiet]
    if not found:
        raise ConfigError(f"no Sigma rule in {path}", "give a rule file or a folder of them")
    return found


def _mapping(path: Path) -> Fields:
    try:
        given = yaml.safe_load(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        said = e.strerror if isinstance(e, OSError) else "no valid YAML"
        raise ConfigError(f"can't read the mapping of fields {path} ({said})") from None
    if not isinstance(given, dict):
        raise ConfigError(f"{path} is no mapping", 'a line is "cs-method: http.request.method"')
    return {str(name): tuple(str(field).split(".")) for name, field in given.items()}


def _read(path: Path) -> Iterator[_Rule]:
    try:
        rules = SigmaCollection.from_yaml(path.read_text("utf-8")).rules
    except OSError as e:
        raise ConfigError(f"can't read the Sigma rule {path} ({e.strerror})") from None
    except (SigmaError, yaml.YAMLError, UnicodeDecodeError) as e:
        raise ConfigError(f"{path} is no valid Sigma rule", " ".join(str(e).split())) from None
    for rule in rules:
        if isinstance(rule, SigmaRule | SigmaCorrelationRule):
            yield rule


def _counts(rule: SigmaCorrelationRule) -> list[_Rule]:
    """The rules that a correlation counts."""
    return [one.rule for one in rule.rules or ()]


def _made(rule: _Rule, path: Path, fields: Fields) -> Detection:
    try:
        if isinstance(rule, SigmaRule):
            return Detection(*_about(rule, path), _fits(rule, fields))
        return Detection(*_about(rule, path), _any_fits(rule, fields), _counted(rule, fields))
    except SigmaError as e:
        raise ConfigError(f"{path}: the condition makes no sense", str(e)) from None
    except UnknownError as e:
        raise ConfigError(f"{path}: {e}") from None


def _counted(rule: SigmaCorrelationRule, fields: Fields) -> Counted:
    condition = rule.condition
    if rule.type not in _COUNTED or not isinstance(condition, SigmaCorrelationCondition):
        raise UnknownError("correlations are evaluated of type event_count and value_count")
    if condition.op.name not in _LEAST or condition.count != int(condition.count):
        raise UnknownError("of a correlation's conditions gte and gt are evaluated")
    if rule.aliases:
        raise UnknownError("aliases of a correlation are not evaluated")
    least = int(condition.count) + _LEAST[condition.op.name]
    of = condition.fieldref if rule.type is SigmaCorrelationType.VALUE_COUNT else None
    if isinstance(of, list):
        raise UnknownError("a correlation counts the values of one field")
    if of and least > VALUES:
        raise UnknownError(f"a correlation tells {VALUES} values apart at most")
    by = tuple(".".join(place(name, fields)) for name in rule.group_by or ())
    named = ".".join(place(of, fields)) if of else ""
    return Counted(rule.timespan.seconds * _SECOND, by, least, named)


def _about(rule: _Rule, path: Path) -> tuple[str, str, str, str, str, str]:
    level = str(rule.level).lower() if rule.level else "medium"
    return (
        str(rule.id or path.stem),
        rule.title,
        str(rule.description or ""),
        str(rule.references[0]) if rule.references else "",
        _LEVELS.get(level, level),
        str(rule.modified or rule.date or ""),
    )


def _fits(rule: SigmaRule, fields: Fields) -> Test:
    return _any([compiled(one.parsed, fields) for one in rule.detection.parsed_condition])


def _any_fits(rule: SigmaCorrelationRule, fields: Fields) -> Test:
    rules = [one for one in _counts(rule) if isinstance(one, SigmaRule)]
    if len(rules) < len(_counts(rule)):
        raise UnknownError("a correlation of correlations is not evaluated")
    return _any([_fits(one, fields) for one in rules])


def _any(tests: list[Test]) -> Test:
    return lambda record: any(test(record) for test in tests)

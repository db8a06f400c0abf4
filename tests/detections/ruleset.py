"""The files of config/detections in; pySigma's rules out, and what Sigma's fields are here."""

from collections.abc import Iterator
from pathlib import Path

import yaml
from consumers.contracts import RECORD, ROOT, Json, newest
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

DETECTIONS = ROOT / "config" / "detections"
#: Rules of one event each, and rules of many with what they count.
RULES = DETECTIONS / "rules"
CORRELATIONS = DETECTIONS / "correlations"


def fields() -> dict[str, str]:
    """Sigma's name -> the record's, dotted."""
    read: dict[str, str] = yaml.safe_load((DETECTIONS / "fields.yml").read_text("utf-8"))
    return read


def lists() -> frozenset[str]:
    """The record's fields that are lists; `a.b.*` stands for every key of a map of lists."""
    return frozenset(_lists(newest(RECORD), newest(RECORD), ""))


def is_list(path: str) -> bool:
    """Whether a record's field is a list."""
    known = lists()
    return path in known or f"{path.rpartition('.')[0]}.*" in known


def _lists(part: Json, schema: Json, prefix: str) -> Iterator[str]:
    for name, field in part["properties"].items():
        at = prefix + name
        if "$ref" in field:
            inner = schema["$defs"][field["$ref"].rpartition("/")[2]]
            yield from _lists(inner, schema, f"{at}.")
        elif field.get("type") == "array":
            yield at
        elif _is_map_of_lists(field):
            yield f"{at}.*"


def _is_map_of_lists(field: Json) -> bool:
    more = field.get("additionalProperties")
    return isinstance(more, dict) and more.get("type") == "array"


def rules() -> dict[str, SigmaRule]:
    """File name without .yml -> rule."""
    found: dict[str, SigmaRule] = {}
    for path in sorted(RULES.glob("*.yml")):
        (rule,) = loaded(path)
        assert isinstance(rule, SigmaRule), path.name
        found[path.stem] = rule
    return found


def correlations() -> dict[str, tuple[SigmaRule, SigmaCorrelationRule]]:
    """File name without .yml -> what is counted, and the rule that counts it."""
    found: dict[str, tuple[SigmaRule, SigmaCorrelationRule]] = {}
    for path in sorted(CORRELATIONS.glob("*.yml")):
        counted, counting = loaded(path)
        assert isinstance(counted, SigmaRule), path.name
        assert isinstance(counting, SigmaCorrelationRule), path.name
        found[path.stem] = counted, counting
    return found


def loaded(path: Path) -> list[SigmaRule | SigmaCorrelationRule]:
    """The rules of one file, in its order.

    What they refer to is not resolved: a rule that another counts would no longer be converted.
    """
    found: list[SigmaRule | SigmaCorrelationRule] = []
    for rule in SigmaCollection.load_ruleset([path], resolve_references=False).rules:
        assert isinstance(rule, SigmaRule | SigmaCorrelationRule)
        found.append(rule)
    return found

"""The rules themselves: sound by Sigma's own validators, complete, and readable by anybody."""

import re
from pathlib import Path
from uuid import UUID

import pytest
import yaml
from consumers.contracts import RECORD, newest
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule
from sigma.validation import SigmaValidator
from sigma.validators.core import validators

from .bursts import FOUND
from .cases import cases, written
from .elastic import know_attack
from .ruleset import CORRELATIONS, DETECTIONS, RULES, correlations, fields, rules

#: What those who evaluate the rules on the stream understand too.
_MODIFIERS = {"contains", "startswith", "endswith", "re", "all", "cased", "cidr", "exists"} | {
    "gt", "gte", "lt", "lte",
}  # fmt: skip
_FILES = sorted([*RULES.glob("*.yml"), *CORRELATIONS.glob("*.yml")])
#: It would fetch a list of D3FEND, of which no rule speaks.
_LEFT_OUT = {"d3_fendtag"}


def test_sigmas_validators() -> None:
    """All of pySigma's own have nothing to say."""
    know_attack()
    chosen = [kind for name, kind in validators.items() if name not in _LEFT_OUT]
    assert len(chosen) > 25
    collection = SigmaCollection.load_ruleset([RULES, CORRELATIONS])
    assert len(collection.rules) == len(rules()) + 2 * len(correlations())
    assert SigmaValidator(chosen).validate_rules(iter(collection)) == []  # type: ignore[arg-type]


def test_a_validator_speaks() -> None:
    """What is wrong with a rule would be said."""
    know_attack()
    text = (RULES / "web_null_byte.yml").read_text("utf-8")
    wrong = SigmaCollection.from_yaml(text.replace("attack.t1190", "attack.t9999"))
    assert SigmaValidator([validators["attacktag"]]).validate_rules(iter(wrong))  # type: ignore[arg-type]


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_complete(path: Path) -> None:
    """Each has what an analyst needs, and no UUID that says when it was made."""
    for rule in SigmaCollection.load_ruleset([path]).rules:
        assert isinstance(rule, SigmaRule | SigmaCorrelationRule)
        assert isinstance(rule.id, UUID)
        assert rule.id.version == 4
        assert rule.description
        assert rule.level is not None
        assert rule.date is not None
        assert rule.references
        assert rule.falsepositives
        counted = isinstance(rule, SigmaRule) and path.parent == CORRELATIONS
        assert counted or any(re.fullmatch(r"t\d{4}(\.\d{3})?", tag.name) for tag in rule.tags)


@pytest.mark.parametrize("path", _FILES, ids=lambda path: path.stem)
def test_plain_sigma(path: Path) -> None:
    """Only mapped fields and agreed modifiers; expressions mean the same searched or matched."""
    for document in yaml.safe_load_all(path.read_text("utf-8")):
        for selection in document.get("detection", {}).values():
            if isinstance(selection, str):
                continue  # the condition
            for key, value in selection.items():
                name, *modifiers = key.split("|")
                assert name in fields()
                assert set(modifiers) <= _MODIFIERS
                if "re" in modifiers:
                    for one in value if isinstance(value, list) else [value]:
                        assert one.startswith(".*")
                        assert one.endswith(".*")


def test_fields_are_the_records() -> None:
    """Each stands in the schema of the newest version, or is a key of a map there."""
    known = set(_dotted(newest(RECORD)))
    for path in fields().values():
        assert path in known or path.rpartition(".")[0] in known, path
    assert (DETECTIONS / "fields.yml").is_file()


def _dotted(schema: dict[str, object], part: object = None, prefix: str = "") -> list[str]:
    part = schema if part is None else part
    found: list[str] = []
    for name, field in part["properties"].items():  # type: ignore[index]
        found.append(prefix + name)
        if "$ref" in field:
            inner = schema["$defs"][field["$ref"].rpartition("/")[2]]  # type: ignore[index]
            found += _dotted(schema, inner, f"{prefix}{name}.")
    return found


def test_every_rule_has_cases() -> None:
    """At least two that it finds and one that it doesn't, and ordinary traffic for all of them."""
    assert set(written()) == set(rules())
    for name, kinds in written().items():
        assert len(kinds["hits"]) >= (1 if name == "web_userinfo_in_target" else 2), name
        assert kinds["misses"], name
    assert set(FOUND) == set(correlations())
    assert len(rules()) + len(correlations()) >= 24
    assert sum(case.written == "ordinary" for case in cases()) > 200

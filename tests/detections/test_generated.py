"""What is checked in is what the rules give."""

import json

from consumers.contracts import ROOT

from .generate import ELASTIC, MONITORS, files
from .ruleset import correlations, rules


def test_as_generated() -> None:
    """No file is behind the rules, none is missing, none is left over."""
    made = files()
    there = {name: (ROOT / name).read_text("utf-8") for name in made if (ROOT / name).exists()}
    left = {str(p.relative_to(ROOT)) for p in (ROOT / MONITORS).iterdir()} - set(made)
    due = sorted(name for name in made if there.get(name) != made[name])
    assert not due, "run `make detections`"
    assert not left, "run `make detections`"


def test_every_rule_everywhere() -> None:
    """Each rule is one monitor and one line for Elastic, under its own id."""
    ids = {str(rule.id) for rule in rules().values()}
    ids |= {str(counting.id) for _, counting in correlations().values()}
    lines = (ROOT / ELASTIC).read_text("utf-8").splitlines()
    assert {json.loads(line)["rule_id"] for line in lines} == ids
    triggers = [
        trigger
        for path in (ROOT / MONITORS).iterdir()
        for one in json.loads(path.read_text("utf-8"))["triggers"]
        for trigger in one.values()
    ]
    assert {trigger["id"] for trigger in triggers} == ids
    assert {trigger["severity"] for trigger in triggers} <= {"1", "2", "3", "4", "5"}

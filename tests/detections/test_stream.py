"""`shipper watch` evaluates the same rules on the stream: it finds what the stores find."""

from shipper.insight.watch.sigma import detections

from .cases import cases
from .ruleset import DETECTIONS, RULES, rules


def test_the_stream_finds_the_same() -> None:
    """For every case, ordinary traffic among them: the rules that have to find it, and no other."""
    names = {str(rule.id): name for name, rule in rules().items()}
    watched = detections(RULES, DETECTIONS / "fields.yml")
    assert len(watched) == len(names)
    wrong = {
        case.written: found ^ case.rules
        for case in cases()
        if (found := {names[one.id] for one in watched if one.fits(case.record)}) != case.rules
    }
    assert not wrong

"""`shipper watch` evaluates the same rules on the stream: it finds what the stores find."""

from pathlib import Path

import pytest
from insight.memory import Store

from shipper.errors import ConfigError
from shipper.insight.watch.observe import Observer
from shipper.insight.watch.settings import Settings
from shipper.insight.watch.shard import Shard
from shipper.insight.watch.sigma import detections
from shipper.insight.watch.watched import watched

from .bursts import FOUND, bursts
from .cases import cases
from .ruleset import CORRELATIONS, DETECTIONS, RULES, correlations, rules
from .traffic import BEGIN, MS, SECOND, records

_FIELDS = DETECTIONS / "fields.yml"


def test_the_stream_finds_the_same() -> None:
    """For every case, ordinary traffic among them: the rules that have to find it, and no other."""
    names = {str(rule.id): name for name, rule in rules().items()}
    watched = detections(RULES, _FIELDS)
    assert len(watched) == len(names)
    wrong = {
        case.written: found ^ case.rules
        for case in cases()
        if (found := {names[one.id] for one in watched if one.fits(case.record)}) != case.rules
    }
    assert not wrong


def test_correlations_find_the_same() -> None:
    """Of the groups on both sides of each threshold those that the stores find, each once."""
    rule = {"id": "all", "kind": "sigma", "path": str(CORRELATIONS), "mute": "1h"}
    ready = watched(Settings.model_validate({"rule": [rule]}), Path())
    observer, shard = Observer(ready), Shard({r.id: r for r in ready}, 0, 1000)
    stores: dict[int, Store] = {}
    for record in records(bursts()):
        for seen in observer.observations(record):
            shard.take(seen, stores.setdefault(seen["shard"], Store()))
    over = (BEGIN + 1200 * SECOND) // MS
    raised = [one for store in stores.values() for one in shard.known(over, store)]
    names = {str(counting.id): name for name, (_, counting) in correlations().items()}
    assert sorted((names[one.rule], one.group) for one in raised) == sorted(
        (name, (group,)) for name, group in FOUND.items()
    )
    assert all(len(one.evidence) >= 20 for one in raised)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("type: event_count", "type: temporal"), "of type event_count and value_count"),
        (("gte: 20", "lt: 20"), "gte and gt"),
        (
            ("        - server_error\n", "        - no_such\n"),
            "no valid Sigma rule: Rule 'no_such' not found",
        ),
        (("- cs-host", "- cs-hosts"), "the field cs-hosts is not in the mapping"),
    ],
    ids=lambda given: given[1] if isinstance(given, tuple) else "",
)
def test_what_is_not_evaluated_is_said(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    """A correlation that would be understood in another way, or not at all, is refused."""
    text = (CORRELATIONS / "burst_server_errors.yml").read_text("utf-8")
    assert change[0] in text
    (tmp_path / "rule.yml").write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=said):
        detections(tmp_path, _FIELDS)

"""Sigma rules in; saved searches of Splunk out, which use the fields of the add-on TA-shipper.

Queries are pySigma's, correlations among them. A list of the record is `name{}` in Splunk. What
stands in any header can't be asked for by a field there: it is looked for in the whole event.
"""

import copy
import json
from typing import ClassVar

from sigma.backends.splunk.splunk import SplunkBackend
from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation
from sigma.rule import SigmaRule

from .ruleset import fields, is_list

#: How often a search runs, how far it looks back, and how long an alert is not repeated (minutes).
EVERY_MINUTES, BACK_MINUTES, SILENT_MINUTES = 5, 10, 15
_RECORDS = "`shipper_exchanges`"
_SEVERITY = {"INFORMATIONAL": 1, "LOW": 2, "MEDIUM": 3, "HIGH": 4, "CRITICAL": 5}


class _Backend(SplunkBackend):
    """A record that was delivered twice is counted once."""

    default_correlation_query: ClassVar[dict[str, str]] = {  # type: ignore[assignment]
        "stats": "{search}\n| ONCE\n{aggregate}\n{condition}"
    }


def splunk_field(path: str) -> str:
    """What Splunk calls a record's field."""
    if path == fields()["cs-headers"]:
        return "_raw"
    return f"{path}{{}}" if is_list(path) else path


def pipeline() -> ProcessingPipeline:
    """Our fields; Splunk's search regards no case by itself."""
    mapping: dict[str | None, str | list[str]] = {
        n: splunk_field(path) for n, path in fields().items()
    }
    return ProcessingPipeline(
        name="shipper: records in Splunk",
        items=[ProcessingItem(FieldMappingTransformation(mapping))],
    )


def query(*rules: SigmaRule | SigmaCorrelationRule) -> str:
    """A search on one line: of one rule, or of a correlation that comes after what it counts."""
    # A conversion changes the rules that it is given.
    collection = SigmaCollection(copy.deepcopy(list(rules)))
    collection.resolve_rule_references()
    (converted,) = _Backend(pipeline()).convert(collection)
    # A backquote in an expression would call a macro.
    converted = converted.replace("`", r"\x60").replace("ONCE", "`shipper_once`")
    return " ".join(f"{_RECORDS} {converted}".split("\n"))


def saved_search(*rules: SigmaRule | SigmaCorrelationRule) -> str:
    """One stanza of savedsearches.conf."""
    rule = rules[-1]
    assert rule.level is not None
    settings = {
        "description": str(rule.description),
        "search": query(*rules),
        "cron_schedule": f"*/{EVERY_MINUTES} * * * *",
        "dispatch.earliest_time": f"-{_back(rule)}m@m",
        "dispatch.latest_time": "now",
        "enableSched": "0",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "alert.severity": str(_SEVERITY[rule.level.name]),
        "alert.suppress": "1",
        "alert.suppress.fields": ",".join(_silenced_by(rule)),
        "alert.suppress.period": f"{SILENT_MINUTES}m",
        "alert.track": "1",
        "alert.digest_mode": "0",
        "action.correlationsearch.annotations": _annotations(rule),
    }
    lines = "".join(f"{name} = {value}\n" for name, value in settings.items())
    return f"[Shipper - {rule.title}]\n{lines}"


def _back(rule: SigmaRule | SigmaCorrelationRule) -> int:
    """Minutes; of a correlation the period before too, for it counts in fixed ones."""
    if isinstance(rule, SigmaCorrelationRule):
        return max(BACK_MINUTES, 2 * rule.timespan.seconds // 60)
    return BACK_MINUTES


def _silenced_by(rule: SigmaRule | SigmaCorrelationRule) -> list[str]:
    """What one alert is about: a record, or a group."""
    if isinstance(rule, SigmaCorrelationRule):
        return [fields()[name] for name in rule.group_by or ()]
    return ["event.id"]


def _annotations(rule: SigmaRule | SigmaCorrelationRule) -> str:
    """Techniques, as Splunk Enterprise Security reads them."""
    techniques = [tag.name.upper() for tag in rule.tags if tag.name.startswith("t1")]
    return json.dumps({"mitre_attack": techniques, "sigma": [str(rule.id)]})

"""Sigma rules in; monitors of OpenSearch's alerting plugin out, each the body of one POST.

Query and frame of a monitor of one rule are pySigma's (its format `monitor_rule`); what that leaves
open is added here: the time that is looked at, and the trigger in the plugin's present form. The
backend converts no correlations, so those monitors are made from a template of ours: the query of
what is counted is pySigma's, groups and threshold are a bucket-level monitor's.
https://docs.opensearch.org/latest/observing-your-data/alerting/
"""

from typing import cast

from consumers.contracts import Json
from sigma.backends.opensearch.opensearch import OpensearchLuceneBackend
from sigma.conversion.state import ConversionState
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)
from sigma.rule import SigmaRule

from .ruleset import fields
from .stores import INDEX, pipeline

#: How often a monitor runs, and how far it looks back: what arrives later than that is not seen.
EVERY_MINUTES, BACK_MINUTES = 1, 5
_OPERATORS = {"GT": ">", "GTE": ">=", "LT": "<", "LTE": "<=", "EQ": "==", "NEQ": "!="}
_PLUGIN = frozenset({"type", "name", "description", "enabled", "schedule", "inputs", "triggers"})
#: Groups that one run may look at in one page.
_PAGE = 1000


def monitor(rule: SigmaRule) -> Json:
    """A query-level monitor: one record that matches is an alert."""
    body = _frame(rule, query(rule))
    body["monitor_type"] = "query_level_monitor"
    search = body["inputs"][0]["search"]["query"]
    search["size"] = 10
    search["query"]["bool"]["filter"] = [_window(BACK_MINUTES * 60)]
    body["triggers"] = [{"query_level_trigger": body["triggers"][0]}]
    return body


def counting_monitor(counted: SigmaRule, counting: SigmaCorrelationRule) -> Json:
    """A bucket-level monitor: each group beyond the threshold is an alert of its own."""
    body = _frame(counting, query(counted))
    body["monitor_type"] = "bucket_level_monitor"
    search = body["inputs"][0]["search"]["query"]
    search["size"] = 0
    search["query"]["bool"]["filter"] = [_window(counting.timespan.seconds)]
    search["aggregations"] = {"groups": _groups(counting)}
    trigger = body["triggers"][0] | {"condition": _condition(counting)}
    body["triggers"] = [{"bucket_level_trigger": trigger}]
    return body


def query(rule: SigmaRule) -> str:
    """In Lucene's syntax."""
    (converted,) = OpensearchLuceneBackend(pipeline()).convert_rule(rule)
    return str(converted)


def _frame(rule: SigmaRule | SigmaCorrelationRule, converted: str) -> Json:
    backend = OpensearchLuceneBackend(
        pipeline(), index_names=[INDEX], monitor_interval=EVERY_MINUTES
    )
    state = ConversionState()
    made: Json = backend.finalize_query_monitor_rule(cast("SigmaRule", rule), converted, 0, state)
    body = {name: made[name] for name in made if name in _PLUGIN} | {"name": rule.title}
    trigger = body["triggers"][0]
    trigger |= {"id": str(rule.id), "name": rule.title, "severity": str(trigger["severity"])}
    return body


def _window(seconds: int) -> Json:
    """The plugin fills in the end of the period."""
    limits = {"gt": f"{{{{period_end}}}}||-{seconds}s", "lte": "{{period_end}}"}
    return {"range": {"@timestamp": {**limits, "format": "epoch_millis"}}}


def _groups(counting: SigmaCorrelationRule) -> Json:
    names = [fields()[name] for name in counting.group_by or ()]
    sources = [{name: {"terms": {"field": name}}} for name in names]
    groups: Json = {"composite": {"size": _PAGE, "sources": sources}}
    if counting.type is SigmaCorrelationType.VALUE_COUNT:
        groups["aggregations"] = {"values": {"cardinality": {"field": counted_field(counting)}}}
    return groups


def _condition(counting: SigmaCorrelationRule) -> Json:
    assert isinstance(counting.condition, SigmaCorrelationCondition)
    values = counting.type is SigmaCorrelationType.VALUE_COUNT
    operator = _OPERATORS[counting.condition.op.name]
    return {
        "parent_bucket_path": "groups",
        "buckets_path": {"count": "values" if values else "_count"},
        "gap_policy": "skip",
        "script": {"source": f"params.count {operator} {counting.condition.count}"},
    }


def counted_field(counting: SigmaCorrelationRule) -> str:
    """The record's field whose different values are counted."""
    assert isinstance(counting.condition, SigmaCorrelationCondition)
    assert isinstance(counting.condition.fieldref, str)
    return fields()[counting.condition.fieldref]

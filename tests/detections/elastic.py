"""Sigma rules in; rules of Elastic's detection engine out, one line of JSON each, to be imported.

Rules of one event are pySigma's (its format `siem_rule_ndjson`). The Lucene backend converts no
correlations: those become threshold rules, by a template of ours around pySigma's query.
https://www.elastic.co/guide/en/security/8.19/rule-api-overview.html
"""

import copy
import tempfile
from functools import cache
from pathlib import Path
from typing import cast

from consumers.contracts import Json
from sigma.backends.elasticsearch.elasticsearch_lucene import LuceneBackend
from sigma.conversion.state import ConversionState
from sigma.correlations import (
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
)
from sigma.data import mitre_attack
from sigma.rule import SigmaRule

from .opensearch import counted_field
from .ruleset import fields
from .stores import INDEX, pipeline

#: How often a rule runs, and how far it looks back; the engine raises a record once all the same.
EVERY_MINUTES, BACK_MINUTES = 5, 10
_ATTACK = Path(__file__).with_name("attack.json")


def detection(rule: SigmaRule) -> Json:
    """A custom query rule."""
    return _frame(rule, query(rule))


def threshold(counted: SigmaRule, counting: SigmaCorrelationRule) -> Json:
    """A threshold rule."""
    body = _frame(counting, query(counted))
    assert isinstance(counting.condition, SigmaCorrelationCondition)
    assert counting.condition.op.name == "GTE", "the engine knows no other"
    least = counting.condition.count
    limit: Json = {"field": [fields()[name] for name in counting.group_by or ()], "value": least}
    if counting.type is SigmaCorrelationType.VALUE_COUNT:
        limit |= {"cardinality": [{"field": counted_field(counting), "value": least}]}
    body |= {"type": "threshold", "threshold": limit}
    # Runs follow one another as its time span: with longer looks each burst would be seen twice.
    body |= {"interval": "1m", "from": f"now-{counting.timespan.seconds}s"}
    return body


def query(rule: SigmaRule) -> str:
    """In Lucene's syntax."""
    (converted,) = LuceneBackend(pipeline()).convert_rule(rule)
    return str(converted)


def _frame(rule: SigmaRule | SigmaCorrelationRule, converted: str) -> Json:
    know_attack()
    backend = LuceneBackend(pipeline(), index_names=[INDEX], schedule_interval=EVERY_MINUTES)
    # The backend takes the tags away that it has turned into threats.
    tagged = cast("SigmaRule", copy.deepcopy(rule))
    made: Json = backend.finalize_query_siem_rule_ndjson(tagged, converted, 0, ConversionState())
    for threat in made["threat"]:
        threat["tactic"]["name"] = threat["tactic"]["name"].replace("-", " ")
    said = {"name": rule.title, "tags": ["shipper", *map(str, rule.tags)], "license": "Apache-2.0"}
    return made | said | {"from": f"now-{BACK_MINUTES}m", "meta": {"from": f"{BACK_MINUTES}m"}}


@cache
def know_attack() -> None:
    """The names of tactics and techniques from a file of ours: pySigma would fetch all of them."""
    mitre_attack.set_cache_dir(tempfile.mkdtemp(prefix="shipper-attack-"))
    mitre_attack.set_url(str(_ATTACK))

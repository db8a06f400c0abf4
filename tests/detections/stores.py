"""A Sigma rule in; the Lucene query that OpenSearch and Elasticsearch take out.

Sigma compares texts without regard to case, Lucene with it, so each text becomes a regular
expression with both cases of each letter, as pySigma's own RegexTransformation does; only that one
leaves characters alone that are operators in Lucene's expressions and none in Python's.
"""

from dataclasses import dataclass

from sigma.processing.pipeline import ProcessingItem, ProcessingPipeline
from sigma.processing.transformations import FieldMappingTransformation
from sigma.processing.transformations.base import StringValueTransformation
from sigma.types import (
    SigmaCasedString,
    SigmaRegularExpression,
    SigmaString,
    SigmaType,
    SpecialChars,
)

from .ruleset import fields

#: Records, and none of the other data streams below this name.
INDEX = "logs-http.header-*"
_ANY, _ONE = SpecialChars.WILDCARD_MULTI, SpecialChars.WILDCARD_SINGLE
_WILDCARDS: dict[object, str] = {_ANY: ".*", _ONE: "."}


@dataclass
class CaseInsensitive(StringValueTransformation):
    """Texts to regular expressions that mean the same to Lucene and to Python."""

    def apply_string_value(
        self,
        field: str | None,  # noqa: ARG002 - pySigma's signature
        val: SigmaString,
    ) -> SigmaType | None:
        """The expression; a cased text stays as it is, and one that has no case and no wildcard."""
        plain = not val.contains_special() and str(val).upper() == str(val).lower()
        if plain or isinstance(val, SigmaCasedString):
            return val
        parts = ("".join(map(_either, part)) if isinstance(part, str) else _WILDCARDS[part]
                 for part in val.s)  # fmt: skip
        return SigmaRegularExpression("".join(parts))


def _either(character: str) -> str:
    if character.isalpha():
        return f"[{character.lower()}{character.upper()}]"
    # The slash is escaped by the backend: it ends an expression in a query.
    return character if character.isalnum() or character in "/_ " else f"\\{character}"


def pipeline() -> ProcessingPipeline:
    """Our fields, and texts that match in any case."""
    mapping: dict[str | None, str | list[str]] = dict(fields().items())
    return ProcessingPipeline(
        name="shipper: records in OpenSearch and Elasticsearch",
        items=[
            ProcessingItem(FieldMappingTransformation(mapping)),
            ProcessingItem(CaseInsensitive()),
        ],
    )

"""A Sigma condition -> what says of a record whether it fits.

The condition that pySigma has parsed is walked once, and each leaf becomes a test of one field.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from ipaddress import ip_address
from typing import Any, Final

from sigma.conditions import (
    ConditionAND,
    ConditionFieldEqualsValueExpression,
    ConditionNOT,
    ConditionOR,
)
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SpecialChars,
)

from shipper.insight.watch.fields import Record, at

Test = Callable[[Record], bool]
#: Sigma's name of a field -> the record's, a path.
Fields = Mapping[str, tuple[str, ...]]
#: Of one value of a field.
_Value = Callable[[Any], bool]

#: In a map of headers, the names as they came: no header's value.
_NAMES: Final = "@names"
_OPERATORS: Final[Mapping[str, Callable[[float, float], bool]]] = {
    "LT": lambda found, wanted: found < wanted,
    "LTE": lambda found, wanted: found <= wanted,
    "GT": lambda found, wanted: found > wanted,
    "GTE": lambda found, wanted: found >= wanted,
    "NEQ": lambda found, wanted: found != wanted,
}


class UnknownError(Exception):
    """Something of Sigma that is not evaluated here."""


def compiled(part: Any, fields: Fields) -> Test:  # noqa: ANN401 - pySigma's
    """The test that a parsed condition is; UnknownError for what is not evaluated here."""
    if isinstance(part, ConditionFieldEqualsValueExpression):
        return _leaf(part.field, part.value, fields)
    if isinstance(part, ConditionOR | ConditionAND | ConditionNOT):
        tests = [compiled(argument, fields) for argument in part.args]
        if isinstance(part, ConditionOR):
            return lambda record: any(test(record) for test in tests)
        if isinstance(part, ConditionAND):
            return lambda record: all(test(record) for test in tests)
        return lambda record: not tests[0](record)
    raise UnknownError("keywords without a field are not evaluated: name a field, as in c-uri")


def place(field: str, fields: Fields) -> tuple[str, ...]:
    """Where a field stands in a record; UnknownError for one that is not mapped."""
    if field not in fields:
        raise UnknownError(f"the field {field} is not in the mapping")
    return fields[field]


def _leaf(field: str, wanted: object, fields: Fields) -> Test:
    path = place(field, fields)
    if isinstance(wanted, SigmaExists):
        there = bool(wanted)
        return lambda record: (at(record, path) is not None) == there
    if isinstance(wanted, SigmaNull):
        return lambda record: at(record, path) is None
    fits = _value(wanted)
    return lambda record: any(fits(found) for found in _values(at(record, path)))


def _values(found: Any) -> Iterator[Any]:  # noqa: ANN401 - whatever JSON can say
    """Each value of a list; of a map, each value of each of its lists."""
    if isinstance(found, list):
        yield from found
    elif isinstance(found, dict):
        for name, inner in found.items():
            if name != _NAMES:
                yield from _values(inner)
    elif found is not None:
        yield found


def _value(wanted: object) -> _Value:  # noqa: PLR0911 - one for each of Sigma's types
    """What compares one value as Sigma says: texts without case unless `cased`."""
    match wanted:
        case SigmaCasedString():
            return _text(wanted, str)
        case SigmaString():
            return _text(wanted, str.lower)
        case SigmaCompareExpression():
            compare, number = _OPERATORS[wanted.op.name], float(wanted.number.number)
            return lambda found: _is_number(found) and compare(found, number)
        case SigmaNumber():
            plain = wanted.number
            return lambda found: found == plain or found == str(plain)
        case SigmaBool():
            true = bool(wanted)
            return lambda found: found is true
        case SigmaRegularExpression():
            search = re.compile(str(wanted.regexp.original), _flags(wanted)).search
            return lambda found: search(str(found)) is not None
        case SigmaCIDRExpression():
            return lambda found: _inside(found, wanted)
        case _:
            raise UnknownError(f"{type(wanted).__name__} is not evaluated")


def _is_number(found: object) -> bool:
    return isinstance(found, int | float) and not isinstance(found, bool)


def _flags(wanted: SigmaRegularExpression) -> int:
    flags = 0
    for flag in wanted.flags:
        flags |= wanted.sigma_to_python_flags[flag]
    return flags


def _inside(found: object, wanted: SigmaCIDRExpression) -> bool:
    try:
        return ip_address(str(found)) in wanted.network
    except ValueError:
        return False


def _text(wanted: SigmaString, fold: Callable[[str], str]) -> _Value:
    """Texts with wildcards; what is only contained, begun or ended with needs no expression."""
    match wanted.s:
        case (str(plain),):
            word = fold(plain)
            return lambda found: fold(str(found)) == word
        case (SpecialChars.WILDCARD_MULTI, str(plain), SpecialChars.WILDCARD_MULTI):
            word = fold(plain)
            return lambda found: word in fold(str(found))
        case (str(plain), SpecialChars.WILDCARD_MULTI):
            word = fold(plain)
            return lambda found: fold(str(found)).startswith(word)
        case (SpecialChars.WILDCARD_MULTI, str(plain)):
            word = fold(plain)
            return lambda found: fold(str(found)).endswith(word)
        case parts:
            full = re.compile("".join(_pattern(part, fold) for part in parts), re.DOTALL).fullmatch
            return lambda found: full(fold(str(found))) is not None


def _pattern(part: object, fold: Callable[[str], str]) -> str:
    if isinstance(part, str):
        return re.escape(fold(part))
    if part is SpecialChars.WILDCARD_MULTI:
        return ".*"
    if part is SpecialChars.WILDCARD_SINGLE:
        return "."
    raise UnknownError("placeholders are not evaluated: write out what they stand for")

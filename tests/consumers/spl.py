"""A record and the settings of an add-on in; the fields that Splunk's search shows out.

Only what config/splunk uses, in the order of Splunk's search-time operations: REPORT, automatic
JSON extraction, FIELDALIAS, EVAL; and of EVAL a handful of functions. Everything else is an error.
https://help.splunk.com, Knowledge Manager Manual, "The sequence of search-time operations".
"""

import configparser
import json
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

Settings = Mapping[str, Mapping[str, str]]
Fields = dict[str, Any]

_TOKEN = re.compile(
    r"""\s*(?:(?P<field>'[^']*')|(?P<text>"[^"]*")|(?P<number>\d+(?:\.\d+)?)"""
    r"""|(?P<name>[A-Za-z_]\w*)|(?P<sign>[-+/*(),]))"""
)


def read(file: Path) -> Settings:
    """A .conf file."""
    parser = configparser.RawConfigParser(delimiters=("=",), strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names keep their case
    parser.read_string(file.read_text("utf-8"))
    return {name: dict(parser[name]) for name in parser.sections()}


def search(raw: str, props: Mapping[str, str], transforms: Settings) -> Fields:
    """The fields of one event."""
    fields = dict(_reported(raw, props, transforms))
    fields |= _extracted(json.loads(raw))
    for names in _values(props, "FIELDALIAS-"):
        for old, new in re.findall(r"(\S+) AS (\S+)", names):
            if old in fields:
                fields[new] = fields[old]
    # Calculated fields are worked out side by side: none sees another.
    calculated = {
        name.removeprefix("EVAL-"): Expression(text).value(fields)
        for name, text in props.items()
        if name.startswith("EVAL-")
    }
    return fields | {name: value for name, value in calculated.items() if value is not None}


def _values(props: Mapping[str, str], prefix: str) -> Iterator[str]:
    return (value for name, value in props.items() if name.startswith(prefix))


def _reported(
    raw: str, props: Mapping[str, str], transforms: Settings
) -> Iterator[tuple[str, str]]:
    for name in _values(props, "REPORT-"):
        found = re.search(transforms[name]["REGEX"], raw)
        if found:
            field, _, group = transforms[name]["FORMAT"].partition("::$")
            yield field, found[int(group)]


def _extracted(value: object, prefix: str = "") -> Fields:
    """KV_MODE = json: `a.b`, and `a{}` for what stands in a list."""
    if isinstance(value, dict):
        fields: Fields = {}
        for name, inner in value.items():
            fields |= _extracted(inner, f"{prefix}.{name}" if prefix else name)
        return fields
    if isinstance(value, list):
        if any(isinstance(one, dict | list) for one in value):
            raise AssertionError(f"{prefix}: lists of more than values are not played here")
        return {f"{prefix}{{}}": value}
    return {prefix: value}


class Expression:
    """One EVAL."""

    def __init__(self, text: str) -> None:
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while at < len(text):
            token = _TOKEN.match(text, at)
            if token is None:
                raise AssertionError(f"{text[at:]!r} is not played here")
            self._tokens.append((str(token.lastgroup), token[0].strip()))
            at = token.end()
        self._next = 0

    def value(self, fields: Fields) -> Any:  # noqa: ANN401 - text, number or nothing
        """What it gives for an event; None is Splunk's null."""
        self._next = 0
        result = self._sum(fields)
        assert self._next == len(self._tokens), f"after {self._tokens[: self._next]}"
        return result

    def _sum(self, fields: Fields) -> Any:  # noqa: ANN401
        left = self._product(fields)
        while self._take("sign", "+"):
            right = self._product(fields)
            left = None if left is None or right is None else left + right
        return left

    def _product(self, fields: Fields) -> Any:  # noqa: ANN401
        left = self._one(fields)
        while self._take("sign", "/"):
            right = self._one(fields)
            left = None if left is None or right is None else left / right
        return left

    def _one(self, fields: Fields) -> Any:  # noqa: ANN401
        kind, text = self._tokens[self._next]
        self._next += 1
        if kind == "field":
            return fields.get(text[1:-1])
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return float(text) if "." in text else int(text)
        assert kind == "name", text
        assert self._take("sign", "("), text
        arguments = [self._sum(fields)]
        while self._take("sign", ","):
            arguments.append(self._sum(fields))
        assert self._take("sign", ")"), text
        return _FUNCTIONS[text](*arguments)

    def _take(self, kind: str, text: str) -> bool:
        taken = self._next < len(self._tokens) and self._tokens[self._next] == (kind, text)
        self._next += taken
        return taken


def _or_null(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda first, *rest: None if first is None else function(first, *rest)


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "if": lambda condition, yes, no: yes if condition else no,
    "isnull": lambda value: value is None,
    "coalesce": lambda *values: next((value for value in values if value is not None), None),
    "round": _or_null(round),
    "len": _or_null(len),
    "mvindex": _or_null(lambda values, at: values[at]),
}

"""The headers of one kind of message -> what of them enters the record; and the names seen.

What becomes of a header depends on its name alone, so the decision is made once per spelling and
kept. Peers choose the names: beyond a limit nothing is remembered, the decision is made anew each
time, and the sightings are counted together.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

from shipper.record.redact import Redactor
from shipper.record.sensitive import HeaderSecrets, Keyed
from shipper.record.settings import MASK, Action
from shipper.record.shared import Shared
from shipper.record.trace import TRACE_HEADERS, trace_parts

#: The key, beside the names, that holds the names in order; no header can be called so.
NAMES_KEY: Final = "@names"

# Field names are tokens (RFC 9110 section 5.1 and 5.6.2).
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

#: Headers whose whole value is one URL.
URL_HEADERS: Final = frozenset(
    {
        "referer",
        "location",
        "content-location",
        "origin",
        "destination",
        "x-original-url",
        "x-original-uri",
        "x-rewrite-url",
        "x-forwarded-uri",
        "x-forwarded-path",
        "x-forwarded-prefix",
        "x-http-destinationurl",
        "x-accel-redirect",
        "x-sendfile",
        "x-pingback",
        "x-wap-profile",
        "sourcemap",
        "x-sourcemap",
    }
)
#: Headers whose value is `host:port`.
AUTHORITY_HEADERS: Final = frozenset(
    {"host", "x-forwarded-host", "x-forwarded-server", "x-host", "x-original-host"}
)
#: Headers whose value holds URLs or authorities among other things.
TEXT_HEADERS: Final = frozenset(
    {"forwarded", "link", "refresh", "via", "alt-svc", "report-to", "reporting-endpoints"}
    | {"content-security-policy", "content-security-policy-report-only", "nel"}
)

# A name longer than this is not remembered: the memory of names is bounded in bytes too.
_LONGEST_NAME: Final = 128

# Blocks that came lately are known, if they are no longer than this in all (characters).
_MOST_KNOWN: Final = 512
_LONGEST_KNOWN: Final = 2048

Headers = tuple[tuple[str, str], ...]

_COPIED: Final = TRACE_HEADERS | {"host", "referer", "user-agent"}

_AS_IS, _URL, _AUTHORITY, _TEXT, _MASK, _HASH, _DROP = range(7)
_TREATMENT: Final = {Action.MASK: _MASK, Action.HASH: _HASH, Action.DROP: _DROP}


class NameSeen(NamedTuple):
    """One header name: how often it was seen, and what becomes of its values."""

    name: str
    seen: int
    decision: str  # "kept", "masked", "hashed" or "dropped"


class Selected(NamedTuple):
    """What of a header block enters a record.

    `part` are the headers, `beside` the parts of the record that they give; `host` and `referer`
    are values that more is made of.
    """

    part: dict[str, list[str]]
    beside: dict[str, dict[str, str]]
    host: str | None
    referer: str | None


class Kept(NamedTuple):
    """The same as all records with this block share it; `valid` says whether all of it is."""

    part: Shared  # `headers`, empty where there are none
    beside: Shared
    host: str | None
    referer: str | None
    valid: bool


@dataclass(slots=True)
class _Known:
    """A header block that came lately, how often it came, and the rules of its headers."""

    headers: Headers
    kept: Kept
    rules: list["_Rule"]
    seen: int = 0


@dataclass(slots=True)
class _Rule:
    """What is done with the headers of one spelling."""

    name: str
    listed: bool
    treatment: int
    plain: bool  # listed, as it is, and in the header part alone: the usual case
    copied: bool  # has a field of its own
    seen: int = 0

    @property
    def decision(self) -> str:
        if not self.listed or self.treatment == _DROP:
            return "dropped"
        return {_MASK: "masked", _HASH: "hashed"}.get(self.treatment, "kept")


class HeaderPolicy:
    """Keeps, masks, hashes or drops the headers of requests, or of responses."""

    def __init__(  # noqa: PLR0913 - what it asks, each by its name
        self,
        kept: tuple[str, ...],
        secrets: HeaderSecrets,
        redactor: Redactor,
        keyed: Keyed,
        *,
        names_limit: int,
        ready: Callable[[Selected], Kept],
    ) -> None:
        names = [name.strip().casefold() for name in kept]
        self._exact = frozenset(names)
        self._globs = tuple(name for name in names if "*" in name or "?" in name)
        self._secrets = secrets
        self._redactor = redactor
        self._keyed = keyed
        self._limit = names_limit
        self._ready = ready
        self._rules: dict[str, _Rule] = {}
        # By the id of the headers, which are looked at once: what is known holds them, and so no
        # others have that id.
        self._known: dict[int, _Known] = {}
        self.overflow = 0  #: headers whose names were beyond the limit
        self.invalid = 0  #: headers whose names are no field names; they enter no record

    def select(self, headers: Headers, *, keep: bool = True) -> Kept:
        """What of `headers` enters the record. An empty part means that there were none.

        `keep`: they may come again, as the same object.
        """
        known = self._known.get(id(headers))
        if known is not None:
            known.seen += 1
            return known.kept
        rules: list[_Rule] = []
        kept = self._ready(self._select(headers, rules))
        if keep and sum([len(value) for _, value in headers]) <= _LONGEST_KNOWN:
            if len(self._known) >= _MOST_KNOWN:
                self._count()
            self._known[id(headers)] = _Known(headers, kept, rules)
        return kept

    def _select(self, headers: Headers, known: list[_Rule]) -> Selected:
        part: dict[str, list[str]] = {}
        names: list[str] = []
        copies: dict[str, str] = {}
        rules = self._rules
        for spelling, raw in headers:
            rule = rules.get(spelling) or self._learn(spelling)
            if rule is None:
                continue
            rule.seen += 1
            known.append(rule)
            names.append(spelling)
            if rule.plain:
                # The hot path: `_may_hold_url`, without the call.
                if "//" in raw or "%" in raw or ("=" in raw and "?" in raw):
                    value = self._redactor.text(raw)
                else:
                    value = raw
            elif rule.treatment == _DROP or not (rule.listed or rule.copied):
                continue
            else:
                value = self._treat(rule.treatment, raw)
                if rule.copied:
                    _copy(copies, rule.name, value)
                if not rule.listed:
                    continue
            if rule.name in part:
                part[rule.name].append(value)
            else:
                part[rule.name] = [value]
        if names:
            part[NAMES_KEY] = names
        return Selected(part, _beside(copies), copies.get("host"), copies.get("referer"))

    def _count(self) -> None:
        """Forget the blocks that are known, and remember how often their names came."""
        for known in self._known.values():
            for rule in known.rules:
                rule.seen += known.seen
        self._known.clear()

    def _treat(self, treatment: int, value: str) -> str:
        """A value without its secrets, or what stands in its place."""
        if treatment == _URL:
            return self._redactor.url(value)
        if treatment == _AUTHORITY:
            return self._redactor.authority(value)
        if treatment == _TEXT:
            return self._redactor.text(value)
        if treatment == _HASH:
            return self._keyed.replace(value, Action.HASH)
        if treatment == _MASK:
            return MASK
        return self._redactor.text(value) if _may_hold_url(value) else value

    def _learn(self, spelling: str) -> _Rule | None:
        """The rule for a spelling not remembered; None for what is no field name."""
        if _TOKEN.fullmatch(spelling) is None:
            self.invalid += 1
            return None
        rule = self._decide(spelling)
        if len(self._rules) < self._limit and len(spelling) <= _LONGEST_NAME:
            self._rules[spelling] = rule
        else:
            self.overflow += 1
        return rule

    def _decide(self, spelling: str) -> _Rule:
        name = spelling.casefold()
        listed = (
            name in self._exact
            or self._secrets.explicit(name) is not None
            or any(fnmatchcase(name, glob) for glob in self._globs)
        )
        action = self._secrets.action(spelling)
        treatment = _TREATMENT.get(action, _AS_IS)
        if treatment == _AS_IS:
            treatment = _kind(name)
        copied = name in _COPIED
        plain = listed and treatment == _AS_IS and not copied
        return _Rule(name, listed, treatment, plain, copied)

    def names_seen(self) -> list[NameSeen]:
        """The names by how often they were seen, whatever their spelling."""
        self._count()
        counts: dict[tuple[str, str], int] = {}
        for rule in self._rules.values():
            key = (rule.name, rule.decision)
            counts[key] = counts.get(key, 0) + rule.seen
        found = [NameSeen(name, seen, decision) for (name, decision), seen in counts.items()]
        return sorted(found, key=lambda entry: (-entry.seen, entry.name))


def _copy(copies: dict[str, str], name: str, value: str) -> None:
    """The first of several; of a trace all of them (RFC 9110 section 5.3), which is no id."""
    if name not in copies:
        copies[name] = value
    elif name in TRACE_HEADERS:
        copies[name] += f", {value}"


def _beside(copies: dict[str, str]) -> dict[str, dict[str, str]]:
    """The parts of a record that some headers are told in once more."""
    beside = {} if TRACE_HEADERS.isdisjoint(copies) else trace_parts(copies)
    if "user-agent" in copies:
        beside["user_agent"] = {"original": copies["user-agent"]}
    return beside


def _may_hold_url(value: str) -> bool:
    """Whether a value that need not be a URL may hold one with secrets."""
    return "//" in value or "%" in value or ("=" in value and "?" in value)


def _kind(name: str) -> int:
    """How the values of a header that is no secret are looked through for URLs."""
    if name in URL_HEADERS:
        return _URL
    if name in AUTHORITY_HEADERS:
        return _AUTHORITY
    return _TEXT if name in TEXT_HEADERS else _AS_IS

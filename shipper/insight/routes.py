"""Paths -> routes: `/users/4711/orders/6f1e…` becomes `/users/{id}/orders/{uuid}`.

What tells one customer, day or object from another becomes a placeholder; the words between them
stay. It goes by shape alone, so `/blog/a-title` keeps its title: whoever counts by route has to
bound how many it keeps. One route is bounded by itself: at most DEPTH segments and LONGEST
characters each, and only characters that a path may hold unescaped. A brace is none of these, so
a placeholder always stands for something that was folded.

| placeholder | stands for |
| --- | --- |
| `{id}` | a number, or three and more digits within a word (`img0042`) |
| `{uuid}` | a UUID |
| `{date}` | 2026-11-23, with a time of day or without |
| `{hex}` | seven and more hexadecimal digits with a digit among them, or 0x… |
| `{token}` | letters and digits in no order that a word has, or a word too long to be one |
| `{text}` | what had to be escaped, or what is too long |
| `{rest}` | the segments beyond DEPTH |
"""

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

DEPTH: Final = 10
LONGEST: Final = 64

_PLAIN: Final = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,=:@]*")  # RFC 3986 section 3.3: pchar
_PIECES: Final = re.compile(
    r"""
    (?P<uuid>(?<![0-9A-Za-z])[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}(?![0-9A-Za-z]))
    |(?P<date>(?<![0-9A-Za-z])\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d)?)?(?![0-9A-Za-z]))
    |(?P<word>[0-9A-Za-z]+)
    """,
    re.VERBOSE | re.ASCII,
)
_HEX: Final = re.compile(r"0[xX][0-9A-Fa-f]+|(?=.*\d)[0-9A-Fa-f]{7,}|[0-9A-Fa-f]{16,}")
_DIGITS: Final = re.compile(r"\d{3,}", re.ASCII)
_DIGIT_RUNS: Final = re.compile(r"\d+", re.ASCII)
_VERSION: Final = re.compile(r"[vV]\d{1,2}$", re.ASCII)
_LONGEST_WORD: Final = 32
_SHORTEST_TOKEN: Final = 8
_SHORTEST_MIXED: Final = 10
_RESTLESS: Final = 0.35  # of neighbours of another class; getUserById2 has fewer, base 62 has more


@lru_cache(maxsize=8192)
def route(path: str) -> str:
    """The route of a path as it stands in `url.path`: without query, still escaped."""
    segments = path.split("/")
    folded = [_segment(segment) for segment in segments[: DEPTH + 1]]
    if len(segments) > DEPTH + 1:
        folded[-1] = "{rest}"
    return "/".join(folded)


def _segment(segment: str) -> str:
    # What follows a semicolon is a parameter of the segment, mostly a session.
    name = segment.partition(";")[0]
    if len(name) > 4 * LONGEST or not _PLAIN.fullmatch(name):
        return "{text}"
    folded = _PIECES.sub(_piece, name)
    if "{token}" in folded:  # its other pieces are as arbitrary, but for what a dot sets apart
        parts = folded.split(".")
        folded = ".".join("{token}" if "{token}" in part else part for part in parts)
    return folded if len(folded) <= LONGEST else "{text}"


def _piece(match: re.Match[str]) -> str:
    kind = match.lastgroup
    return _word(match[0]) if kind == "word" else f"{{{kind}}}"


def _word(word: str) -> str:
    if word.isdigit():
        return "{id}"
    if _HEX.fullmatch(word):
        return "{hex}"
    if _is_token(word):
        return "{token}"
    return _DIGITS.sub("{id}", word)


def _is_token(word: str) -> bool:
    if len(word) > _LONGEST_WORD:
        return True
    word = _VERSION.sub("", word)
    runs = len(_DIGIT_RUNS.findall(word))
    if len(word) >= _SHORTEST_TOKEN and runs > 1:
        return True
    return len(word) >= _SHORTEST_MIXED and runs > 0 and _restless(word) >= _RESTLESS


def _restless(word: str) -> float:
    """The share of neighbours of different classes; a capital before a small letter is a word's."""
    classes = ["d" if c.isdigit() else "U" if c.isupper() else "l" for c in word]
    changes = sum(a != b and a + b != "Ul" for a, b in pairwise(classes))
    return changes / (len(word) - 1)

"""The header lines of a block: lines in, name and value pairs and framing facts out.

RFC 9112 section 5 (field syntax) and section 6 (what says how long the body is). A line that
can't be parsed is dropped and named: nobody could tell whether it holds a secret. A folded line
(section 5.2) belongs to the header before it, and shares its fate. Knows no start line.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from shipper.http.startline import is_token

_PLAIN: Final = 0
HOST: Final = 1
CONTENT_LENGTH: Final = 2
TRANSFER_ENCODING: Final = 4
CONTENT_ENCODING: Final = 8
_FRAMING: Final = CONTENT_LENGTH | TRANSFER_ENCODING

# More digits than any body has bytes, and few enough for int() to be harmless.
_LONGEST_NUMBER: Final = 18

_SPECIAL: Final = {
    "host": HOST,
    "content-length": CONTENT_LENGTH,
    "transfer-encoding": TRANSFER_ENCODING,
    "content-encoding": CONTENT_ENCODING,
}

# Names that need no check of their characters, in the spellings that are seen nearly always.
_USUAL_NAMES: Final = """
    accept accept-charset accept-encoding accept-language accept-ranges
    access-control-allow-credentials access-control-allow-headers access-control-allow-methods
    access-control-allow-origin access-control-expose-headers access-control-max-age age allow
    alt-svc authorization cache-control connection content-disposition content-encoding
    content-language content-length content-location content-range content-security-policy
    content-type cookie date dnt etag expect expires forwarded from host if-match
    if-modified-since if-none-match if-range if-unmodified-since keep-alive last-modified link
    location max-forwards origin pragma priority proxy-authenticate proxy-authorization
    proxy-connection range referer referrer-policy retry-after sec-ch-ua sec-ch-ua-mobile
    sec-ch-ua-platform sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user server
    set-cookie strict-transport-security te traceparent tracestate trailer transfer-encoding
    upgrade upgrade-insecure-requests user-agent vary via www-authenticate x-content-type-options
    x-forwarded-for x-forwarded-host x-forwarded-proto x-frame-options x-powered-by x-real-ip
    x-request-id x-requested-with x-xss-protection
""".split()  # noqa: SIM905 - a list of a hundred quoted words reads worse
_KINDS: Final = {
    spelled: _SPECIAL.get(name, _PLAIN) for name in _USUAL_NAMES for spelled in (name, name.title())
} | {"ETag": _PLAIN, "DNT": _PLAIN, "TE": _PLAIN, "WWW-Authenticate": _PLAIN}

# https://www.iana.org/assignments/http-parameters: HTTP Transfer Coding Registry
_KNOWN_CODINGS: Final = frozenset(
    ("chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "identity", "trailers")
)
# The same: HTTP Content Coding Registry
_CONTENT_CODINGS: Final = frozenset(
    """
    aes128gcm br compress dcb dcz deflate exi gzip identity pack200-gzip x-compress x-gzip zstd
    """.split()  # noqa: SIM905 - a dozen quoted words read worse
)
_NO_LETTERS: Final = re.compile("[^a-z]+")


#: A line that is longer, in characters, is not remembered, and no more lines are than these.
_LONGEST_REMEMBERED: Final = 1024
_REMEMBERED: Final = 2048

Header = tuple[str, str]


@dataclass(slots=True, frozen=True)
class Fields:
    """What the header lines of one block say. Never changed: blocks that end alike share it.

    `length` is what Content-Length says, None where there is none or none that is agreed on;
    `chunked` whether Transfer-Encoding names it; `seen` are the bits of HOST, CONTENT_LENGTH,
    TRANSFER_ENCODING and CONTENT_ENCODING; `host` is the last value of Host, "" where there is
    none.
    """

    headers: tuple[Header, ...]
    length: int | None
    chunked: bool
    seen: int
    host: str
    anomalies: tuple[str, ...]


#: Those of a message without any.
NO_FIELDS: Final = Fields((), None, chunked=False, seen=0, host="", anomalies=())


def parse_fields(lines: list[str]) -> Fields:
    """What the lines say, given without their ends."""
    headers: list[Header] = []
    anomalies: list[str] = []
    seen = repeated = 0
    places = [0] * (CONTENT_ENCODING + 1)  # of the last header of each kind
    dropped_at = -1  # how many headers there were when the last line was dropped
    for line in lines:
        found = _remembered(line) if len(line) <= _LONGEST_REMEMBERED else _field(line)
        if found is None:
            if line[:1] in {" ", "\t"}:
                _fold(line, headers, anomalies, dropped_at)
                continue
            found = _odd_field(line, anomalies)
            if found is None:
                dropped_at = len(headers)
                continue
        header, kind = found
        if kind:
            repeated |= seen & kind
            seen |= kind
            places[kind] = len(headers)
        headers.append(header)
    if repeated & HOST:
        _note(anomalies, "multiple_host")
    host = headers[places[HOST]][1] if seen & HOST else ""
    if seen & CONTENT_ENCODING:
        _look_at_content_codings(headers, anomalies)
    if not seen & _FRAMING:
        length, chunked = None, False
    elif seen & TRANSFER_ENCODING or repeated & CONTENT_LENGTH:
        length, chunked = _framing(headers, anomalies)
    else:
        length, chunked = _length(headers[places[CONTENT_LENGTH]][1], anomalies), False
    return Fields(tuple(headers), length, chunked, seen, host, tuple(anomalies))


def _field(line: str) -> tuple[Header, int] | None:
    """A header and its kind; None for a line in which anything is odd."""
    name, colon, value = line.partition(":")
    kind = _KINDS.get(name)
    if kind is None:
        if not is_token(name):
            return None
        kind = _SPECIAL.get(name.lower(), _PLAIN)
    return ((name, value.strip(" \t")), kind) if colon else None


# Peers repeat themselves: of a usual message all lines but a few have been seen before.
_remembered: Final = lru_cache(maxsize=_REMEMBERED)(_field)


def _odd_field(line: str, anomalies: list[str]) -> tuple[Header, int] | None:
    """The same of a line that something is odd in; None if it holds no header."""
    name, colon, value = line.partition(":")
    name = _odd_name(name, colon, anomalies)
    return ((name, value.strip(" \t")), _SPECIAL.get(name.lower(), _PLAIN)) if name else None


def _odd_name(name: str, colon: str, anomalies: list[str]) -> str:
    """`name` without space before its colon (RFC 9112 section 5.1); empty if it is no name."""
    trimmed = name.rstrip(" \t")
    if not colon or not is_token(trimmed):
        if colon and not trimmed:
            _note(anomalies, "empty_header_name")
        elif colon and not trimmed.isascii():
            _note(anomalies, "non_ascii_header_name")
        _note(anomalies, "invalid_header_line")
        return ""
    if trimmed != name:
        _note(anomalies, "space_before_colon")
    return trimmed


def _fold(line: str, headers: list[Header], anomalies: list[str], dropped_at: int) -> None:
    """A line that begins with white space: it belongs to the line before it."""
    if dropped_at == len(headers):
        _note(anomalies, "invalid_header_line")
    elif not headers:
        _note(anomalies, "leading_whitespace_in_headers")
    else:
        _note(anomalies, "obs_fold")
        name, value = headers[-1]
        more = line.strip(" \t")
        headers[-1] = (name, f"{value} {more}".strip(" "))


def _length(value: str, anomalies: list[str]) -> int | None:
    """What Content-Length says, several values joined with commas (RFC 9112 section 6.3)."""
    if _is_number(value):
        return int(value)
    texts = {number.strip(" \t") for number in value.split(",")}
    if "," in value:
        _note(anomalies, "multiple_content_length")
    valid = all(_is_number(text) for text in texts)
    values: set[int | str] = {int(text) for text in texts} if valid else {*texts}
    if len(values) > 1:
        _note(anomalies, "conflicting_content_length")
    if not valid:
        _note(anomalies, "invalid_content_length")
    length = values.pop() if valid and len(values) == 1 else None
    return length if isinstance(length, int) else None


def _is_number(text: str) -> bool:
    return text.isdecimal() and len(text) <= _LONGEST_NUMBER


def _framing(headers: list[Header], anomalies: list[str]) -> tuple[int | None, bool]:
    """How long the body is, and whether it is in chunks.

    Transfer-Encoding overrides Content-Length (RFC 9112 section 6.3).
    """
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    codings = [value for name, value in headers if name.lower() == "transfer-encoding"]
    if len(lengths) > 1:
        _note(anomalies, "multiple_content_length")
    length = _length(",".join(lengths), anomalies) if lengths else None
    if not codings:
        return length, False
    if lengths:
        _note(anomalies, "content_length_with_transfer_encoding")
    return None, _names_chunked(codings, anomalies)


def _names_chunked(codings: list[str], anomalies: list[str]) -> bool:
    """Whether chunked is among the codings (RFC 9112 sections 6.1 and 7.1)."""
    names = [coding.strip(" \t").lower() for coding in ",".join(codings).split(",")]
    names = [name for name in names if name]  # RFC 9110 section 5.6.1.2
    if not _KNOWN_CODINGS.issuperset(names):
        _note(anomalies, "unknown_transfer_coding")
    if any(name != "chunked" and "chunked" in _NO_LETTERS.sub("", name) for name in names):
        _note(anomalies, "obfuscated_transfer_encoding")
    times = names.count("chunked")
    if times and names[-1] != "chunked":
        _note(anomalies, "chunked_not_final")
    if times > 1:
        _note(anomalies, "multiple_chunked")
    return times > 0


def _look_at_content_codings(headers: list[Header], anomalies: list[str]) -> None:
    """Name what a body is seldom coded with, except to hide it (RFC 9110 section 8.4)."""
    codings = [value for name, value in headers if name.lower() == "content-encoding"]
    names = [coding.strip(" \t").lower() for coding in ",".join(codings).split(",")]
    names = [name for name in names if name]
    if not _CONTENT_CODINGS.issuperset(names):
        _note(anomalies, "unknown_content_coding")
    if len(names) - names.count("identity") > 1:
        _note(anomalies, "multiple_content_codings")


def _note(anomalies: list[str], name: str) -> None:
    if name not in anomalies:
        anomalies.append(name)

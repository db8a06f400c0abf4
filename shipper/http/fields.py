"""The header lines of a block: lines in, name and value pairs and framing facts out.

RFC 9112 section 5 (field syntax) and section 6 (what says how long the body is). A line that
can't be parsed is dropped and named: nobody could tell whether it holds a secret. A folded line
(section 5.2) belongs to the header before it, and shares its fate. Knows no start line.
"""

from typing import Final

from shipper.http.startline import is_token

_PLAIN: Final = 0
_HOST: Final = 1
_CONTENT_LENGTH: Final = 2
_TRANSFER_ENCODING: Final = 4
_FRAMING: Final = _CONTENT_LENGTH | _TRANSFER_ENCODING

# More digits than any body has bytes, and few enough for int() to be harmless.
_LONGEST_NUMBER: Final = 18

_SPECIAL: Final = {
    "host": _HOST,
    "content-length": _CONTENT_LENGTH,
    "transfer-encoding": _TRANSFER_ENCODING,
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

_KNOWN_CODINGS: Final = frozenset(
    ("chunked", "gzip", "x-gzip", "deflate", "compress", "x-compress", "identity", "trailers")
)


# How long the headers say that the body is (None where they don't agree), and whether in chunks.
Framing = tuple[int | None, bool]

_UNFRAMED: Final = (None, False)


def parse_fields(lines: list[str], headers: list[tuple[str, str]], anomalies: list[str]) -> Framing:
    """Append the fields of `lines` (without their line ends) to `headers`."""
    seen = repeated = length_at = 0
    droppable = True  # the last line was not taken, so that a fold has nothing to belong to
    kinds = _KINDS
    for line in lines:
        name, colon, value = line.partition(":")
        kind = kinds.get(name)
        if kind is None or not colon:
            if line[:1] in {" ", "\t"}:
                _fold(line, headers, anomalies, droppable=droppable)
                continue
            name = _odd_name(name, anomalies) if colon else ""
            droppable = not name
            if not name:
                _note(anomalies, "invalid_header_line")
                continue
            kind = _SPECIAL.get(name.lower(), _PLAIN)
        else:
            droppable = False
        if kind:
            repeated |= seen & kind
            seen |= kind
            if kind == _CONTENT_LENGTH:
                length_at = len(headers)
        headers.append((name, value.strip(" \t")))
    if repeated & _HOST:
        _note(anomalies, "multiple_host")
    if seen & _FRAMING:
        if seen & _FRAMING == _CONTENT_LENGTH and not repeated & _CONTENT_LENGTH:
            return _length(headers[length_at][1], anomalies)
        return _odd_framing(headers, anomalies)
    return _UNFRAMED


def _odd_name(name: str, anomalies: list[str]) -> str:
    """`name` without space before its colon (RFC 9112 section 5.1); empty if it is no name."""
    trimmed = name.rstrip(" \t")
    if not is_token(trimmed):
        return ""
    if trimmed != name:
        _note(anomalies, "space_before_colon")
    return trimmed


def _fold(
    line: str, headers: list[tuple[str, str]], anomalies: list[str], *, droppable: bool
) -> None:
    if droppable:
        _note(anomalies, "invalid_header_line")
        return
    _note(anomalies, "obs_fold")
    name, value = headers[-1]
    more = line.strip(" \t")
    headers[-1] = (name, f"{value} {more}".strip(" "))


def _length(value: str, anomalies: list[str]) -> Framing:
    """What one Content-Length says (RFC 9112 section 6.3)."""
    if value.isdecimal() and len(value) <= _LONGEST_NUMBER:
        return int(value), False
    numbers = {number.strip(" \t") for number in value.split(",")}
    if "," in value:
        _note(anomalies, "multiple_content_length")
    if not all(number.isdecimal() and len(number) <= _LONGEST_NUMBER for number in numbers):
        _note(anomalies, "invalid_content_length")
        return _UNFRAMED
    values = {int(number) for number in numbers}
    return (values.pop(), False) if len(values) == 1 else _UNFRAMED


def _odd_framing(headers: list[tuple[str, str]], anomalies: list[str]) -> Framing:
    """Several Content-Length, or a Transfer-Encoding, which overrides them (section 6.3)."""
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    codings = [value for name, value in headers if name.lower() == "transfer-encoding"]
    if len(lengths) > 1:
        _note(anomalies, "multiple_content_length")
    framing = _length(",".join(lengths), anomalies) if lengths else _UNFRAMED
    if not codings:
        return framing
    if lengths:
        _note(anomalies, "content_length_with_transfer_encoding")
    names = [coding.strip(" \t").lower() for coding in ",".join(codings).split(",")]
    if not _KNOWN_CODINGS.issuperset(filter(None, names)):  # RFC 9110 section 5.6.1.2
        _note(anomalies, "unknown_transfer_coding")
    return None, "chunked" in names


def _note(anomalies: list[str], name: str) -> None:
    if name not in anomalies:
        anomalies.append(name)

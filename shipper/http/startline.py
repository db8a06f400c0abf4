"""The first line of a header block: text in, a request or a response without headers out.

RFC 9112 section 3 (request line) and section 4 (status line). Ours is the lenient reading of a
recipient, because what is wanted is what the peers made of it; what is odd is named in the list
of anomalies that the caller hands in. Knows neither headers nor connections.
"""

from enum import StrEnum
from typing import Final

from shipper.contract.exchange import Request, Response


class Fault(StrEnum):
    """Why a header block can't become a message."""

    NO_START_LINE = "no_start_line"  #: the block is empty, or ends before its first line does
    INVALID_START_LINE = "invalid_start_line"  #: neither a request line nor a status line
    INVALID_STATUS = "invalid_status"  #: the status code is not three digits


class BlockError(ValueError):
    """The one error of the parser: this header block can't become a message."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


# RFC 9112 section 3: a lenient recipient may take any of these for the single space.
WHITESPACE: Final = " \t\v\f\r"

# RFC 9110 section 5.6.2
TOKEN_CHARACTERS: Final = frozenset(
    "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
)

# What nearly all lines hold, so that they need no further look. Others are no less welcome.
_USUAL_METHODS: Final = frozenset(
    ("GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "CONNECT", "TRACE", "PROPFIND")
)
_USUAL_VERSIONS: Final = {"HTTP/1.1": "1.1", "HTTP/1.0": "1.0"}
_STATUS_DIGITS: Final = 3


def is_token(text: str) -> bool:
    """Whether `text` is a token (RFC 9110 section 5.6.2)."""
    return bool(text) and TOKEN_CHARACTERS.issuperset(text)


def parse_start_line(line: str, anomalies: list[str]) -> Request | Response:
    """A message with its start line filled in, times and sizes still 0. Raises `BlockError`."""
    first, _, rest = line.partition(" ")
    version = _USUAL_VERSIONS.get(first)
    if version is not None:
        code, _, reason = rest.partition(" ")
        if len(code) == _STATUS_DIGITS and code.isdecimal():
            return Response(version, [], 0, None, 0, None, False, int(code), reason)  # noqa: FBT003
        return _odd_status_line(line, anomalies)
    target, _, protocol = rest.rpartition(" ")
    version = _USUAL_VERSIONS.get(protocol)
    if (
        version is not None
        and first in _USUAL_METHODS
        and target
        and " " not in target
        and target.isprintable()
    ):
        return Request(version, [], 0, None, 0, None, False, first, target)  # noqa: FBT003
    if line.startswith("HTTP/"):
        return _odd_status_line(line, anomalies)
    return _odd_request_line(line, anomalies)


def cut_request_line(line: str, anomalies: list[str]) -> Request:
    """A request whose line is longer than what was taken of it: the target as far as it goes."""
    method, space, target = line.partition(" ")
    if not space or not is_token(method):
        raise BlockError(Fault.NO_START_LINE)
    anomalies.append("start_line_cut")
    return Request(None, [], 0, None, 0, None, method=method, target=target)


def _odd_status_line(line: str, anomalies: list[str]) -> Response:
    protocol, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    if len(code) != _STATUS_DIGITS:
        stripped = line.strip(WHITESPACE)
        protocol, rest = _split_first(stripped)
        code, reason = _split_first(rest)
        anomalies.append("start_line_whitespace")
    if len(code) != _STATUS_DIGITS or not code.isdecimal():
        raise BlockError(Fault.INVALID_STATUS)
    version = _USUAL_VERSIONS.get(protocol) or _odd_version(protocol, anomalies)
    return Response(version, [], 0, None, 0, None, status=int(code), reason=reason)


def _odd_request_line(line: str, anomalies: list[str]) -> Request:
    stripped = line.strip(WHITESPACE)
    method, target = _split_first(stripped)
    if not target or not is_token(method):
        raise BlockError(Fault.INVALID_START_LINE)
    if stripped != line or line[len(method)] != " ":
        anomalies.append("start_line_whitespace")
    rest = line.strip(WHITESPACE)[len(method) + 1 :]
    version = None
    at = rest.rfind("HTTP/")
    # The version is the last token: whitespace (or nothing) before it, none behind it.
    if at >= 0 and (at == 0 or rest[at - 1] in WHITESPACE) and not _has_space(rest[at:]):
        version = _USUAL_VERSIONS.get(rest[at:]) or _odd_version(rest[at:], anomalies)
        rest = rest[: at - 1] if at else ""
    else:
        anomalies.append("missing_version")
    target = rest.strip(WHITESPACE)
    if target != rest and "start_line_whitespace" not in anomalies:
        anomalies.append("start_line_whitespace")
    if not target:
        anomalies.append("missing_target")
    if _has_space(target):
        anomalies.append("target_with_spaces")
    return Request(version, [], 0, None, 0, None, method=method, target=target)


def _odd_version(protocol: str, anomalies: list[str]) -> str | None:
    anomalies.append("unusual_version")
    return protocol[len("HTTP/") :] or None


def _has_space(text: str) -> bool:
    return any(space in text for space in WHITESPACE)


def _split_first(text: str) -> tuple[str, str]:
    """`text` before and behind its first run of whitespace."""
    found = [at for at in map(text.find, WHITESPACE) if at >= 0]
    at = min(found, default=len(text))
    return text[:at], text[at:].lstrip(WHITESPACE)

"""The first line of a header block: text in, a request or a response without headers out.

RFC 9112 section 3 (request line) and section 4 (status line). Ours is the lenient reading of a
recipient, because what is wanted is what the peers made of it; what is odd is named in the list
of anomalies that the caller hands in. Knows neither headers nor connections.

A line whose first word begins with HTTP/, in whatever case, is a status line: no method may hold
a slash. A status is read as Chromium and Wireshark read it as long as both agree: three digits,
whatever else sticks to them. With fewer or more there is none.
"""

import re
from enum import StrEnum
from typing import Final

from shipper.contract.exchange import Request, Response


class Fault(StrEnum):
    """Why a header block can't become a message."""

    NO_START_LINE = "no_start_line"  #: the block is empty, or ends before its first line does
    INVALID_START_LINE = "invalid_start_line"  #: neither a request line nor a status line


class BlockError(ValueError):
    """The one error of the parser: this header block can't become a message."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.value)
        self.fault = fault


# RFC 9112 section 3: a lenient recipient may take any of these for the single space.
WHITESPACE: Final = " \t\v\f\r"

# RFC 9110 section 5.6.2
_TOKEN: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")

# https://www.iana.org/assignments/http-methods
_REGISTERED_METHODS: Final = frozenset(
    """
    ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT CONNECT COPY DELETE GET HEAD LABEL LINK LOCK MERGE
    MKACTIVITY MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PRI
    PROPFIND PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE
    UPDATEREDIRECTREF VERSION-CONTROL
    """.split()  # noqa: SIM905 - a list of forty quoted words reads worse
)
_USUAL_METHODS: Final = _REGISTERED_METHODS - {"CONNECT"}  # whose target is of another form
_USUAL_VERSIONS: Final = {"HTTP/1.1": "1.1", "HTTP/1.0": "1.0"}

# RFC 9110 section 15: a status code is from 100 to 599.
_STATUSES: Final = {str(status): status for status in range(100, 600)}
_THREE_DIGITS: Final = re.compile(r"[1-9][0-9]{2}(?![0-9])")

# RFC 9112 sections 3.2.2 and 3.2.3
_ABSOLUTE: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*://")
_AUTHORITY: Final = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+):[0-9]+")


def is_token(text: str) -> bool:
    """Whether `text` is a token (RFC 9110 section 5.6.2)."""
    # Nearly all are made of letters, digits and hyphens, which is told faster.
    return (text.isascii() and text.replace("-", "").isalnum()) or _TOKEN.fullmatch(
        text
    ) is not None


def parse_start_line(line: str, anomalies: list[str]) -> Request | Response:
    """A message with its start line filled in, times and sizes still 0. Raises `BlockError`."""
    if line[:5] == "HTTP/":
        return _status_line(line, anomalies)
    try:
        method, target, protocol = line.split(" ")
    except ValueError:
        pass
    else:
        version = _USUAL_VERSIONS.get(protocol)
        if (
            version is not None
            and target[:1] == "/"
            and "#" not in target
            and target.isascii()
            and target.isprintable()
            and method in _USUAL_METHODS
        ):
            return Request(version, (), 0, None, 0, None, False, method, target)  # noqa: FBT003
    if _names_http(line.lstrip(WHITESPACE)):
        return _odd_status_line(line, anomalies)
    return _odd_request_line(line, anomalies)


def cut_start_line(line: str, anomalies: list[str]) -> Request | Response:
    """A message whose first line is longer than what was taken of it: as far as it goes."""
    anomalies.append("start_line_cut")
    if _names_http(line):
        return _odd_status_line(line, anomalies)
    method, space, target = line.partition(" ")
    if not space or not is_token(method):
        raise BlockError(Fault.NO_START_LINE)
    return Request(None, (), 0, None, 0, None, method=method, target=target)


def _status_line(line: str, anomalies: list[str]) -> Response:
    protocol, _, rest = line.partition(" ")
    code, _, reason = rest.partition(" ")
    version, status = _USUAL_VERSIONS.get(protocol), _STATUSES.get(code)
    if version is None or status is None:
        return _odd_status_line(line, anomalies)
    return Response(version, (), 0, None, 0, None, False, status, reason)  # noqa: FBT003


def _odd_status_line(line: str, anomalies: list[str]) -> Response:
    protocol, rest = _split_first(line.lstrip(WHITESPACE))
    code, reason = _split_first(rest)
    if line.rstrip(" ") != f"{protocol} {code} {reason}".rstrip(" "):
        anomalies.append("start_line_whitespace")
    status = _STATUSES.get(code)
    if status is None:
        anomalies.append("invalid_status")
        digits = _THREE_DIGITS.match(code)
        status = None if digits is None else int(digits[0])
    version = _version(protocol, anomalies)
    return Response(version, (), 0, None, 0, None, status=status, reason=reason)


def _odd_request_line(line: str, anomalies: list[str]) -> Request:
    method, rest = _split_first(line.strip(WHITESPACE))
    target, protocol = _split_last(rest)
    if not _names_http(protocol):
        target, protocol = rest, ""
    token = is_token(method)
    if not rest or not (token or protocol):
        raise BlockError(Fault.INVALID_START_LINE)
    if line != " ".join(filter(None, (method, target, protocol))):
        anomalies.append("start_line_whitespace")
    if not token:
        anomalies.append("invalid_method")
    elif method not in _REGISTERED_METHODS:
        anomalies.append("unregistered_method")
    version = None
    if protocol:
        version = _version(protocol, anomalies)
    else:
        anomalies.append("missing_version")
    _look_at_target(method, target, anomalies)
    return Request(version, (), 0, None, 0, None, method=method, target=target)


def _look_at_target(method: str, target: str, anomalies: list[str]) -> None:
    """Name what a request target should not be like (RFC 9112 section 3.2)."""
    if not target:
        anomalies.append("missing_target")
        return
    if _split_first(target)[0] != target:
        anomalies.append("target_with_spaces")
    if "#" in target:
        anomalies.append("fragment_in_target")
    if not target.isascii():
        anomalies.append("non_ascii_target")
    if method == "CONNECT":
        usual = _AUTHORITY.fullmatch(target) is not None
    elif target == "*":
        usual = method in {"OPTIONS", "PRI"}  # PRI: the preface of HTTP/2 (RFC 9113 section 3.4)
    else:
        usual = target[0] == "/" or _ABSOLUTE.match(target) is not None
    if not usual:
        anomalies.append("unusual_target_form")


def _names_http(text: str) -> bool:
    return text[:5].upper() == "HTTP/"


def _version(protocol: str, anomalies: list[str]) -> str | None:
    """What stands behind HTTP/; None if nothing does."""
    version = _USUAL_VERSIONS.get(protocol)
    if version is None:
        anomalies.append("unusual_version")
        return protocol[len("HTTP/") :] or None
    return version


def _split_first(text: str) -> tuple[str, str]:
    """`text` before and behind its first run of whitespace."""
    found = [at for at in map(text.find, WHITESPACE) if at >= 0]
    at = min(found, default=len(text))
    return text[:at], text[at:].lstrip(WHITESPACE)


def _split_last(text: str) -> tuple[str, str]:
    """`text` before and behind its last run of whitespace; all of it is behind if there is none."""
    at = max(map(text.rfind, WHITESPACE)) + 1
    return text[:at].rstrip(WHITESPACE), text[at:]

"""A start line and what the fields say together in, named contradictions between them out.

What either breaks by itself is named where it is read; here is what takes both to tell: RFC 9112
section 3.2 (Host) and section 6 (whether there may be a body, and who may frame it how).
"""

import re
from functools import lru_cache
from typing import Final

from shipper.contract.exchange import Request, Response
from shipper.http.fields import HOST, TRANSFER_ENCODING, Fields

_FIRST_FINAL: Final = 200
_NO_CONTENT: Final = 204

#: A name of 255 octets (RFC 1035), a colon and a port, and some air.
LONGEST_HOST: Final = 262

_PORTS: Final = {"http": "80", "https": "443"}

# RFC 3986 section 3.2: `uri-host [ ":" port ]`. It may be empty (RFC 9112 section 3.2).
_HOST: Final = re.compile(
    r"(?:\[[0-9A-Za-z:.%\-]+\]|(?:[0-9A-Za-z\-._~!$&'()*+,;=]|%[0-9A-Fa-f]{2})*)(?::[0-9]*)?"
)
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)")


def look_at_request(request: Request, fields: Fields, anomalies: list[str], *, whole: bool) -> None:
    """Name what of a request does not go together; `whole`: all of its fields are there."""
    seen, host = fields.seen, fields.host
    if not seen & HOST:
        if whole and request.version == "1.1":
            anomalies.append("missing_host")
    elif len(host) > LONGEST_HOST or not is_host(host):
        anomalies.append("invalid_host")
    absolute = _ABSOLUTE.match(request.target)
    if absolute is not None and request.method != "CONNECT":
        _look_at_authority(absolute[1].lower(), absolute[2], request, anomalies)
    if seen & TRANSFER_ENCODING:
        _look_at_version(request.version, anomalies)
        if not fields.chunked:
            anomalies.append("chunked_not_final")


def look_at_response(response: Response, fields: Fields, anomalies: list[str]) -> None:
    """Name what of a response does not go together. HEAD and CONNECT it does not know."""
    length, seen = fields.length, fields.seen
    if seen & TRANSFER_ENCODING:
        _look_at_version(response.version, anomalies)
    status = response.status
    bodiless = status is not None and (status < _FIRST_FINAL or status == _NO_CONTENT)
    if bodiless and (length or seen & TRANSFER_ENCODING):
        anomalies.append("framing_without_body")


def _look_at_authority(scheme: str, authority: str, request: Request, anomalies: list[str]) -> None:
    """The host of an absolute target wins over Host, and should be the same."""
    _, at, place = authority.rpartition("@")
    if at:
        anomalies.append("userinfo_in_target")
    place = _normal(place, scheme)
    hosts = {_normal(value, scheme) for name, value in request.headers if name.lower() == "host"}
    if hosts - {place}:
        anomalies.append("host_mismatch")


def _look_at_version(version: str | None, anomalies: list[str]) -> None:
    if version in {"1.0", "0.9"}:
        anomalies.append("transfer_encoding_in_http_1_0")


def _normal(place: str, scheme: str) -> str:
    """A host and a port in lower case, without the scheme's own port (RFC 3986 section 6.2.3)."""
    host, colon, port = place.lower().rpartition(":")
    if not colon or not (port.isdecimal() or not port):
        return place.lower()
    port = port.lstrip("0")
    return host if port in {"", _PORTS.get(scheme)} else f"{host}:{port}"


@lru_cache(maxsize=1024)
def is_host(text: str) -> bool:
    """Whether `text` is a host with or without a port; ask only for short ones.

    Cached, because one host is asked again and again.
    """
    return _HOST.fullmatch(text) is not None

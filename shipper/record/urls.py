"""Request target and Host -> the fields of `url.*`.

RFC 9112 section 3.2: origin-form, absolute-form (whose authority wins over Host), authority-form
(CONNECT) and asterisk-form; section 3.3: how the target URI is rebuilt. Both come redacted.
The port is given only where it was written: a forwarded port makes the scheme's default a guess.
"""

import re
from functools import lru_cache
from typing import Final

_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s:/?#@\[\]\\]+)(?::([0-9]{0,5}))?")
_ABSOLUTE: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.\-]*)://([^/?#]*)(.*)", re.DOTALL)
_PORT_MAX: Final = 65535
_LONGEST_HOST: Final = 262  # a name of 255 octets (RFC 1035), a colon and a port, and some air


@lru_cache(maxsize=4096)
def split_host(text: str) -> tuple[str, int | None] | None:
    """`Example.org:8080` -> ("example.org", 8080); None if it is no host.

    IPv6 literals keep their brackets, as ECS asks for.
    """
    match = _HOST.fullmatch(text.strip()) if len(text) <= _LONGEST_HOST else None
    if match is None:
        return None
    port = int(match[2]) if match[2] else None
    if port is not None and port > _PORT_MAX:
        return None
    return match[1].lower(), port


def url_fields(method: str, target: str, host: str | None, scheme: str) -> dict[str, str | int]:
    """The `url` part of a record; `scheme` is that of the connection."""
    url: dict[str, str | int] = {"original": target} if target else {}
    if target.startswith("/"):
        _path_and_query(url, target)
        _place(url, scheme, host, target)
    elif method == "CONNECT":
        _authority(url, target)
    elif match := _ABSOLUTE.fullmatch(target):
        own, authority, rest = match.groups()
        _path_and_query(url, rest)
        _place(url, own.lower(), authority[authority.rfind("@") + 1 :], rest)
    else:
        _place(url, scheme, host, "" if target == "*" else None)
    return url


def _path_and_query(url: dict[str, str | int], target: str) -> None:
    path, _, query = target.partition("#")[0].partition("?")
    if path:
        url["path"] = path
    if query:
        url["query"] = query


def _authority(url: dict[str, str | int], text: str | None) -> tuple[str, int | None] | None:
    place = split_host(text) if text else None
    if place is not None:
        url["domain"] = place[0]
        if place[1] is not None:
            url["port"] = place[1]
    return place


def _place(url: dict[str, str | int], scheme: str, authority: str | None, rest: str | None) -> None:
    """Scheme, domain, port and, if `rest` is known, the URI as a whole."""
    url["scheme"] = scheme
    place = _authority(url, authority)
    if place is not None and rest is not None:
        domain, port = place
        url["full"] = (
            f"{scheme}://{domain}{rest}" if port is None else f"{scheme}://{domain}:{port}{rest}"
        )

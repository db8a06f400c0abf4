"""The headers in which proxies name their client -> the client, as far as they are trusted.

Each proxy adds whom it was asked by, so the list is read from its end: as long as a trusted proxy
wrote an entry it is believed, and the first address that is no trusted proxy's is the client.
Whatever stands before it was sent by that client, and may claim anything. Which header the
proxies write has to be configured: one that they only pass on is the client's word too.

Sources: RFC 7239 (`Forwarded`), the practice of `X-Forwarded-For` (a list of addresses, some with
ports) and of `X-Real-IP` (one address).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from ipaddress import ip_address
from typing import Final, NamedTuple

from shipper.record.addresses import plain

# An element of Forwarded; a value is a token or a quoted string (RFC 7239 section 4).
_PAIR: Final = re.compile(r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)=("(?:[^"\\]|\\.)*"|[^;,"\s]*)\s*')
_NODE: Final = re.compile(r"\[([0-9A-Fa-f:.]+)\](?::(\d{1,5}))?|([0-9.]+)(?::(\d{1,5}))?")
_LAST_PORT: Final = 65535
#: Entries looked at: more proxies than this stand in no row.
_LONGEST: Final = 64


class Node(NamedTuple):
    """One end that a proxy named: 4 or 16 bytes, and the port where it was given."""

    address: bytes
    port: int | None


def forwarded_client(
    headers: Iterable[tuple[str, str]], names: Sequence[str], trusted: Callable[[bytes], bool]
) -> Node | None:
    """The client that a trusted peer tells of in the first of the headers `names` that it sent.

    None where none of them is there, and where the entry that would have to be believed is no
    address (`unknown`, `_hidden`).
    """
    for wanted in names:
        values = [value for name, value in headers if name.lower() == wanted]
        if values:
            return _client(_entries(wanted, values), trusted)
    return None


def _client(entries: list[str | None], trusted: Callable[[bytes], bool]) -> Node | None:
    found: Node | None = None
    for entry in entries[: -_LONGEST - 1 : -1]:
        node = _node(entry or "")
        if node is None:
            return None
        found = node
        if not trusted(node.address):
            break
    return found


def _entries(name: str, values: list[str]) -> list[str | None]:
    """Whom each proxy named, in the order of the list; None for an element that names nobody."""
    if name == "forwarded":
        return [entry for value in values for entry in _elements(value)]
    if name == "x-real-ip":
        return [values[0].strip()] if len(values) == 1 else [None]
    return [entry.strip() for value in values for entry in value.split(",")]


def _elements(value: str) -> list[str | None]:
    """The `for` of each element of a Forwarded header; [None] where it is not well formed."""
    found: list[str | None] = []
    at, fresh = 0, True
    while at < len(value):
        pair = _PAIR.match(value, at)
        if pair is None:
            return [None]
        if fresh:
            found.append(None)
        if pair[1].lower() == "for":
            found[-1] = re.sub(r"\\(.)", r"\1", pair[2][1:-1]) if pair[2][:1] == '"' else pair[2]
        at = pair.end()
        if at < len(value) and value[at] not in ";,":
            return [None]
        fresh = value[at : at + 1] == ","
        at += 1
    return found


def _node(text: str) -> Node | None:
    """An address, maybe with a port; an IPv6 address without brackets has none."""
    found = _NODE.fullmatch(text)
    address, port = text, None
    if found is not None:
        address, port = found[1] or found[3], found[2] or found[4]
    if port is not None and int(port) > _LAST_PORT:
        return None
    try:
        return Node(plain(ip_address(address).packed), None if port is None else int(port))
    except ValueError:
        return None

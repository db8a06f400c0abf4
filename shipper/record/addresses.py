"""Binary addresses -> text; and the client's address -> what privacy leaves of it.

A hashed address stays a valid address, so that fields of the type `ip` take it: fd00::/8 (unique
local, RFC 4193) holds 120 bits of an HMAC-SHA256 over the 16-byte form (IPv4 as v4-mapped). Equal
clients stay equal under one key, and no table of all addresses leads back without it.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

from shipper.errors import ConfigError
from shipper.record.sensitive import Keyed
from shipper.record.settings import MASK, ClientIp

#: Headers that name the client (and the proxies after it) by address.
ADDRESS_HEADERS: Final = frozenset(
    {
        "x-forwarded-for",
        "x-original-forwarded-for",
        "forwarded",
        "forwarded-for",
        "x-forwarded",
        "x-real-ip",
        "x-client-ip",
        "client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "cf-pseudo-ipv4",
        "fastly-client-ip",
        "x-cluster-client-ip",
        "x-envoy-external-address",
        "x-azure-clientip",
        "x-azure-socketip",
        "x-appengine-user-ip",
        "x-remote-ip",
        "x-remote-addr",
        "x-originating-ip",
        "x-proxyuser-ip",
        "wl-proxy-client-ip",
        "proxy-client-ip",
        "cloudfront-viewer-address",
    }
)

_MAPPED: Final = b"\0" * 10 + b"\xff\xff"
_CANDIDATE: Final = re.compile(
    r"(?:[0-9A-Fa-f]{0,4}:){2,}[0-9A-Fa-f:.]*|(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9])"
)
_V4_BYTES: Final = 4


def plain(packed: bytes) -> bytes:
    """An address with its IPv4-mapped form undone."""
    return packed[12:] if packed.startswith(_MAPPED) and len(packed) > _V4_BYTES else packed


@lru_cache(maxsize=8192)
def address_text(packed: bytes) -> str:
    """The canonical text of a 4 or 16 byte address (RFC 5952)."""
    return str(ip_address(plain(packed)))


def inside(networks: Iterable[str], what: str) -> Callable[[bytes], bool]:
    """A function packed address -> whether it lies in one of the networks.

    `what` names such a network in the ConfigError that one which is none raises.
    """
    known = [_network(network, what) for network in networks]

    @lru_cache(maxsize=8192)
    def lies(packed: bytes) -> bool:
        address = ip_address(plain(packed))
        return any(address in network for network in known)

    return lies


def perimeter(networks: Iterable[str]) -> Callable[[bytes, bytes], str]:
    """A function (source, destination) -> ECS's word for the way across the perimeter."""
    internal = inside(networks, "internal network")

    def word(source: bytes, destination: bytes) -> str:
        if internal(source):
            return "internal" if internal(destination) else "outbound"
        return "inbound" if internal(destination) else "external"

    return word


def _network(text: str, what: str) -> IPv4Network | IPv6Network:
    try:
        return ip_network(text)
    except ValueError as error:
        raise ConfigError(f"the {what} {text!r} is no network: {error}") from None


class ClientAddresses:
    """Hides the client's address wherever it occurs."""

    def __init__(self, mode: ClientIp, keyed: Keyed) -> None:
        self.hidden = mode is not ClientIp.KEEP
        self._mode = mode
        self._keyed = keyed
        self.text = lru_cache(maxsize=8192)(self._text) if self.hidden else address_text

    def _text(self, packed: bytes) -> str:
        """What stands for a client's address."""
        packed = plain(packed)
        four = len(packed) == _V4_BYTES
        if self._mode is ClientIp.HASH:
            whole = _MAPPED + packed if four else packed
            return str(IPv6Address(b"\xfd" + self._keyed.digest(whole)[:15]))
        if four:
            return str(IPv4Address(packed[:3] + b"\0"))
        return str(IPv6Address(packed[:6] + bytes(10)))

    def named(self, headers: Iterable[tuple[str, str]]) -> set[bytes]:
        """The addresses that headers such as X-Forwarded-For name."""
        return {
            packed
            for name, value in headers
            if name.strip().lower() in ADDRESS_HEADERS
            for candidate in _CANDIDATE.findall(value)
            if (packed := _parse(candidate)) is not None
        }

    def hide(self, text: str, known: set[bytes]) -> str:
        """`text` with each address in `known` replaced."""

        def replace(match: re.Match[str]) -> str:
            packed = _parse(match[0])
            return self.text(packed) if packed in known and packed is not None else match[0]

        return _CANDIDATE.sub(replace, text)

    def hide_headers(
        self, headers: Iterable[tuple[str, str]], known: set[bytes]
    ) -> tuple[tuple[str, str], ...]:
        """The headers with every address of the naming ones replaced, and `known` in all."""
        return tuple(
            (name, self._hide_all(value))
            if name.strip().lower() in ADDRESS_HEADERS
            else (name, self.hide(value, known))
            for name, value in headers
        )

    def _hide_all(self, text: str) -> str:
        """`text` with everything that looks like an address replaced."""

        def replace(match: re.Match[str]) -> str:
            packed = _parse(match[0])
            return MASK if packed is None else self.text(packed)

        return _CANDIDATE.sub(replace, text)


def _parse(text: str) -> bytes | None:
    """The packed address that `text` is, or None."""
    try:
        return plain(ip_address(text).packed)
    except ValueError:
        return None

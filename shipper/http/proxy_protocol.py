r"""The bytes of a PROXY protocol header in, the ends of the connection that it tells of out.

Source: https://www.haproxy.org/download/1.8/doc/proxy-protocol.txt, section 2.1 (version 1, a
line of text) and 2.2 (version 2, binary). Both are strict there: a receiver must refuse what is
not well formed, and so does this. Raises nothing but `ProxyHeaderError`.

What names no address is no error: UNKNOWN and UNSPEC, a Unix socket, and LOCAL, which says that
the proxy speaks for itself (a health check). TLVs are skipped: none of them is an address.
"""

from ipaddress import IPv4Address, IPv6Address
from struct import Struct
from typing import Final

from shipper.contract.exchange import Proxied

_SIGNATURE: Final = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD: Final = Struct(">12sBBH")  # signature, version and command, family and transport, length
_LONGEST_LINE: Final = 107  # version 1, CRLF included
_LAST_PORT: Final = 65535

_VERSION_2: Final = 2
_LOCAL: Final = 0
_PROXY: Final = 1
_TRANSPORTS: Final = frozenset((0, 1, 2))  # unspecified, stream, datagram

# Source, destination, source port, destination port: version 2, by the family's number.
_ADDRESSES: Final = {1: Struct(">4s4sHH"), 2: Struct(">16s16sHH")}
_UNSPECIFIED: Final = 0
_UNIX: Final = 3
_UNIX_BYTES: Final = 216

_PARTS: Final = 6  # of a line of version 1 that names addresses
_FAMILIES: Final[dict[str, type[IPv4Address | IPv6Address]]] = {
    "TCP4": IPv4Address,
    "TCP6": IPv6Address,
}


class ProxyHeaderError(ValueError):
    """The one error of this parser: the bytes are no PROXY protocol header."""


def parse_proxy_header(raw: bytes, *, cut: bool = False) -> Proxied:
    """What a header says, from its first byte to its last. Raises `ProxyHeaderError`.

    `cut` says that it is longer than is taken, which only the TLVs of version 2 may be.
    """
    if raw.startswith(_SIGNATURE):
        return _binary(raw, cut=cut)
    return _line(raw)


def _line(raw: bytes) -> Proxied:
    if len(raw) > _LONGEST_LINE or raw.find(b"\r\n") + 2 != len(raw):
        raise ProxyHeaderError("not one line of at most 107 bytes")
    line = raw[:-2].decode("latin-1")
    parts = line.split(" ")
    if parts[:2] == ["PROXY", "UNKNOWN"]:
        return Proxied(1)  # what follows must be ignored
    family = _FAMILIES.get(parts[1]) if len(parts) == _PARTS and parts[0] == "PROXY" else None
    if family is None:
        raise ProxyHeaderError("not two addresses and two ports of a known family")
    try:
        source, destination = (family(part).packed for part in parts[2:4])
    except ValueError:
        raise ProxyHeaderError("an address is none of its family") from None
    if "%" in line:
        raise ProxyHeaderError("an address has a zone")
    return Proxied(1, source, _port(parts[4]), destination, _port(parts[5]))


def _port(text: str) -> int:
    """A port in decimal, without leading zeros."""
    if not text.isdecimal() or len(text) > len(str(_LAST_PORT)) or str(int(text)) != text:
        raise ProxyHeaderError("a port is no number")
    if int(text) > _LAST_PORT:
        raise ProxyHeaderError("a port is beyond 65535")
    return int(text)


def _binary(raw: bytes, *, cut: bool) -> Proxied:
    if len(raw) < _HEAD.size:
        raise ProxyHeaderError("shorter than its fixed part")
    _, version_and_command, family_and_transport, length = _HEAD.unpack_from(raw)
    version, command = divmod(version_and_command, 16)
    family, transport = divmod(family_and_transport, 16)
    rest = raw[_HEAD.size :]
    if version != _VERSION_2 or command not in {_LOCAL, _PROXY}:
        raise ProxyHeaderError("unknown version or command")
    if len(rest) > length or (len(rest) < length and not cut):
        raise ProxyHeaderError("not as long as it says")
    if command == _LOCAL:
        return Proxied(_VERSION_2)  # whatever the rest says must be ignored
    if transport not in _TRANSPORTS:
        raise ProxyHeaderError("unknown transport")
    if family == _UNSPECIFIED or (family == _UNIX and length >= _UNIX_BYTES):
        return Proxied(_VERSION_2)
    layout = _ADDRESSES.get(family)
    if layout is None or len(rest) < layout.size:
        raise ProxyHeaderError("unknown family, or no room for its addresses")
    source, destination, source_port, destination_port = layout.unpack_from(rest)
    return Proxied(_VERSION_2, source, source_port, destination, destination_port)

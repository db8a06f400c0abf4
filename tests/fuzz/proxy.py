"""Harness: bytes through the parser of PROXY protocol headers; the first says whether it is cut.

What holds whatever the bytes are: nothing is raised but `ProxyHeaderError`; there are two
addresses of one family with their ports, or none; a byte more is no header any more; and what a
header says, written down in either version of the protocol, says the same.
"""

from dataclasses import replace
from ipaddress import ip_address

from shipper.contract.exchange import Proxied
from shipper.http.proxy_protocol import ProxyHeaderError, parse_proxy_header

LONGEST = 600
_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def check(data: bytes) -> None:
    """Raise AssertionError, or what the parser raised."""
    cut, raw = bool(data[:1] > b"\x7f"), data[1:]
    told = _parsed(raw, cut=cut)
    assert told == _parsed(raw, cut=cut)
    if told is None:
        return
    assert told.version == (2 if raw.startswith(_SIGNATURE) else 1)
    if told.version == 1:
        assert raw.find(b"\r\n") == len(raw) - 2
    if not cut:
        assert _parsed(raw, cut=True) == told
        for more in (b"\0", b"\n", b"\r\n"):
            assert _parsed(raw + more) is None
    _ends(told)


def _parsed(raw: bytes, *, cut: bool = False) -> Proxied | None:
    try:
        return parse_proxy_header(raw, cut=cut)
    except ProxyHeaderError:
        return None


def _ends(told: Proxied) -> None:
    source, destination = told.source, told.destination
    ports = (told.source_port, told.destination_port)
    if source is None or destination is None:
        assert (source, destination, *ports) == (None,) * 4
        return
    numbers = [port for port in ports if port is not None and 0 <= port < 1 << 16]
    assert len(numbers) == 2
    assert len(source) == len(destination)
    assert len(source) in {4, 16}
    text = f"{ip_address(source)} {ip_address(destination)} {numbers[0]} {numbers[1]}"
    line = f"PROXY TCP{4 if len(source) == 4 else 6} {text}\r\n".encode()
    assert _parsed(line) == replace(told, version=1)
    rest = source + destination + b"".join(number.to_bytes(2) for number in numbers)
    head = bytes([0x21, 0x11 if len(source) == 4 else 0x21]) + len(rest).to_bytes(2)
    assert _parsed(_SIGNATURE + head + rest) == replace(told, version=2)

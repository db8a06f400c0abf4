"""PROXY protocol headers: what they say, and what becomes of them on a connection."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wire import CLIENT, GET, NOT_FOUND, SERVER, WHOLE, Wire, run, summary

from shipper.contract.events import Event, Flag
from shipper.contract.exchange import Proxied
from shipper.http import Assembler
from shipper.http.proxy_protocol import ProxyHeaderError, parse_proxy_header

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
LINE = b"PROXY TCP4 203.0.113.9 198.51.100.1 49152 443\r\n"
V4 = Proxied(1, bytes([203, 0, 113, 9]), 49152, bytes([198, 51, 100, 1]), 443)
V6 = bytes.fromhex("20010db8000000000000000000000001")
IPV4 = bytes([203, 0, 113, 9, 198, 51, 100, 1]) + struct.pack(">HH", 49152, 443)
IPV6 = V6 + V6[::-1] + struct.pack(">HH", 1, 2)
TLV = b"\x04\x00\x03abc"


def binary(rest: bytes, *, command: int = 0x21, family: int = 0x11, length: int = -1) -> bytes:
    """A header of version 2 around addresses and TLVs."""
    length = len(rest) if length < 0 else length
    return SIGNATURE + bytes([command, family]) + struct.pack(">H", length) + rest


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (LINE, V4),
        (
            b"PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n",
            Proxied(1, b"\0" * 4, 0, b"\xff" * 4, 65535),
        ),
        (b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n", Proxied(1, V6, 1, b"\0" * 15 + b"\1", 2)),
        (b"PROXY UNKNOWN\r\n", Proxied(1)),
        (b"PROXY UNKNOWN ffff::ffff ffff::ffff 65535 65535\r\n", Proxied(1)),
        (b"PROXY UNKNOWN what\xc3 ever\r\n", Proxied(1)),
        (binary(IPV4), Proxied(2, V4.source, 49152, V4.destination, 443)),
        (binary(IPV4 + TLV), Proxied(2, V4.source, 49152, V4.destination, 443)),
        (binary(IPV4, family=0x12), Proxied(2, V4.source, 49152, V4.destination, 443)),
        (binary(IPV6, family=0x21), Proxied(2, V6, 1, V6[::-1], 2)),
        (binary(b"x" * 216, family=0x31), Proxied(2)),
        (binary(b"", family=0x00), Proxied(2)),
        (binary(TLV, family=0x00), Proxied(2)),
        (binary(b"", command=0x20, family=0x00), Proxied(2)),
        (binary(IPV4, command=0x20), Proxied(2)),
        (binary(b"??", command=0x20, family=0x99), Proxied(2)),
    ],
)
def test_what_a_header_says(raw: bytes, said: Proxied) -> None:
    """Both versions, both families; what names no address has none."""
    assert parse_proxy_header(raw) == said


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 49152 443",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 49152 443\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 49152\r\n",
        b"PROXY TCP4  203.0.113.9 198.51.100.1 49152 443\r\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 49152 443 1\r\n",
        b"PROXY TCP4 203.0.113.256 198.51.100.1 49152 443\r\n",
        b"PROXY TCP4 203.0.113.09 198.51.100.1 49152 443\r\n",
        b"PROXY TCP4 ::1 ::1 1 2\r\n",
        b"PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        b"PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 65536 443\r\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 049 443\r\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 -1 443\r\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 " + b"9" * 5000 + b" 443\r\n",
        b"PROXY TCP4 203.0.113.9 198.51.100.1 \xb2 443\r\n",
        b"PROXY UDP4 203.0.113.9 198.51.100.1 1 443\r\n",
        b"PROXY\r\n",
        b"proxy tcp4 203.0.113.9 198.51.100.1 49152 443\r\n",
        b"PROXY UNKNOWN " + b"x" * 99 + b"\r\n",
        b"PROXY UNKNOWN 1\r\n\r\n",
        b"PROXY",
        b"\n",
        b"GET / HTTP/1.1\r\n",
        SIGNATURE,
        binary(IPV4, command=0x11),
        binary(IPV4, command=0x31),
        binary(IPV4, command=0x22),
        binary(IPV4, family=0x13),
        binary(IPV4, family=0x41),
        binary(IPV4[:-1]),
        binary(IPV4, family=0x21),
        binary(IPV4, family=0x31),
        binary(IPV4, length=13),
        binary(IPV4, length=11),
    ],
)
def test_what_is_refused(raw: bytes) -> None:
    """The protocol asks for strictness: a header that is not well formed says nothing."""
    with pytest.raises(ProxyHeaderError):
        parse_proxy_header(raw)


def test_cut_tlvs() -> None:
    """Addresses come first: TLVs that are longer than is taken are no loss."""
    raw = binary(IPV4 + TLV, length=9000)
    assert parse_proxy_header(raw, cut=True) == Proxied(2, V4.source, 49152, V4.destination, 443)
    with pytest.raises(ProxyHeaderError):
        parse_proxy_header(raw[:20], cut=True)


@given(
    st.one_of(
        st.binary(max_size=120),
        st.binary(max_size=60).map(lambda rest: SIGNATURE + rest),
        st.lists(
            st.sampled_from([b"PROXY", b" ", b"TCP4", b"TCP6", b"1.2.3.4", b"::1", b"1", b"\r\n"]),
            max_size=14,
        ).map(b"".join),
    ),
    st.booleans(),
)
def test_no_other_error(raw: bytes, cut: bool) -> None:  # noqa: FBT001
    """Whatever the bytes: what they say, or the parser's own refusal."""
    try:
        said = parse_proxy_header(raw, cut=cut)
    except ProxyHeaderError:
        return
    assert (said.source is None) is (said.destination is None)


def header(wire: Wire, data: bytes, flags: int = 0) -> Event:
    """The event of a PROXY protocol header."""
    event = wire.event(CLIENT, flags=Flag.PROXY | WHOLE | flags, data=data)
    wire.skip(CLIENT, len(data))
    return event


def test_a_header_belongs_to_the_connection() -> None:
    """Every exchange of the connection has it; the TCP peer stays what it is."""
    wire = Wire()
    assembler = Assembler()
    events = [header(wire, LINE)]
    for _ in range(2):
        events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    exchanges = run(events, assembler)
    assert [each.connection.proxied for each in exchanges] == [V4, V4]
    assert [each.connection.client_port for each in exchanges] == [40000, 40000]
    assert exchanges[0].request
    assert exchanges[0].request.header_bytes == len(GET)
    assert assembler.counters["proxy_header"] == 1


def test_a_header_cut_among_its_tlvs() -> None:
    """The flag reaches the parser."""
    wire = Wire()
    events = [header(wire, binary(IPV4, length=9000), Flag.CUT), *wire.send(CLIENT, GET)]
    [exchange] = run(events, close=True)
    assert exchange.connection.proxied == Proxied(2, V4.source, 49152, V4.destination, 443)


def test_a_malformed_header_is_named() -> None:
    """It says nothing of the client; the first exchange says that it was there."""
    wire = Wire()
    assembler = Assembler()
    events = [header(wire, b"PROXY TCP4 1.2.3.4\r\n")]
    for _ in range(2):
        events += wire.send(CLIENT, GET) + wire.send(SERVER, NOT_FOUND)
    exchanges = run(events, assembler)
    assert [each.anomalies for each in exchanges] == [("invalid_proxy_header",), ()]
    assert exchanges[0].connection.proxied is None
    assert assembler.counters["proxy_header_invalid"] == 1


def test_only_the_first_header_counts() -> None:
    """A second one, or one behind a message, is counted and changes nothing."""
    wire = Wire()
    assembler = Assembler()
    other = LINE.replace(b"203.0.113.9", b"192.0.2.66")
    events = [header(wire, LINE), header(wire, other)]
    half, rest = wire.send(CLIENT, GET, splits=[9])
    events += [half, header(wire, other)._replace(sequence=rest.sequence), rest]
    events += [*wire.send(SERVER, NOT_FOUND), header(wire, other)]
    exchanges = run([*events, *wire.send(CLIENT, GET)], assembler, close=True)
    assert [each.connection.proxied for each in exchanges] == [V4, V4]
    assert summary(exchanges)[0] == ("/one", 404, [])
    assert assembler.counters["proxy_header_late"] == 3


def test_a_header_alone_makes_no_exchange() -> None:
    """A health check that says no more than this."""
    wire = Wire()
    assembler = Assembler()
    assert run([header(wire, binary(b"", command=0x20, family=0)), wire.end()], assembler) == []
    assert assembler.connections == 0

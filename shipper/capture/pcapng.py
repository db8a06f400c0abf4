"""Reads the pcapng container: sections, interfaces and packets, into frames.

The formats of blocks are dpkt's; the walk over them is here, for want of a library that does it:
dpkt's own `Reader` (1.9.8) knows one interface of one section and hides how long a packet was on
the wire; python-pcapng (2.1.1, of 2022) stops at an interface's IPv6 address, loses count of the
interfaces with it, and takes a length below 12 as "all the rest"; scapy (2.8) carries a section's
interfaces into the next, ends at damage without a word, and its licence is not ours; libpcap
refuses interfaces of different link types.
https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
"""

import struct
from collections.abc import Iterator
from typing import NamedTuple

import dpkt

from shipper.capture.container import LONGEST, DamageError, Frame, Stream, timestamp

MAGIC = b"\x0a\x0d\x0d\x0a"
_SECTION, _INTERFACE, _PACKET, _SIMPLE, _ENHANCED = 0x0A0D0D0A, 1, 2, 3, 6
_READ = frozenset({_INTERFACE, _PACKET, _SIMPLE, _ENHANCED})
_LITTLE, _BIG = b"\x4d\x3c\x2b\x1a", b"\x1a\x2b\x3c\x4d"
_FRAME = 12  # type and length in front of a block's body, the length again behind it
_VERSION = 1
_TSRESOL, _TSOFFSET = 9, 14
_POWER_OF_TWO = 0x80
_FORMATS = {
    "<": {
        _INTERFACE: dpkt.pcapng.InterfaceDescriptionBlockLE,
        _PACKET: dpkt.pcapng.PacketBlockLE,
        _ENHANCED: dpkt.pcapng.EnhancedPacketBlockLE,
    },
    ">": {
        _INTERFACE: dpkt.pcapng.InterfaceDescriptionBlock,
        _PACKET: dpkt.pcapng.PacketBlock,
        _ENHANCED: dpkt.pcapng.EnhancedPacketBlock,
    },
}


class _Interface(NamedTuple):
    """What packets of an interface have in common; `offset` in seconds."""

    link_type: int
    snap_length: int
    ticks_a_second: int
    offset: int


class PcapngReader:
    """The frames of a pcapng file, by iteration, which raises DamageError where it can't go on.

    `damage` tells of a block that could not be read although its end was known.
    """

    def __init__(self, magic: bytes, stream: Stream) -> None:
        """`magic` has been read from the stream; DamageError when no section follows."""
        self.damage: str | None = None
        self._stream = stream
        self._order = "<"
        self._interfaces: list[_Interface | None] = []
        self._time = 0
        self._section(stream.exactly(len(magic)))

    def __iter__(self) -> Iterator[Frame]:
        while kind := self._stream.header(4):
            length = self._stream.exactly(4)
            if kind == MAGIC:
                self._section(length)
                continue
            frame = self._block(kind, length)
            if frame:
                yield frame

    def _number(self, data: bytes) -> int:
        return int.from_bytes(data, "little" if self._order == "<" else "big")

    def _section(self, length: bytes) -> None:
        """A section header: byte order and interfaces begin anew."""
        order = self._stream.exactly(4)
        if order not in (_LITTLE, _BIG):
            raise DamageError("a section without a byte order")
        self._order = "<" if order == _LITTLE else ">"
        self._interfaces = []
        body = self._body(length, len(order) + 12)
        major = self._number(self._stream.exactly(2))
        if major != _VERSION:
            raise DamageError(f"pcapng version {major} is not known")
        self._stream.skip(body - len(order) - 2)
        self._end(length)

    def _body(self, length: bytes, least: int) -> int:
        """The bytes between the two lengths of a block."""
        body = self._number(length) - _FRAME
        if body < least or body % 4:
            raise DamageError(f"a block of {body + _FRAME} bytes can't be")
        return body

    def _end(self, length: bytes) -> None:
        if self._stream.exactly(4) != length:
            raise DamageError("a block whose two lengths differ")

    def _block(self, kind: bytes, length: bytes) -> Frame | None:
        """The frame in a block, if there is one."""
        number, size = self._number(kind), self._body(length, 0)
        if number not in _READ or size > LONGEST:
            self._stream.skip(size)
            self._end(length)
            if number in _READ:
                self._note(f"a packet of {size} bytes can't be")
            return None
        body = self._stream.exactly(size)
        self._end(length)
        try:
            if number == _INTERFACE:
                self._interfaces.append(None)  # counted, whatever is wrong with it
                self._interfaces[-1] = self._interface(kind + length + body + length)
                return None
            if number == _SIMPLE:
                return self._simple(body)
            return self._packet(number, kind + length + body + length)
        except (dpkt.UnpackError, struct.error, ValueError) as error:
            self._note(f"a block makes no sense ({error or 'too short'})")
            return None

    def _note(self, problem: str) -> None:
        self.damage = self.damage or problem

    def _interface(self, block: bytes) -> _Interface:
        described = _FORMATS[self._order][_INTERFACE]()
        described.unpack_hdr(block)
        ticks, offset = 1_000_000, 0
        at = described.__hdr_len__ - 4
        while at + 4 <= len(block) - 4:
            code, size = struct.unpack_from(f"{self._order}HH", block, at)
            value = block[at + 4 : at + 4 + size]
            at += 4 + (size + 3) // 4 * 4
            if code == 0:
                break
            if code == _TSRESOL:
                (power,) = struct.unpack("B", value)
                low = power & ~_POWER_OF_TWO
                ticks = 2**low if power & _POWER_OF_TWO else 10**low
            elif code == _TSOFFSET:
                (offset,) = struct.unpack(f"{self._order}q", value)
        return _Interface(described.linktype, described.snaplen, ticks, offset)

    def _known(self, index: int) -> _Interface:
        interface = self._interfaces[index] if index < len(self._interfaces) else None
        if interface is None:
            raise ValueError(f"a packet of interface {index}, which is not described")
        return interface

    def _packet(self, kind: int, block: bytes) -> Frame:
        """An enhanced packet block, or the packet block it replaced."""
        packet = _FORMATS[self._order][kind]()
        packet.unpack_hdr(block)
        interface = self._known(packet.iface_id)
        at = packet.__hdr_len__ - 4
        data = block[at : at + packet.caplen]
        if len(data) < packet.caplen or at + packet.caplen > len(block) - 4:
            raise ValueError("a packet longer than its block")
        ticks = packet.ts_high << 32 | packet.ts_low
        self._time = timestamp(ticks, interface.ticks_a_second, interface.offset)
        return Frame(self._time, interface.link_type, data, max(packet.pkt_len, len(data)))

    def _simple(self, body: bytes) -> Frame:
        """A simple packet block: of the first interface, without a time, so that of the last."""
        interface = self._known(0)
        length = self._number(body[:4])
        taken = min(length, interface.snap_length or length)
        data = body[4 : 4 + taken]
        if len(data) < taken:
            raise ValueError("a packet longer than its block")
        return Frame(self._time, interface.link_type, data, length)

"""Reads the pcap container: file header and records, in either byte order, to ns, into frames.

The formats of both headers are dpkt's. Its own `Reader` hides how long a packet was on the wire and
takes a record that ends early as it comes, so the loop over records is here.
https://www.ietf.org/archive/id/draft-ietf-opsawg-pcap-05.html
"""

import struct
from collections.abc import Iterator

import dpkt

from shipper.capture.container import LONGEST, DamageError, Frame, Stream, timestamp

_HEADERS = dpkt.pcap.MAGIC_TO_PKT_HDR
MAGICS = frozenset(magic.to_bytes(4) for magic in _HEADERS)
_TO_NS = frozenset({dpkt.pcap.TCPDUMP_MAGIC_NANO, dpkt.pcap.PMUDPCT_MAGIC_NANO})
_FILE_HEADER = 24
_LINK_TYPE = 0x03FFFFFF  # the rest of the field says whether frames end in a check sequence


class PcapReader:
    """The frames of a pcap file, by iteration, which raises DamageError where it can't go on."""

    def __init__(self, magic: bytes, stream: Stream) -> None:
        """`magic` has been read from the stream; DamageError when the header is cut off."""
        number = int.from_bytes(magic)
        record = _HEADERS[number].__hdr_fmt__
        self._record = struct.Struct(record)
        little = record.startswith("<")
        header = (dpkt.pcap.LEFileHdr if little else dpkt.pcap.FileHdr)(
            magic + stream.exactly(_FILE_HEADER - len(magic))
        )
        self._stream = stream
        self._link_type = header.linktype & _LINK_TYPE
        self._second = 1_000_000_000 if number in _TO_NS else 1_000_000
        self.damage: str | None = None

    def __iter__(self) -> Iterator[Frame]:
        stream, unpack, second = self._stream, self._record.unpack, self._second
        while head := stream.header(self._record.size):
            # All formats begin alike: seconds, their parts, bytes kept, bytes there were.
            seconds, parts, kept, length = unpack(head)[:4]
            if kept > LONGEST:
                raise DamageError(f"a packet of {kept} bytes can't be")
            data = stream.exactly(kept)
            time = timestamp(seconds * second + parts, second)
            yield Frame(time, self._link_type, data, max(length, len(data)))

"""From captured frames to whole IP packets: what a host's network stack does before its sockets.

Link layers are taken off, fragments put together, and what has a wrong checksum is left out.
"""

from collections import Counter
from typing import NamedTuple

from shipper.capture.checksums import Checksums
from shipper.capture.container import Frame
from shipper.capture.fragments import Fragments
from shipper.capture.ip_header import IpHeader, parse
from shipper.capture.link_layer import KNOWN, ip_packet


class WholePacket(NamedTuple):
    """No fragment, and nothing speaks against it; `scope` as in `Packet`."""

    data: bytes
    header: IpHeader
    scope: int


class Packets:
    """Takes frames in the order of the capture. A function of these frames alone.

    `counted` says what became of them. Left out are `not_ip` and `unsupported_link_type`; of the
    others, which are `packets`, `no_header`, `bad_ip_checksum` and `bad_tcp_checksum`, and the
    `fragments`, of which `datagrams` come back (`fragments_...` says what became of each).
    `cut_short` are taken, but end before their last byte.
    """

    def __init__(self) -> None:
        """Nothing has been seen."""
        self.counted: Counter[str] = Counter()
        self._unsupported: Counter[int] = Counter()
        self._fragments = Fragments(self.counted)
        self._checksums = Checksums()

    def take(self, frame: Frame) -> WholePacket | None:
        """The packet in a frame, or the datagram that its fragment completes."""
        if frame.link_type not in KNOWN:
            self._unsupported[frame.link_type] += 1
            self.counted["unsupported_link_type"] += 1
            return None
        found = ip_packet(frame.link_type, frame.data)
        if found is None:
            self.counted["not_ip"] += 1
            return None
        self.counted["packets"] += 1
        packet = self._acceptable(found.data, found.scope)
        if packet is None or packet.header.fragment is None:
            return packet
        datagram = self._fragments.add(*packet, packet.header.fragment, frame.time)
        return None if datagram is None else self._acceptable(datagram, found.scope, rebuilt=True)

    def close(self) -> None:
        """The capture is over."""
        self._fragments.close()

    @property
    def unsupported(self) -> str | None:
        """What frames were left out for their link type, in words."""
        if not self._unsupported:
            return None
        types = ", ".join(f"{kind} ({count})" for kind, count in sorted(self._unsupported.items()))
        return f"these link types are not supported, with so many frames: {types}"

    @property
    def foreign(self) -> bool:
        """Whether there were frames, but none of a link type that is supported."""
        return bool(self._unsupported) and not self.counted["packets"] + self.counted["not_ip"]

    def _acceptable(self, data: bytes, scope: int, *, rebuilt: bool = False) -> WholePacket | None:
        """What can be read and has no wrong checksum."""
        header = parse(data)
        if header is None:
            self.counted["no_header"] += 1
            return None
        refused = self._checksums.refuses(data, header, scope, rebuilt=rebuilt)
        if refused:
            self.counted[refused] += 1
            return None
        if header.end > len(data):
            self.counted["cut_short"] += 1
        return WholePacket(data, header, scope)

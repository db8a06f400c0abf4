"""Puts IP fragments of a capture file together (RFC 791, RFC 8200 section 4.5), as Linux does.

Live the kernel does it: in front of sockets always, on interfaces because the packet socket asks
for it. Like there (net/ipv4/inet_fragment.c) a fragment that overlaps another discards the whole
datagram, in both versions (RFC 5722): who could choose which bytes win, could show us others than
the receiver's. A copy of what is there already is left out.

Memory is bounded by DATAGRAMS and BYTES; the oldest datagram goes first. Every fragment is counted
as `fragments`, and then either as `fragments_joined` or by the reason why it was discarded.
"""

from collections import Counter, OrderedDict
from dataclasses import dataclass, field

from shipper.capture.ip_header import IPV6_HEADER, TCP, Fragment, IpHeader

#: Datagrams that wait for more of their fragments, and the bytes they hold.
DATAGRAMS = 1024
BYTES = 4 << 20
#: How long they wait, in ns of the capture's time: net.ipv4.ipfrag_time, RFC 8200 section 4.5.
TIMEOUT = {4: 30_000_000_000, 6: 60_000_000_000}
_LONGEST = 65535
_OVERHEAD = 256
_V4 = 4
_TCP_HEADER = 20

_Key = tuple[int, bytes]


@dataclass(slots=True)
class _Run:
    """Bytes that follow one another, in the order in which they came."""

    begin: int
    end: int
    parts: list[bytes]


@dataclass(slots=True)
class _Datagram:
    """Fragments of one datagram; `length` of what they carry is known when the last is there."""

    begun: int
    version: int
    head: bytes = b""
    length: int = 0
    last_seen: bool = False
    held: int = 0
    fragments: int = 0
    runs: list[_Run] = field(default_factory=list)

    def contradicts(self, end: int, *, more: bool) -> bool:
        """Whether a fragment denies what is known of the end; notes what it tells of it."""
        if more:
            if end > self.length and self.last_seen:
                return True
            self.length = max(self.length, end)
            return False
        if end < self.length or (self.last_seen and end != self.length):
            return True
        self.length, self.last_seen = end, True
        return False

    def insert(self, begin: int, end: int, data: bytes) -> str | None:
        """inet_frag_queue_insert: the reason why a fragment is not taken."""
        place = len(self.runs)
        if place and begin == self.runs[-1].end:
            self.runs[-1].end = end
            self.runs[-1].parts.append(data)
            return None
        while place and self.runs[place - 1].end > begin:
            run = self.runs[place - 1]
            if run.begin <= begin and end <= run.end:
                return "duplicate"
            if end > run.begin:
                return "overlap"
            place -= 1
        self.runs.insert(place, _Run(begin, end, [data]))
        return None

    @property
    def complete(self) -> bool:
        """Whether all is there: runs don't overlap, so that their lengths add up."""
        return bool(self.last_seen and self.head) and self.length == sum(
            run.end - run.begin for run in self.runs
        )

    def payload(self) -> bytes:
        """What the fragments carry."""
        return b"".join(part for run in self.runs for part in run.parts)


class Fragments:
    """Fragments on their way to datagrams. A function of what is given to `add`, in its order."""

    def __init__(
        self, counted: Counter[str], datagrams: int = DATAGRAMS, size: int = BYTES
    ) -> None:
        """`counted` is where fragments are accounted for."""
        self._counted = counted
        self._most, self._most_bytes = datagrams, size
        self._waiting: OrderedDict[_Key, _Datagram] = OrderedDict()
        self._held = 0

    def add(
        self, packet: bytes, header: IpHeader, scope: int, fragment: Fragment, time: int
    ) -> bytes | None:
        """The datagram that this fragment makes whole, as one packet; `time` in ns."""
        self._counted["fragments"] += 1
        self._expire(time)
        key = scope, _identity(packet, header, fragment)
        end = header.end or len(packet)
        if end > len(packet):
            self._discard(key, "cut_short", 1)
            return None
        data = packet[header.transport : end]
        if fragment.more and len(data) % 8:
            if header.version != _V4:
                self._leave_out("odd_length")
                return None
            data = data[: -(len(data) % 8)]
        if not data or fragment.offset + len(data) > _LONGEST:
            self._discard(key, "impossible_length", 1)
            return None
        if _splits_header(header, fragment, data):
            self._leave_out("header_split")
            return None
        if key not in self._waiting:
            self._waiting[key] = _Datagram(time, header.version)
        head = b"" if fragment.offset else _head(packet, header, fragment)
        return self._take(key, fragment, data, head)

    def _take(self, key: _Key, fragment: Fragment, data: bytes, head: bytes) -> bytes | None:
        datagram = self._waiting[key]
        begin, end = fragment.offset, fragment.offset + len(data)
        if datagram.contradicts(end, more=fragment.more):
            self._discard(key, "impossible_length", 1)
            return None
        refused = datagram.insert(begin, end, data)
        if refused == "duplicate":
            self._leave_out(refused)
            return None
        if refused:
            self._discard(key, refused, 1)
            return None
        datagram.head = head or datagram.head
        datagram.fragments += 1
        datagram.held += len(data) + _OVERHEAD
        self._held += len(data) + _OVERHEAD
        if datagram.complete:
            return self._finish(key, datagram)
        while len(self._waiting) > self._most or self._held > self._most_bytes:
            self._discard(next(iter(self._waiting)), "no_room")
        return None

    def _finish(self, key: _Key, datagram: _Datagram) -> bytes | None:
        ours = len(datagram.head) - (0 if datagram.version == _V4 else IPV6_HEADER)
        if ours + datagram.length > _LONGEST:
            self._discard(key, "impossible_length")
            return None
        self._forget(key)
        self._counted["datagrams"] += 1
        self._counted["fragments_joined"] += datagram.fragments
        length = (ours + datagram.length).to_bytes(2)
        at = 2 if datagram.version == _V4 else 4
        return datagram.head[:at] + length + datagram.head[at + 2 :] + datagram.payload()

    def close(self) -> None:
        """The end of the file: what still waits is incomplete."""
        for key in list(self._waiting):
            self._discard(key, "incomplete")

    def _expire(self, time: int) -> None:
        over = []
        for key, datagram in self._waiting.items():
            age = time - datagram.begun
            if age <= TIMEOUT[_V4]:
                break
            if age > TIMEOUT[datagram.version]:
                over.append(key)
        for key in over:
            self._discard(key, "timed_out")

    def _forget(self, key: _Key) -> _Datagram | None:
        datagram = self._waiting.pop(key, None)
        self._held -= datagram.held if datagram else 0
        return datagram

    def _leave_out(self, reason: str) -> None:
        self._counted[f"fragments_{reason}"] += 1

    def _discard(self, key: _Key, reason: str, more: int = 0) -> None:
        """The datagram with all that is there of it, and `more` fragments that never got in."""
        datagram = self._forget(key)
        self._counted[f"fragments_{reason}"] += more + (datagram.fragments if datagram else 0)


def _identity(packet: bytes, header: IpHeader, fragment: Fragment) -> bytes:
    """RFC 791: addresses, protocol and identification; RFC 8200: no protocol."""
    if header.version == _V4:
        return packet[12:20] + packet[9:10] + fragment.id
    return packet[8:40] + fragment.id


def _splits_header(header: IpHeader, fragment: Fragment, data: bytes) -> bool:
    """Whether the first fragment holds less than the TCP header, as IPv6 forbids (RFC 8200)."""
    first = header.version != _V4 and not fragment.offset
    return first and header.protocol == TCP and len(data) < _TCP_HEADER


def _head(packet: bytes, header: IpHeader, fragment: Fragment) -> bytes:
    """What stands in front of the payload, as if it had never been cut."""
    head = bytearray(packet[: header.transport])
    if header.version == _V4:
        head[6] &= 0x40  # of the flags only "don't fragment" stays
        head[7] = 0
    else:
        del head[-8:]
        head[fragment.named_at] = header.protocol
    return bytes(head)

"""Checksums: a decoy is refused, and a host with offloading is believed."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrRouting
from scapy.packet import Packet, Raw

from shipper.capture.checksums import Checksums, tcp_sums
from shipper.capture.container import Frame
from shipper.capture.ip_header import parse
from shipper.capture.packets import Packets

from .containers import CAPTURES, read

FOUR = IP(src="10.1.2.3", dst="10.3.2.1")
SIX = IPv6(src="fd00::1", dst="fd00::2")
RAW = 101
GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
NAMES = sorted(path.name for path in CAPTURES.glob("*.pcap"))


def segment(flags: str = "PA", data: bytes = GET, *, checksum: int | None = None) -> Packet:
    """A TCP segment; its checksum is right unless given."""
    return TCP(sport=1234, dport=80, flags=flags, chksum=checksum) / Raw(data)


def left_for_the_card(head: Packet, data: bytes) -> int:
    """What Linux writes where the network card is to complete the checksum: net/ipv4/tcp_ipv4.c."""
    packet = bytes(head / segment(data=data, checksum=0))
    addresses = packet[12:20] if packet[0] >> 4 == 4 else packet[8:40]
    size = len(data) + 20
    words = [int.from_bytes(addresses[i : i + 2]) for i in range(0, len(addresses), 2)]
    total = sum(words) + 6 + size
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Judge:
    """Packets one after the other."""

    def __init__(self, sides: int = 100) -> None:
        self.checksums = Checksums(sides)

    def __call__(self, packet: Packet | bytes, scope: int = 0, *, rebuilt: bool = False) -> str:
        """Why it is refused; nothing when it is taken."""
        data = bytes(packet)
        header = parse(data)
        assert header
        return self.checksums.refuses(data, header, scope, rebuilt=rebuilt) or ""


@pytest.mark.parametrize("head", [FOUR, SIX])
@pytest.mark.parametrize("shown", [segment("S", b""), segment()])
@pytest.mark.parametrize("size", [0, 1, 10, 1400])
def test_a_wrong_checksum_after_a_right_one(head: Packet, shown: Packet, size: int) -> None:
    """A SYN or data that were right, and then a decoy: odd and even lengths."""
    judge = Judge()
    assert judge(head / shown) == ""
    assert judge(head / segment(data=bytes(size), checksum=0x1234)) == "bad_tcp_checksum"
    assert judge(head / segment(data=bytes(size))) == ""


@pytest.mark.parametrize("head", [FOUR, SIX])
def test_a_sender_that_has_shown_no_right_one_is_believed(head: Packet) -> None:
    """It is the host that captured: resets and bare acknowledgements prove nothing."""
    judge = Judge()
    for shown in (segment("A", b""), segment("R", b""), segment("RA", b"reason")):
        assert judge(head / shown) == ""
    for number in range(5):
        assert judge(head / segment(checksum=number)) == ""


def test_each_side_of_each_connection_is_judged_by_itself() -> None:
    """What one has shown says nothing of the other, of another port or of another VLAN."""
    judge = Judge()
    judge(FOUR / segment("S", b""), scope=1)
    back = IP(src="10.3.2.1", dst="10.1.2.3") / TCP(sport=80, dport=1234, chksum=9) / Raw(GET)
    port = FOUR / TCP(sport=1235, dport=80, chksum=9) / Raw(GET)
    wrong = FOUR / segment(checksum=9)
    assert [judge(back, 1), judge(port, 1), judge(wrong, 2)] == ["", "", ""]
    assert judge(wrong, 1) == "bad_tcp_checksum"


@pytest.mark.parametrize("head", [FOUR, SIX])
@pytest.mark.parametrize("data", [GET, b"x" * 1001])
def test_what_linux_leaves_for_the_card_is_no_decoy(head: Packet, data: bytes) -> None:
    """Segments merged on reception have it behind a SYN that was right."""
    judge = Judge()
    judge(head / segment("S", b""))
    left = left_for_the_card(head, data)
    assert judge(head / segment(data=data, checksum=left)) == ""
    assert judge(head / segment(data=data, checksum=left ^ 1)) == "bad_tcp_checksum"


def test_a_packet_longer_than_ethernets_was_merged() -> None:
    """By a card that writes no checksum; a datagram put together from fragments was not."""
    judge = Judge()
    judge(FOUR / segment("S", b""))
    merged = FOUR / segment(data=bytes(3000), checksum=1)
    assert judge(merged) == ""
    assert judge(merged, rebuilt=True) == "bad_tcp_checksum"


def test_who_can_not_tell_does_not() -> None:
    """A packet that was cut short, and one whose last address stands in a routing header."""
    judge = Judge()
    for head in (FOUR, SIX):
        judge(head / segment("S", b""))
        assert judge(bytes(head / segment(checksum=1))[:-1]) == ""
    routed = SIX / IPv6ExtHdrRouting(segleft=1, addresses=["fd00::9"]) / segment(checksum=1)
    assert judge(routed) == ""


def test_a_header_of_ipv4() -> None:
    """The same rule: refused where the sender has shown right ones."""
    for first, expected in ((None, "bad_ip_checksum"), (0, "")):
        judge = Judge()
        assert judge(IP(src="10.1.2.3", dst="10.3.2.1", chksum=first) / segment()) == ""
        assert judge(IP(src="10.1.2.3", dst="10.3.2.1", chksum=5) / segment()) == expected


def test_what_is_remembered_is_bounded() -> None:
    """The side that was silent longest is forgotten: its decoys are then believed."""
    judge = Judge(sides=20)
    heads = [SIX / TCP(sport=port, dport=80, flags="S") for port in range(30)]
    for head in heads:
        judge(head)
    wrong = [SIX / TCP(sport=port, dport=80, flags="S", chksum=1) for port in range(30)]
    assert [bool(judge(packet)) for packet in wrong] == [False] * 10 + [True] * 20


@settings(deadline=None)
@given(
    st.sampled_from([FOUR, SIX]),
    st.binary(min_size=1, max_size=100),
    st.integers(0, 200),
    st.integers(1, 255),
)
def test_any_byte_that_was_changed_is_noticed(
    head: Packet, data: bytes, at: int, difference: int
) -> None:
    """Somewhere in the segment."""
    judge = Judge()
    judge(head / segment("S", b""))
    right = bytes(head / segment(data=data))
    at = len(right) - 1 - at % (len(data) + 4)
    wrong = right[:at] + bytes([right[at] ^ difference]) + right[at + 1 :]
    assert judge(right) == ""
    assert judge(wrong) == "bad_tcp_checksum"


def test_a_fragment_of_a_decoy() -> None:
    """Headers of fragments are looked at one by one, and the segment when it is whole."""
    packets = Packets()
    good, bad = bytes(segment()), bytes(segment(checksum=1))

    def show(data: bytes, **fields: int | str) -> bool:
        packet = bytes(IP(src="10.1.2.3", dst="10.3.2.1", proto=6, **fields) / Raw(data))
        return packets.take(Frame(0, RAW, packet, len(packet))) is not None

    good = bytes(FOUR / segment())[20:]
    assert show(good)
    assert not show(bad[:40], flags="MF", id=3)
    assert not show(bad[40:], frag=5, id=3)
    assert not show(good[:40], flags="MF", id=4)
    assert not show(good[40:], frag=5, id=4, chksum=0x1111)
    assert show(good[40:], frag=5, id=4)
    assert packets.counted["bad_tcp_checksum"] == packets.counted["bad_ip_checksum"] == 1


def told_by_tshark(path: Path) -> dict[int, bool]:
    """Frame number -> whether the checksum of its segment is right, where tshark can tell."""
    done = subprocess.run(
        [
            *("tshark", "-r", str(path), "-o", "tcp.check_checksum:TRUE", "-Y", "tcp"),
            *("-T", "fields", "-e", "frame.number", "-e", "tcp.checksum.status"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    rows = (line.split("\t") for line in done.stdout.splitlines())
    return {int(number): status == "1" for number, status in rows if status in ("0", "1")}


@pytest.mark.parametrize("name", NAMES)
def test_tshark_agrees_on_every_capture(name: str) -> None:
    """Which checksums are right; and none of these captures loses a segment for its own."""
    packets, ours = Packets(), {}
    for number, frame in enumerate(read(CAPTURES / name)[0], 1):
        packet = packets.take(frame)
        if packet and packet.header.is_tcp and len(packet.data) >= packet.header.end:
            ours[number] = tcp_sums(packet.data, packet.header, packet.header.end)[0] == 0
    assert ours == told_by_tshark(CAPTURES / name)
    assert ours
    assert {"bad_tcp_checksum", "bad_ip_checksum"} & set(packets.counted) == set()

"""Link layers: the same IP packet inside each, wherever tshark finds one."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6

from shipper.capture.container import Frame
from shipper.capture.link_layer import KNOWN, ip_packet
from shipper.capture.packets import Packets

from .containers import Pcapng

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
FOUR = bytes(IP(src="10.1.2.3", dst="10.3.2.1") / TCP(sport=1234, dport=80, flags="PA") / GET)
SIX = bytes(IPv6(src="fd00::1", dst="fd00::2") / TCP(sport=1234, dport=80, flags="PA") / GET)

MACS = b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02"
SLL = b"\0\0\0\x01\0\x06\x02\0\0\0\0\x01\0\0"
#: SLL2's header behind the protocol: reserved, interface, kind of hardware and packet, address
SLL2 = b"\0\0\0\0\0\x02\0\x01\0\x06\x02\0\0\0\0\x01\0\0"
#: IEEE 802.11: duration, three addresses, sequence control; and LLC with SNAP
WLAN = b"\0\0" + MACS + b"\x02\0\0\0\0\x03" + b"\x10\0"
SNAP = b"\xaa\xaa\x03\0\0\0\x08\0"
PPPOE = b"\x11\0\0\x2a\0\x5a"
NFLOG_LITTLE = b"\x02\0\0\0\x08\0\x01\0\x08\0\x01\0\x05\0\x0a\0\0\0\0\0"
NFLOG_BIG = b"\x02\0\0\0\0\x08\0\x01\x08\0\x01\0\0\x05\0\x0a\0\0\0\0"


def nflog(packet: bytes, order: str) -> bytes:
    """A header, two other attributes, the packet, and one more attribute."""
    size = (len(packet) + 4).to_bytes(2, order) + (9).to_bytes(2, order)  # type: ignore[arg-type]
    last = (8).to_bytes(2, order) + (3).to_bytes(2, order) + bytes(4)  # type: ignore[arg-type]
    head = NFLOG_LITTLE if order == "little" else NFLOG_BIG
    return head + size + packet + bytes(-len(packet) % 4) + last


CASES: dict[str, tuple[int, bytes, int]] = {
    "ethernet": (1, MACS + b"\x08\0" + FOUR, 0),
    "ethernet, IPv6": (1, MACS + b"\x86\xdd" + SIX, 0),
    "802.1Q": (1, MACS + b"\x81\0\x60\x05\x08\0" + FOUR, 5),
    "802.1Q, only a priority": (1, MACS + b"\x81\0\x60\0\x08\0" + FOUR, 0),
    "802.1ad": (1, MACS + b"\x88\xa8\0\x07\x81\0\0\x05\x86\xdd" + SIX, 7 << 12 | 5),
    "0x9100": (1, MACS + b"\x91\0\x0f\xfe\x81\0\0\x05\x08\0" + FOUR, 0xFFE << 12 | 5),
    "three tags": (
        1,
        MACS + b"\x88\xa8\0\x01\x88\xa8\0\x02\x81\0\0\x03\x08\0" + FOUR,
        2 << 12 | 3,
    ),
    "MPLS, two labels": (1, MACS + b"\x88\x47\0\x01\x10\x40\0\x01\x11\x40" + FOUR, 0),
    "MPLS in a VLAN": (1, MACS + b"\x81\0\0\x09\x88\x47\0\x01\x11\x40" + FOUR, 9),
    "802.3 with SNAP": (
        1,
        MACS + (len(FOUR) + 8).to_bytes(2) + b"\xaa\xaa\x03\0\0\0\x08\0" + FOUR,
        0,
    ),
    "PPPoE": (1, MACS + b"\x88\x64" + PPPOE + b"\0\x21" + FOUR, 0),
    "PPPoE in a VLAN, IPv6": (
        1,
        MACS + b"\x81\0\0\x04\x88\x64" + PPPOE + b"\0\x57" + SIX + bytes(6),
        4,
    ),
    "PPPoE by itself": (51, PPPOE + b"\0\x21" + FOUR, 0),
    "PPP": (9, b"\0\x21" + FOUR, 0),
    "PPP with address": (9, b"\xff\x03\0\x21" + FOUR, 0),
    "PPP, protocol compressed": (9, b"\xff\x03\x21" + FOUR, 0),
    "PPP in HDLC": (50, b"\xff\x03\0\x57" + SIX, 0),
    "Cisco HDLC by PPP's type": (50, b"\x0f\0\x08\0" + FOUR, 0),
    "Cisco HDLC": (104, b"\x8f\0\x08\0" + FOUR, 0),
    "NULL, little": (0, b"\x02\0\0\0" + FOUR, 0),
    "NULL, big": (0, b"\0\0\0\x02" + FOUR, 0),
    "NULL, IPv6 of FreeBSD": (0, b"\x1c\0\0\0" + SIX, 0),
    "LOOP": (108, b"\0\0\0\x02" + FOUR, 0),
    "SLL": (113, SLL + b"\x08\0" + FOUR, 0),
    "SLL, VLAN": (113, SLL + b"\x81\0\0\x07\x86\xdd" + SIX, 7),
    "SLL2": (276, b"\x86\xdd" + SLL2 + SIX, 0),
    "SLL2, VLAN": (276, b"\x81\0" + SLL2 + b"\0\x07\x08\0" + FOUR, 7),
    "NFLOG, little": (239, nflog(FOUR, "little"), 0),
    "NFLOG, big": (239, nflog(FOUR, "big"), 0),
    "raw": (101, FOUR, 0),
    "raw, BSD": (12, SIX, 0),
    "raw, OpenBSD": (14, FOUR, 0),
    "802.11": (105, b"\x08\x01" + WLAN + SNAP + FOUR, 0),
    "802.11 between access points": (105, b"\x08\x03" + WLAN + bytes(6) + SNAP + FOUR, 0),
    "802.11 with quality of service": (105, b"\x88\x02" + WLAN + b"\0\0" + SNAP + FOUR, 0),
    "802.11 behind radiotap": (
        127,
        b"\0\0\x0c\0\x04\0\0\0\x02\0\0\0" + b"\x08\x01" + WLAN + SNAP[:-2] + b"\x86\xdd" + SIX,
        0,
    ),
    "IPv4": (228, FOUR, 0),
    "IPv6": (229, SIX, 0),
}


def test_every_known_link_type_has_a_case() -> None:
    """So that none is known by name alone."""
    assert {link_type for link_type, _, _ in CASES.values()} == KNOWN


@pytest.mark.parametrize("name", CASES)
def test_the_packet_inside(name: str) -> None:
    """From its IP header on (padding may follow), and the tags in front of it."""
    link_type, frame, scope = CASES[name]
    found = ip_packet(link_type, frame)
    assert found
    inside = FOUR if FOUR in frame else SIX
    assert found.data[: len(inside)] == inside
    assert not found.data[len(inside) :].strip(b"\0")
    assert found.scope == scope


@pytest.mark.parametrize(
    "head",
    [
        b"\x80\0" + WLAN,  # a beacon
        b"\x08\x41" + WLAN,  # encrypted
        b"\x48\x01" + WLAN,  # without data
        b"\x88\x01" + WLAN + b"\x80\0",  # several packets in one
        b"\x08\x01",  # cut off
    ],
)
def test_a_wireless_frame_that_shows_no_packet(head: bytes) -> None:
    """What is not a single packet in the clear is left out."""
    assert ip_packet(105, head + (SNAP + FOUR if len(head) > 2 else b"")) is None


def test_tshark_reads_these_frames(tmp_path: Path) -> None:
    """They are what their names say: another reader finds the request in each.

    Of NFLOG it takes the byte order from the file: so what is big-endian has a section like that.
    """
    sections = {order: Pcapng(order).section() for order in ("<", ">")}
    names = sorted(CASES, key=lambda name: "big" in name)
    for index, name in enumerate(names):
        link_type, frame, _ = CASES[name]
        file = sections[">" if "big" in name else "<"]
        file.interface(link_type)
        earlier = sum("big" not in known for known in names) if "big" in name else 0
        file.packet(index - earlier, index, frame)
    path = tmp_path / "all.pcapng"
    path.write_bytes(b"".join(file.bytes for file in sections.values()))
    done = subprocess.run(
        # All are the same segment: it is to be looked at again each time.
        [
            *("tshark", "-r", str(path), "-o", "tcp.analyze_sequence_numbers:FALSE"),
            *("-Y", 'http.request.method == "GET"', "-T", "fields", "-e", "frame.number"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    read = {names[int(number) - 1] for number in done.stdout.split()}
    assert read == set(names)


@pytest.mark.parametrize(
    ("link_type", "frame"),
    [
        (1, MACS + b"\x08\x06" + bytes(28)),
        (1, MACS + b"\x88\xcc" + bytes(28)),
        (1, MACS + b"\x08\0\xff" + bytes(28)),
        (1, MACS + b"\x88\x47\0\x01\x10\x40"),
        (1, MACS + b"\x88\x64" + PPPOE + b"\xc0\x21" + FOUR),
        (9, b"\xff\x03\xc0\x21" + FOUR),
        (113, SLL + b"\0\x04" + FOUR),
        (239, b"\x02\0\0\0\x03\0\x09\0" + FOUR),
        (239, b"\x02\0\0\0"),
        (101, b""),
    ],
)
def test_what_holds_no_ip_packet(link_type: int, frame: bytes) -> None:
    """Other protocols, or nothing."""
    assert ip_packet(link_type, frame) is None


@settings(deadline=None)
@given(st.sampled_from(sorted(CASES)), st.data())
def test_frames_cut_anywhere(name: str, data: st.DataObject) -> None:
    """A capture keeps as much of a frame as it likes: what is found is the packet's beginning."""
    link_type, frame, _ = CASES[name]
    found = ip_packet(link_type, frame[: data.draw(st.integers(0, len(frame)))])
    assert (
        found is None
        or (FOUR + bytes(40)).startswith(found.data[: len(FOUR)])
        or ((SIX + bytes(40)).startswith(found.data[: len(SIX)]))
    )


@settings(deadline=None)
@given(st.sampled_from(sorted(KNOWN)), st.binary(max_size=120))
def test_any_bytes_are_a_frame(link_type: int, frame: bytes) -> None:
    """Nothing raises, and each frame is counted once."""
    packets = Packets()
    packets.take(Frame(0, link_type, frame, len(frame)))
    packets.close()
    assert packets.counted["packets"] + packets.counted["not_ip"] == 1


def test_other_link_types_are_counted_and_said() -> None:
    """The rest of the file is read."""
    packets = Packets()
    for link_type in (189, 1, 147, 189):
        packets.take(Frame(0, link_type, MACS + b"\x08\0" + FOUR, 0))
    assert packets.counted == {"unsupported_link_type": 3, "packets": 1}
    assert packets.unsupported
    assert packets.unsupported.endswith("147 (1), 189 (2)")
    assert not packets.foreign

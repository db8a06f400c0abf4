"""Between the file and the program: fragments, decoys, cut packets, link types, one after another.

What is made of a capture here must not change what is told of it.
"""

import itertools
import json
import random
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.packet import Packet, Raw

from shipper import wiring
from shipper.capture import CaptureFile, Replay, open_kernel
from shipper.capture.link_layer import ip_packet
from shipper.config import Config
from shipper.contract.exchange import Exchange

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
PIPELINING = CAPTURES / "http-pipelining.pcap"
RAW, ETHERNET, FOREIGN = 101, 1, 195
SECOND = 10**9


def told(path: Path) -> tuple[list[Exchange], Counter[str]]:
    """Every exchange of a capture, and what became of its frames."""
    config = Config()
    kernel = open_kernel(wiring.capture_settings(config, hook="replay"))
    try:
        assembler = wiring.assembler(config)
        with CaptureFile(path) as capture:
            packets = Replay(kernel, capture)
            found = [done for event in packets for done in assembler.feed(event)]
        return [*found, *assembler.close()], packets.counted
    finally:
        kernel.close()


def write(path: Path, packets: Iterable[tuple[int, bytes]], link_type: int = RAW) -> Path:
    """A capture file, its times in ns."""
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262144, link_type))
        for time, data in packets:
            seconds, fraction = divmod(time, SECOND)
            file.write(struct.pack("<IIII", seconds, fraction, len(data), len(data)) + data)
    return path


def captured(path: Path) -> list[tuple[int, bytes]]:
    """The TCP packets of a capture and their times."""
    with CaptureFile(path) as capture:
        found = [(frame.time, ip_packet(frame.link_type, frame.data)) for frame in capture]
    packets = [(time, IP(packet.data)) for time, packet in found if packet]
    # Padding is no part of a packet.
    return [(time, bytes(packet)[: packet.len]) for time, packet in packets if TCP in packet]


def as_ipv6(packet: bytes) -> Packet:
    """The same segment between two IPv6 hosts."""
    v4 = IP(packet)
    segment = v4[TCP]
    segment.chksum = None
    return IPv6(src=f"fd00::{v4.src}", dst=f"fd00::{v4.dst}") / segment


def in_fragments(packet: Packet, number: int, chance: random.Random) -> list[bytes]:
    """A packet in pieces of any size, in any order, one of them twice."""
    six = packet.version == 6
    payload = bytes(packet)[40 if six else packet.ihl * 4 :]
    cuts = chance.sample(range(3, len(payload) // 8 + 1), min(4, len(payload) // 8 - 2))
    places = [0, *sorted(cut * 8 for cut in cuts), len(payload)]
    parts = []
    for begin, end in itertools.pairwise(places):
        if begin == end:
            continue
        last = end == len(payload)
        if six:
            cut = IPv6ExtHdrFragment(nh=6, id=number, offset=begin // 8, m=int(not last))
            head: Packet = IPv6(src=packet.src, dst=packet.dst) / cut
        else:
            flags = 0 if last else "MF"
            ends = {"src": packet.src, "dst": packet.dst, "proto": 6}
            head = IP(**ends, id=number % 65536, frag=begin // 8, flags=flags)
        parts.append(bytes(head / Raw(payload[begin:end])))
    if len(parts) > 1:
        parts.append(parts[chance.randrange(len(parts))])
    chance.shuffle(parts)
    return parts


def requests_by_tshark(path: Path) -> list[str]:
    """The targets that another reader finds, its own reassembly included."""
    done = subprocess.run(
        ["tshark", "-r", str(path), "-Y", "http.request", "-T", "fields", "-e", "http.request.uri"],
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(done.stdout.splitlines())


@pytest.mark.parametrize("version", [4, 6])
@pytest.mark.parametrize("name", ["http-pipelining.pcap", "http-all-headers.pcap"])
def test_a_capture_in_fragments_tells_the_same(tmp_path: Path, name: str, version: int) -> None:
    """Each packet that is long enough cut anywhere, its pieces in any order, one of them twice."""
    chance = random.Random(name)
    packets = [
        (time, as_ipv6(packet) if version == 6 else IP(packet))
        for time, packet in captured(CAPTURES / name)
    ]
    whole = write(tmp_path / "whole.pcap", [(time, bytes(packet)) for time, packet in packets])
    cut = []
    for number, (time, packet) in enumerate(packets):
        long = len(bytes(packet)) > 120
        parts = in_fragments(packet, number, chance) if long else [bytes(packet)]
        cut += [(time, part) for part in parts]
    fragmented = write(tmp_path / "fragmented.pcap", cut)
    exchanges, counted = told(fragmented)
    expected, _ = told(whole)
    assert exchanges == expected
    assert exchanges
    assert counted["datagrams"] > 10
    assert (
        counted["fragments"]
        == counted["fragments_joined"]
        + counted["fragments_duplicate"]
        + (counted["fragments_incomplete"])
    )
    assert requests_by_tshark(fragmented) == requests_by_tshark(whole)


def conversation(*, decoy: int | None, syn: int | None = None) -> list[bytes]:
    """A request and its response; a decoy in front of the request has this checksum."""
    client, server = {"src": "10.9.0.1", "dst": "10.9.0.2"}, {"src": "10.9.0.2", "dst": "10.9.0.1"}
    ask, answer = {"sport": 4000, "dport": 80}, {"sport": 80, "dport": 4000}
    real = b"GET /real HTTP/1.1\r\nHost: a\r\n\r\n"
    fake = b"GET /fake HTTP/1.1\r\nHost: a\r\n\r\n"
    response = b"HTTP/1.1 204 No Content\r\n\r\n"
    wrong = {"seq": 101, "ack": 501, "flags": "PA", "chksum": decoy}
    right = {"seq": 101, "ack": 501, "flags": "PA", "chksum": syn}
    return [
        bytes(IP(**client) / TCP(**ask, seq=100, flags="S", chksum=syn)),
        bytes(IP(**server) / TCP(**answer, seq=500, ack=101, flags="SA")),
        bytes(IP(**client) / TCP(**ask, **wrong) / Raw(fake)),
        bytes(IP(**client) / TCP(**ask, **right) / Raw(real)),
        bytes(IP(**server) / TCP(**answer, seq=501, ack=131, flags="PA") / Raw(response)),
    ]


@pytest.mark.parametrize(
    ("decoy", "syn", "target"),
    [
        (0xBAD, None, "/real"),  # no receiver takes it
        (None, None, "/fake"),  # a right checksum: the receiver takes what comes first
        (0xBAD, 0x111, "/fake"),  # the sender never has right ones: nobody can tell
    ],
)
def test_a_decoy_is_believed_only_where_nobody_can_tell(
    tmp_path: Path, decoy: int | None, syn: int | None, target: str
) -> None:
    """An attacker's segment that the server drops for its checksum does not hide the real one."""
    packets = enumerate(conversation(decoy=decoy, syn=syn))
    exchanges, counted = told(write(tmp_path / "decoy.pcap", [(i * SECOND, p) for i, p in packets]))
    assert [
        (e.request.target, e.response.status) for e in exchanges if e.request and e.response
    ] == [(target, 204)]
    assert counted["bad_tcp_checksum"] == (target == "/real")


def test_bodies_that_were_cut_short_are_still_measured(tmp_path: Path) -> None:
    """Of each packet 700 bytes were kept: what is missing is a hole, and sequence numbers span it.

    Headers are whole but one's: it is said to be cut off. Nothing is told that was not there.
    """
    path = tmp_path / "short.pcap"
    subprocess.run(["editcap", "-s", "700", str(PIPELINING), str(path)], check=True)
    exchanges, counted = told(path)
    expected, _ = told(PIPELINING)
    assert counted["cut_short"] > 20
    whole = [e for e in exchanges if not e.incomplete]
    assert len(whole) >= len(expected) - 1
    for ours, theirs in zip(exchanges, expected, strict=True):
        assert ours.request
        assert theirs.request
        assert set(ours.request.headers) <= set(theirs.request.headers)
        assert ours.response
        assert theirs.response
        # The time of a body's last byte is that of the last one that is there.
        assert replace(ours.response, end=0) == replace(theirs.response, end=0)
        assert ours.incomplete or ours.request == theirs.request


def test_headers_that_were_cut_short_are_said_to_be(tmp_path: Path) -> None:
    """Of each packet 200 bytes were kept: every message is incomplete, and none is made up."""
    path = tmp_path / "short.pcap"
    subprocess.run(["editcap", "-s", "200", str(PIPELINING), str(path)], check=True)
    exchanges, _ = told(path)
    messages = [m for e in told(PIPELINING)[0] for m in (e.request, e.response) if m]
    known = {header for message in messages for header in message.headers}
    assert exchanges
    assert all(exchange.incomplete for exchange in exchanges)
    for exchange in exchanges:
        for message in (exchange.request, exchange.response):
            assert message is None or set(message.headers) <= known


def test_the_same_addresses_in_two_nested_vlans(tmp_path: Path) -> None:
    """Outer and inner tag tell flows apart: neither disturbs the other."""
    tags = (b"\x88\xa8\0\x01\x81\0\0\x05\x08\0", b"\x88\xa8\0\x02\x81\0\0\x05\x08\0")
    packets = [bytes(12) + tag + p for p in conversation(decoy=0xBAD) for tag in tags]
    timed = [(i * SECOND, packet) for i, packet in enumerate(packets)]
    exchanges, _ = told(write(tmp_path / "qinq.pcap", timed, ETHERNET))
    assert sorted(
        (e.connection.scope, e.request.target, e.incomplete) for e in exchanges if e.request
    ) == [(1 << 12 | 5, "/real", ()), (2 << 12 | 5, "/real", ())]


def run(path: Path) -> tuple[int, int, str]:
    """Exit code, number of records and standard error of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "replay", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, len(done.stdout.splitlines()), done.stderr


def test_a_file_with_a_link_type_that_is_not_supported(tmp_path: Path) -> None:
    """The others are read, and the rest is said once; alone it is refused."""
    foreign = write(tmp_path / "foreign.pcap", [(i, bytes(60)) for i in range(7)], FOREIGN)
    good = write(tmp_path / "good.pcap", [(i, p) for i, p in enumerate(conversation(decoy=9))])
    both = tmp_path / "both.pcapng"
    subprocess.run(["mergecap", "-w", str(both), str(foreign), str(good)], check=True)
    code, records, errors = run(both)
    assert (code, records) == (0, 1)
    assert errors.count("195 (7)") == 1
    account = json.loads(errors.splitlines()[-1])
    assert account["packets"] == {
        "packets": 5,
        "unsupported_link_type": 7,
        "bad_tcp_checksum": 1,
    }
    code, records, errors = run(foreign)
    assert (code, records, len(errors.splitlines())) == (65, 0, 1)
    assert "not supported" in errors

"""A PROXY protocol header in front of a request, from the packet to the record."""

from pathlib import Path

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

from .test_replay_captures import replay

_V1 = b"PROXY TCP4 198.51.100.7 203.0.113.9 5555 443\r\n"
_V2 = (
    b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c"
    + bytes([198, 51, 100, 7, 203, 0, 113, 9])
    + (5555).to_bytes(2)
    + (443).to_bytes(2)
)
_REQUEST = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"


def _capture(path: Path, header: bytes) -> Path:
    """The load balancer 192.0.2.1 speaks for somebody else."""
    there, back = IP(src="192.0.2.1", dst="192.0.2.2"), IP(src="192.0.2.2", dst="192.0.2.1")
    ask, answer = {"sport": 999, "dport": 80}, {"sport": 80, "dport": 999}
    sent = header + _REQUEST
    packets: list[Packet] = [
        there / TCP(**ask, seq=9, flags="S"),
        back / TCP(**answer, seq=99, ack=10, flags="SA"),
        there / TCP(**ask, seq=10, ack=100, flags="PA") / Raw(sent),
        back / TCP(**answer, seq=100, ack=10 + len(sent), flags="PA") / Raw(_ANSWER),
    ]
    wrpcap(str(path / "proxy.pcap"), [Ether() / packet for packet in packets])
    return path / "proxy.pcap"


@pytest.mark.parametrize("header", [_V1, _V2])
@pytest.mark.parametrize("trusted", ["192.0.2.0/24", "10.0.0.0/8"])
def test_whom_the_client_is(tmp_path: Path, header: bytes, trusted: str) -> None:
    """The client that a trusted peer names; of another, that it claimed something."""
    config = tmp_path / "shipper.toml"
    config.write_text(f'[record]\ntrusted_proxies = ["{trusted}"]\n')
    result = replay(_capture(tmp_path, header), "--config", str(config))
    (record,) = result.records
    assert record["http"]["response"]["status_code"] == 204
    assert record["source"]["ip"] == "192.0.2.1"
    anomalies = record["shipper"].get("anomalies", [])
    if trusted.startswith("192"):
        assert (record["client"]["ip"], record["client"]["port"]) == ("198.51.100.7", 5555)
        assert "untrusted_proxy_header" not in anomalies
    else:
        assert record.get("client", {}).get("ip") != "198.51.100.7"
        assert "untrusted_proxy_header" in anomalies

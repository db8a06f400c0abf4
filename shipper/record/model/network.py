"""The network half of a record: the two ends, what lies between, and TLS."""

from typing import Annotated, Literal, Required

from pydantic import Field
from typing_extensions import TypedDict

from shipper.record.model.scalars import Ip, Port, Timestamp, Word, about


class Source(TypedDict, total=False):
    """The client's end of the connection."""

    ip: Required[Annotated[Ip, about("Source address", "The connection's client.", "192.0.2.7")]]
    port: Required[Annotated[Port, about("Source port", "The client's port.", 49152)]]
    domain: Annotated[Word, about("Source domain", "The client's name, where known.", "a.example")]


class Destination(TypedDict, total=False):
    """The server's end of the connection."""

    ip: Required[
        Annotated[Ip, about("Destination address", "The connection's server.", "198.51.100.4")]
    ]
    port: Required[Annotated[Port, about("Destination port", "The server's port.", 80)]]
    domain: Annotated[
        Word, about("Destination domain", "The server's name, where known.", "b.example")
    ]


class Client(TypedDict, total=False):
    """The client that asked, only where it is told (behind a trusted proxy)."""

    ip: Annotated[Ip, about("Client address", "As a trusted proxy named it.", "203.0.113.9")]
    port: Annotated[Port, about("Client port", "As a trusted proxy named it.", 49152)]
    address: Annotated[
        Word, about("Client address, raw", "What was named where it is no address.", "_hidden")
    ]
    domain: Annotated[Word, about("Client domain", "The client's name, where known.", "a.example")]


class Server(TypedDict, total=False):
    """The server that was asked, only where it is told (behind a trusted proxy)."""

    ip: Annotated[Ip, about("Server address", "The address that the client asked.", "203.0.113.1")]
    port: Annotated[Port, about("Server port", "The port that the client asked.", 80)]
    address: Annotated[
        Word, about("Server address, raw", "What was named where it is no address.", "unix:/run/s")
    ]
    domain: Annotated[Word, about("Server domain", "The server's name, where known.", "b.example")]


class Vlan(TypedDict, total=False):
    """The VLAN of the packets."""

    id: Required[Annotated[Word, about("VLAN id", "The 802.1Q id as text.", "42")]]


class Network(TypedDict, total=False):
    """What carried the exchange."""

    transport: Required[
        Annotated[Literal["tcp", "udp"], about("Transport", "The transport protocol.", "tcp")]
    ]
    type: Required[
        Annotated[
            Literal["ipv4", "ipv6"],
            about("Network type", "The family on the wire, whatever became of source.ip.", "ipv4"),
        ]
    ]
    protocol: Required[
        Annotated[Literal["http"], about("Protocol", "The application protocol.", "http")]
    ]
    direction: Annotated[
        Literal["ingress", "egress", "inbound", "outbound", "internal", "external"],
        about(
            "Direction",
            "`ingress`: the local socket is the server; `egress`: it is the client. With internal "
            "networks configured: the ECS words for the way across the perimeter.",
            "ingress",
        ),
    ]
    community_id: Annotated[
        str,
        Field(pattern=r"^1:[A-Za-z0-9+/]{27}=$"),
        about(
            "Community ID",
            "Community ID version 1, seed 0. Absent when the client's address is truncated or "
            "hashed: it could be brute-forced back to the address.",
            "1:LQU9qZlK+B5F3KDmev6m5PMibrg=",
        ),
    ]
    vlan: Vlan


class TlsPeer(TypedDict, total=False):
    """What one end of a TLS connection showed of itself."""

    server_name: Annotated[Word, about("Server name", "SNI (client only).", "example.org")]
    ja3: Annotated[Word, about("JA3", "JA3 of the client.", "d4e5b18d6b55c71272893221c96ba240")]
    ja3s: Annotated[Word, about("JA3S", "JA3S of the server.", "eb1d94daa7e0344597e756a1fb6e7054")]
    subject: Annotated[Word, about("Subject", "Of its certificate.", "CN=example.org")]
    issuer: Annotated[Word, about("Issuer", "Of its certificate.", "CN=Example CA")]
    not_before: Annotated[
        Timestamp, about("Not before", "Of its certificate.", "2026-01-01T00:00:00.000000Z")
    ]
    not_after: Annotated[
        Timestamp, about("Not after", "Of its certificate.", "2027-01-01T00:00:00.000000Z")
    ]


class TlsClient(TlsPeer):
    """What the client showed of itself."""


class TlsServer(TlsPeer):
    """What the server showed of itself."""


class Tls(TypedDict, total=False):
    """TLS under the exchange."""

    version: Annotated[Word, about("TLS version", "The number alone.", "1.3")]
    version_protocol: Annotated[Word, about("Protocol", "Lower-case.", "tls")]
    cipher: Annotated[Word, about("Cipher", "The suite's IANA name.", "TLS_AES_128_GCM_SHA256")]
    next_protocol: Annotated[Word, about("ALPN", "The protocol agreed upon.", "http/1.1")]
    established: Annotated[bool, about("Established", "The handshake came to its end.", True)]  # noqa: FBT003 - an example
    resumed: Annotated[bool, about("Resumed", "An earlier session was resumed.", False)]  # noqa: FBT003 - an example
    client: TlsClient
    server: TlsServer

"""What capture hands to HTTP assembly: header events, as the kernel program emits them.

The binary layout is the business of `shipper.capture.layout`; here stand the values that both
rooms name. The numbers are those of `bpf/lib/event.h`, and a test compares the two sides.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple


class Kind(IntEnum):
    """What an event says."""

    HEADER = 1  #: bytes of a header block
    MESSAGE_END = 2  #: the body of a message ended (when it did not ride on its header event)
    FLOW_END = 3  #: the connection ended, or its state was given up
    GAP = 4  #: a sequence range that was never seen


class Stream(IntEnum):
    """Where the bytes come from."""

    TCP = 1


class Hook(IntEnum):
    """Which hook saw the packet."""

    CGROUP = 1
    INTERFACE = 2
    REPLAY = 3


class Direction(IntEnum):
    """Which way the packet went, seen from this host."""

    UNKNOWN = 0  #: neither end is known to be here (a mirror port, a capture file)
    INGRESS = 1
    EGRESS = 2


class Flag(IntFlag):
    """Facts about the bytes of one event."""

    REQUEST = 1 << 0  #: the direction carries requests
    RESPONSE = 1 << 1  #: the direction carries responses
    START = 1 << 2  #: `data` begins at the first byte of a header block
    END = 1 << 3  #: `data` ends with the blank line of the block
    JUNK = 1 << 4  #: bytes before the start line were left out: they began no message
    CUT = 1 << 5  #: the block is longer than is taken; the rest is not emitted
    RESUMED = 1 << 6  #: the place was lost, and a complete start line gave it back
    OVERLAP = 1 << 7  #: a retransmission of bytes of the last block; to be compared, no more
    MESSAGE_END = 1 << 8  #: the message ends in this segment too: `body_bytes` holds
    LATE = 1 << 9  #: the connection was joined after its first byte
    UNTIL_CLOSE = 1 << 10  #: the body ends with the connection
    CHUNKED = 1 << 11  #: the body is chunked
    PROXY = 1 << 12  #: not HTTP: a PROXY protocol header, whole, in front of the first request
    SIMPLE = 1 << 13  #: an answer without a header block (HTTP/0.9); `data` is empty
    EXCESS = 1 << 14  #: the message ended, and the bytes behind it begin no other
    BAD_CHUNK = 1 << 15  #: a line between the chunks of its body was malformed
    OPEN_END = 1 << 16  #: of a MESSAGE_END: where the body ends nobody can tell


class FlowEnd(IntEnum):
    """Why a flow ended (the `reason` of a FLOW_END event)."""

    FIN = 1  #: both directions were closed in order
    RST = 2
    CLOSED = 3  #: the socket was released
    EVICTED = 4  #: the flow table needed the room
    TWIN = 5  #: the other end of the connection is on this host and tells the story
    TUNNEL = 6  #: CONNECT or an upgrade: what follows is not HTTP/1


class Owner(NamedTuple):
    """The process that deals with a connection on this host, as the kernel named it then.

    `start` is when it began, ns of the boot-time clock, 0 where the kernel does not tell; with
    `pid` it tells a process from all others. `vpid` is its pid in its own pid namespace, 0 where
    that is the host's. `cgroup` is the id of the process's own cgroup. `name` is empty where only
    a thread's is known; `parent` is 0 and `parent_name` empty where they are not known.
    """

    start: int
    cgroup: int
    pid: int
    vpid: int
    user: int
    parent: int
    name: str
    parent_name: str


class Event(NamedTuple):
    """One event, host byte order throughout.

    `time` is the boot-time clock in nanoseconds (replay: the capture's wall clock); `source`
    and `destination` are 16-byte addresses, IPv4 as v4-mapped IPv6; `flow` names one
    connection for as long as it lives; `side` is 0 or 1, one for each direction of a flow;
    `sequence` is the TCP sequence number of the first byte of `data` (for MESSAGE_END: one past
    the last byte of the message; for GAP: the first missing byte) and `until` one past the last
    missing byte of a GAP, or what a HEADER's segment acknowledged: the number of the next byte
    that its sender expected of the other side (0: not known). `body_bytes` counts the body of the
    message that ended: as sent, chunk framing included. `reason` is a `FlowEnd`. `process` stands
    in a HEADER of a local connection whose process is known: of a server, once it has read.
    """

    kind: int
    stream: int
    hook: int
    direction: int
    side: int
    reason: int
    flags: int
    interface: int
    time: int
    cookie: int
    cgroup: int
    flow: int
    sequence: int
    until: int
    body_bytes: int
    scope: int
    source_port: int
    destination_port: int
    source: bytes
    destination: bytes
    data: bytes
    process: Owner | None = None

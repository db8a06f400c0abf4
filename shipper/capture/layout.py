"""The binary layout that the kernel program and user space share.

Its other description is `bpf/lib/event.h` and `bpf/lib/maps.h`; a test has the compiler compare the
two. All in host byte order, without hidden padding.
"""

import struct

VERSION = 3

#: struct event: name and format of each field, in order.
EVENT_FIELDS: tuple[tuple[str, str], ...] = (
    ("version", "B"),
    ("kind", "B"),
    ("stream", "B"),
    ("hook", "B"),
    ("direction", "B"),
    ("side", "B"),
    ("reason", "B"),
    ("pad", "B"),
    ("flags", "I"),
    ("interface", "I"),
    ("time", "Q"),
    ("cookie", "Q"),
    ("cgroup", "Q"),
    ("flow", "Q"),
    ("sequence", "I"),
    ("until", "I"),
    ("body_bytes", "Q"),
    ("scope", "I"),
    ("source_port", "H"),
    ("destination_port", "H"),
    ("source", "16s"),
    ("destination", "16s"),
    ("process", "64s"),
    ("length", "I"),
    ("pad2", "I"),
)
_PADDING = {"B": "x", "I": "4x"}
EVENT = struct.Struct(
    "=" + "".join(_PADDING[code] if name.startswith("pad") else code for name, code in EVENT_FIELDS)
)

#: struct process, which stands in an event
PROCESS_FIELDS: tuple[tuple[str, str], ...] = (
    ("start", "Q"),
    ("cgroup", "Q"),
    ("pid", "I"),
    ("vpid", "I"),
    ("user", "I"),
    ("parent", "I"),
    ("name", "16s"),
    ("parent_name", "16s"),
)
PROCESS = struct.Struct("=" + "".join(code for _, code in PROCESS_FIELDS))

#: struct settings: these, then padding and a zero.
SETTINGS_FIELDS = (
    "generation",
    "roles",
    "filters",
    "max_block",
    "rings",
    "wake_bytes",
    "turn",
)
SETTINGS = struct.Struct("=7I4x8x")

#: struct port_rule
PORT_RULE = struct.Struct("=I4x")
PORTS = 65536

#: enum counter, in order.
COUNTERS = (
    "packets",
    "events_header",
    "events_message_end",
    "events_flow_end",
    "events_gap",
    "ring_full",
    "flows_created",
    "flow_table_full",
    "state_missing",
    "block_too_long",
    "place_lost",
    "place_resumed",
    "parse_given_up",
    "owner_unnoted",
    "load_failed",
    "scratch_busy",
    "fragments",
    "retransmitted",
    "overlapped",
    "out_of_window",
    "beyond_hole",
    "held",
    "held_full",
    "held_lost",
    "deferred",
    "kind_queue_full",
    "other_interface",
    "flows_own",
    "flows_sink",
    "flows_filtered",
    "flows_role",
    "flows_twin",
    "flows_tunnel",
    "events_left",
    "server_http1",
    "server_http2",
    "server_tls",
    "server_other",
    "server_late",
    "client_http1",
    "client_http2",
    "client_tls",
    "client_other",
    "client_late",
)
CPU_COUNTERS = struct.Struct(f"={len(COUNTERS)}Q")

OWN_SOCKETS = 1024
OWN_PROBES = 4

MAX_BLOCK = 16384
#: of one agent; an odd turn and an even one have rings of their own (bpf/lib/turn.h)
MAX_RINGS = 8
TURN_NUMBER = 0xFF
TURN_ALONE = 1 << 8

ROLES = {"server": 1, "client": 2}
MATCH_INCLUDE = 1
MATCH_EXCLUDE = 2
MATCH_SINK = 4

FILTER_PORT_INCLUDE = 1 << 0
FILTER_PORT_EXCLUDE = 1 << 1
FILTER_CIDR_INCLUDE = 1 << 2
FILTER_CIDR_EXCLUDE = 1 << 3
FILTER_CGROUP_INCLUDE = 1 << 4
FILTER_CGROUP_EXCLUDE = 1 << 5
FILTER_OWN = 1 << 6
FILTER_SINK = 1 << 7
JOIN_TWINS = 1 << 8
#: tunnels that are opened, by the name that the configuration gives them
TUNNELS = {
    "vxlan": 1 << 9,
    "geneve": 1 << 10,
    "gre": 1 << 11,
    "ipip": 1 << 12,
    "gtp": 1 << 13,
    "teredo": 1 << 14,
}

_MASK = (1 << 64) - 1


def mix(value: int) -> int:
    """Spread a 64-bit value: `mix` of `bpf/lib/flow_key.h` (MurmurHash3's finalizer)."""
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & _MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & _MASK
    return value ^ value >> 33

"""The kernel program's counters by the metric that each of them is; every counter has one place."""

from typing import Final, NamedTuple


class Place(NamedTuple):
    """A metric and its labels."""

    name: str
    labels: dict[str, str]


_PLAIN: Final = {
    "packets": "shipper_kernel_packets_total",
    "flows_created": "shipper_kernel_flows_total",
    "ring_full": "shipper_kernel_events_lost_total",
    "held_lost": "shipper_kernel_directions_lost_total",
    "owner_unnoted": "shipper_kernel_owners_lost_total",
    "events_left": "shipper_kernel_events_left_total",
}
_PACKETS: Final = (
    "fragments",
    "retransmitted",
    "overlapped",
    "out_of_window",
    "beyond_hole",
    "held",
    "held_full",
    "deferred",
    "load_failed",
    "scratch_busy",
    "other_interface",
)
_BLOCKS: Final = ("block_too_long", "place_lost", "place_resumed", "parse_given_up")
_FLOWS: Final = ("state_missing", "kind_queue_full")
_IGNORED: Final = ("own", "sink", "filtered", "role", "twin", "tunnel")
_KINDS: Final = ("header", "message_end", "flow_end", "gap")
_ROLES: Final = ("server", "client")
_PROTOCOLS: Final = ("http1", "http2", "tls", "other", "late")


def _conditions(unit: str, names: tuple[str, ...]) -> dict[str, Place]:
    family = f"shipper_kernel_{unit}_conditions_total"
    return {name: Place(family, {"condition": name}) for name in names}


PLACES: Final = {
    **{counter: Place(name, {}) for counter, name in _PLAIN.items()},
    **_conditions("packet", _PACKETS),
    **_conditions("block", _BLOCKS),
    **_conditions("flow", _FLOWS),
    **{
        f"flows_{reason}": Place("shipper_kernel_flows_ignored_total", {"reason": reason})
        for reason in _IGNORED
    },
    "flow_table_full": Place("shipper_kernel_flows_ignored_total", {"reason": "table_full"}),
    **{f"events_{kind}": Place("shipper_kernel_events_total", {"kind": kind}) for kind in _KINDS},
    **{
        f"{role}_{protocol}": Place(
            "shipper_kernel_connections_total", {"role": role, "protocol": protocol}
        )
        for role in _ROLES
        for protocol in _PROTOCOLS
    },
}

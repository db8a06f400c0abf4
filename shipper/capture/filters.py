"""Which connections are wanted -> the flags and the map elements that the kernel program looks at.

Ports are not here: their table is memory-mapped, and written by whoever holds the maps.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

from shipper.capture import layout
from shipper.capture.cgroups import cgroup_id
from shipper.capture.settings import CaptureSettings, Rules

_V4_BITS = 96  # of a v4-mapped address, before the IPv4 part

#: Elements of the hash maps: map and key -> what they say of a flow.
Elements = dict[tuple[str, bytes], int]
#: The hash maps.
FILTERING = ("cidrs", "cgroups", "sinks")
#: The flags that want a rule to match.
INCLUDING = layout.FILTER_PORT_INCLUDE | layout.FILTER_CIDR_INCLUDE | layout.FILTER_CGROUP_INCLUDE


def packed(address: IPv4Address | IPv6Address) -> bytes:
    """16 bytes, IPv4 as v4-mapped IPv6."""
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed  # noqa: PLR2004


def _shows_twice(settings: CaptureSettings) -> bool:
    """Whether one connection may be seen as two flows: at both its ends, or around a NAT."""
    if settings.hook == "interface":
        return len(settings.interfaces) != 1 or settings.interfaces[0] == "all"
    return settings.hook == "cgroup" and len(set(settings.roles)) > 1


def flags(settings: CaptureSettings) -> int:
    """The word of flags, filters and tunnels, that stands in the settings."""
    found = 0
    for rules, port, cidr, cgroup in (
        (
            settings.include,
            layout.FILTER_PORT_INCLUDE,
            layout.FILTER_CIDR_INCLUDE,
            layout.FILTER_CGROUP_INCLUDE,
        ),
        (
            settings.exclude,
            layout.FILTER_PORT_EXCLUDE,
            layout.FILTER_CIDR_EXCLUDE,
            layout.FILTER_CGROUP_EXCLUDE,
        ),
    ):
        found |= port if rules.ports else 0
        found |= cidr if rules.networks else 0
        found |= cgroup if rules.cgroups else 0
    found |= layout.FILTER_OWN if settings.exclude_own else 0
    found |= layout.FILTER_SINK if settings.sinks else 0
    found |= layout.JOIN_TWINS if _shows_twice(settings) else 0
    found |= sum(layout.TUNNELS[name] for name in set(settings.decapsulate))
    return found


def elements(settings: CaptureSettings, root: Path | None) -> Elements:
    """What stands in the hash maps."""
    merged: Elements = {}
    for rules, match in (
        (settings.include, layout.MATCH_INCLUDE),
        (settings.exclude, layout.MATCH_EXCLUDE),
    ):
        for name, key in _rule_keys(rules, root):
            merged[name, key] = merged.get((name, key), 0) | match
    for address, port in settings.sinks:
        merged["sinks", packed(address) + port.to_bytes(4, "little")] = layout.MATCH_SINK
    return merged


def _rule_keys(rules: Rules, root: Path | None) -> Iterable[tuple[str, bytes]]:
    for network in rules.networks:
        bits = network.prefixlen + (_V4_BITS if isinstance(network, IPv4Network) else 0)
        yield "cidrs", bits.to_bytes(4, "little") + packed(network.network_address)
    if root:
        for name in rules.cgroups:
            yield "cgroups", cgroup_id(root, name).to_bytes(8, "little")

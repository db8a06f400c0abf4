"""The configuration -> what capture is told."""

import logging
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from shipper.capture import TUNNELS, CaptureSettings, HookName, Rules
from shipper.config import Capture, Config, Match
from shipper.local_addresses import local_addresses

Address = IPv4Address | IPv6Address

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - to be recognised
#: The kernel's table of sinks holds 1024.
_MOST_ADDRESSES = 512


def capture_settings(config: Config, hook: HookName | None = None) -> CaptureSettings:
    """What capture is told; `hook` overrides the configured one (replay)."""
    capture = config.capture
    return CaptureSettings(
        hook=hook or capture.hook,
        interfaces=capture.interfaces,
        cgroup_root=capture.cgroup_root,
        allow_private_cgroup=capture.allow_private_cgroup,
        roles=("server", "client") if hook == "replay" else capture.roles,
        include=rules(capture.include),
        exclude=rules(capture.exclude),
        sinks=() if hook == "replay" else sinks(config, capture),
        exclude_own=capture.exclude_own and hook != "replay",
        decapsulate=TUNNELS if hook == "replay" else capture.decapsulate,
        owners=config.attribution.processes,
        flows=capture.flow_table,
        holds=capture.reorder_table,
        rings=1 if hook == "replay" else capture.workers,
        ring_bytes=capture.ring_bytes,
        wake_bytes=capture.ring_bytes // 16,
        max_block=capture.max_block,
        successor=bool(config.agent.hand_over) and hook != "replay",
    )


def rules(match: Match) -> Rules:
    """Which connections are meant."""
    return Rules(
        ports=tuple(match.ports),
        networks=tuple(ip_network(str(cidr)) for cidr in match.cidrs),
        cgroups=tuple(match.cgroups),
    )


def sinks(config: Config, capture: Capture) -> tuple[tuple[Address, int], ...]:
    """Where shipped data goes, resolved: it must not be captured again."""
    names = list(capture.sinks)
    if "kafka" in config.output:
        names += config.kafka.bootstrap_servers
        if config.registry.url:
            names.append(config.registry.address)
    if capture.exclude_own and config.metrics.listen:
        names += _asked_at(config.metrics.listen)
    found: dict[tuple[Address, int], None] = {}
    for name in names:
        host, _, port = name.rpartition(":")
        try:
            infos = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
        except OSError as error:
            logging.getLogger("shipper").warning(
                "the sink %s can't be resolved (%s): it is not left out of the capture",
                name,
                error.strerror,
            )
            continue
        for *_, address in infos:
            found[ip_address(str(address[0]).partition("%")[0]), int(port)] = None
    return tuple(found)


def _asked_at(listen: str) -> list[str]:
    """Where scrapes and health checks arrive: everywhere means at each address of ours."""
    host, _, port = listen.rpartition(":")
    if host.strip("[]") not in _EVERYWHERE:
        return [listen]
    return [f"[{address}]:{port}" for address in local_addresses()[:_MOST_ADDRESSES]]

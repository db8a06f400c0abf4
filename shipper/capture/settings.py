"""What capture is told: plain data, already checked; the configuration file is read elsewhere."""

from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal, get_args

HookName = Literal["cgroup", "interface", "replay"]
TunnelName = Literal["vxlan", "geneve", "gre", "ipip", "gtp", "teredo"]
TUNNELS: tuple[TunnelName, ...] = get_args(TunnelName)


@dataclass(frozen=True, slots=True)
class Rules:
    """Which flows are meant, by port, network or cgroup (paths below the cgroup v2 root)."""

    ports: tuple[int, ...] = ()
    networks: tuple[IPv4Network | IPv6Network, ...] = ()
    cgroups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    """How to capture. `ring_bytes` is a power of two of pages; one ring for each worker.

    `wake_bytes`: the kernel wakes a reader when this much waits; a reader comes by itself every
    few ms anyway, and a wake-up costs more than an event.
    """

    hook: HookName = "cgroup"
    interfaces: tuple[str, ...] = ()
    cgroup_root: str = ""
    allow_private_cgroup: bool = False
    roles: tuple[str, ...] = ("server",)
    include: Rules = field(default_factory=Rules)
    exclude: Rules = field(default_factory=Rules)
    sinks: tuple[tuple[IPv4Address | IPv6Address, int], ...] = ()
    exclude_own: bool = True
    #: tunnels that are opened to look for TCP inside
    decapsulate: tuple[TunnelName, ...] = ()
    #: note whose sockets they are, for as many as there may be flows
    owners: bool = True
    flows: int = 65536
    #: sides of connections that may wait at once for a segment which is overdue, 19 KB each
    holds: int = 128
    rings: int = 1
    ring_bytes: int = 4 << 20
    wake_bytes: int = 1 << 18
    max_block: int = 16384
    #: have rings for a second agent, so that it can take over from this one
    successor: bool = False
    #: the interpreter that has bcc
    interpreter: str = "/usr/bin/python3"
    load_timeout: float = 30.0
    #: use loops that kernels before 6.9 accept, whatever this one can
    bounded_loops: bool = False

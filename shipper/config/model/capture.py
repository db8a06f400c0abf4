"""The keys of what is read of the host's traffic, and how it is put together."""

from typing import Literal

from pydantic import Field

from shipper.config.model.section import Section
from shipper.config.values import AbsolutePath, Cidr, HostPort, Port, RingBytes, Several, Size


class Match(Section):
    """Connections, by any of these."""

    ports: Several[Port] = Field(default=(), description="server ports")
    cidrs: Several[Cidr] = Field(default=(), description="networks of either end")
    cgroups: Several[AbsolutePath] = Field(
        default=(), description="cgroup paths below the cgroup root"
    )


class Capture(Section):
    """What of the host's traffic is read, and how."""

    hook: Literal["cgroup", "interface"] = Field(
        default="cgroup",
        description="`cgroup`: the sockets of this host and its containers; "
        "`interface`: packets on network interfaces (mirror ports, routers, bridges)",
    )
    interfaces: Several[str] = Field(
        default=("all",), description='interface names, or `["all"]`; with hook `interface`'
    )
    cgroup_root: str = Field(default="", description="cgroup v2 root; empty: found by itself")
    allow_private_cgroup: bool = Field(
        default=False, description="go on although only a container's own cgroup root is visible"
    )
    roles: Several[Literal["server", "client"]] = Field(
        default=("server",),
        min_length=1,
        description="`server`: exchanges that this host answers; `client`: those it asks for",
    )
    include: Match = Field(default=Match(), description="only these connections; empty: all")
    exclude: Match = Field(default=Match(), description="never these connections")
    sinks: Several[HostPort] = Field(
        default=(),
        description="host:port never captured; brokers and registry are added by themselves",
    )
    exclude_own: bool = Field(
        default=True,
        description="leave out the agent's own connections: to where it ships, and of who asks it",
    )
    decapsulate: Several[Literal["vxlan", "geneve", "gre", "ipip", "gtp", "teredo"]] = Field(
        default=(),
        description="tunnels that are opened, with hook `interface`: `vxlan`, `geneve`, `gre` "
        "(ERSPAN too), `ipip`, `gtp` (GTP-U), `teredo`; replay opens them all",
    )
    flow_table: int = Field(
        default=65536, ge=256, le=1 << 24, description="connections followed at once"
    )
    reorder_table: int = Field(
        default=128,
        ge=16,
        le=65536,
        description="directions that may wait at once for an overdue segment; 19 KB each",
    )
    ring_bytes: RingBytes = Field(
        default=4 << 20,
        description="size of each ring from kernel to agent; a power of two, as in `4MiB`",
    )
    workers: int = Field(default=1, ge=1, le=8, description="rings, each with a worker process")
    max_block: int = Field(
        default=16384,
        ge=256,
        le=16384,
        description="bytes taken of a header block; the rest is cut",
    )


class Http(Section):
    """How exchanges are put together."""

    response_timeout: float = Field(
        default=30.0, gt=0, description="seconds until a request counts as unanswered"
    )
    idle_timeout: float = Field(
        default=300.0, gt=0, description="seconds until a silent connection is forgotten"
    )
    max_connections: int = Field(default=65536, ge=1, description="connections assembled at once")
    max_pending: int = Field(
        default=128, ge=1, description="requests of one connection that wait for their response"
    )
    max_held: Size = Field(
        default=128 << 20,
        ge=1 << 20,
        description="memory of what is in no exchange yet; beyond it the longest silent is told "
        "as it is",
    )

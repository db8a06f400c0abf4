"""The event that opened a connection in, and where its exchanges take place out."""

from typing import Final

from shipper.contract.events import Direction, Event, Hook, Stream
from shipper.contract.exchange import Connection, Proxied

_V4_MAPPED: Final = bytes(10) + b"\xff\xff"  # RFC 4291 section 2.5.5.2


def connection_of(event: Event, *, request_side: int, proxied: Proxied | None = None) -> Connection:
    """The connection, once it is known which side asks. Zero stands for unknown in an event."""
    asks = event.side == request_side
    ends = (
        (event.source.removeprefix(_V4_MAPPED), event.source_port),
        (event.destination.removeprefix(_V4_MAPPED), event.destination_port),
    )
    client, server = ends if asks else ends[::-1]
    return Connection(
        stream=Stream(event.stream).name.lower(),
        hook=Hook(event.hook).name.lower(),
        direction=_direction(event.direction, asks=asks),
        client_address=client[0],
        client_port=client[1],
        server_address=server[0],
        server_port=server[1],
        flow=event.flow,
        cookie=event.cookie or None,
        cgroup=event.cgroup or None,
        interface=event.interface or None,
        scope=event.scope or None,
        proxied=proxied,
    )


def _direction(direction: int, *, asks: bool) -> str | None:
    """Ingress where the requests come in (the local socket is the server), else egress."""
    if direction == Direction.UNKNOWN:
        return None
    return "ingress" if (direction == Direction.INGRESS) is asks else "egress"

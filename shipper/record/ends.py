"""A connection -> the parts of a record that all its exchanges share, made and validated once."""

from typing import Final

from shipper.contract.exchange import Connection, Proxied
from shipper.record.addresses import ClientAddresses, address_text, inside, perimeter, plain
from shipper.record.community_id import community_id
from shipper.record.constant import own_part
from shipper.record.settings import RecordSettings
from shipper.record.shared import Part, Shared, Sharing

_V4_BYTES: Final = 4
#: Connections whose parts are kept, of about 3 KB each.
_KEPT: Final = 2048


class Ends:
    """What the exchanges of one connection have in common; not to be changed.

    `parts` stand at the top of a record, `own` below `shipper`, where the `anomalies` belong too;
    `addresses` are those of the record, the client's first; `related` holds `related` of the
    exchanges with `domain`, the last one that was asked for.
    """

    __slots__ = (
        "addresses",
        "anomalies",
        "connection",
        "domain",
        "own",
        "parts",
        "related",
        "valid",
    )

    parts: Shared
    related: Shared

    def __init__(self, connection: Connection, own: Part) -> None:
        self.connection = connection
        self.own = own
        self.addresses: list[str] = []
        self.anomalies: list[str] = []
        self.domain: str | None = None
        self.valid = False


class EndsOf:
    """Gives the ends of connections, and keeps those of lately."""

    def __init__(
        self,
        settings: RecordSettings,
        host_name: str,
        clients: ClientAddresses,
        sharing: Sharing,
    ) -> None:
        self._clients = clients
        self._host_name = host_name
        self._sharing = sharing
        self._perimeter = perimeter(settings.internal_networks)
        self._has_perimeter = bool(settings.internal_networks)
        self._trusted = inside(settings.trusted_proxies, "trusted proxy")
        self._own = own_part(settings)
        # By id, because to hash a connection costs more than to make most of this; what is kept
        # holds its connection, and so no other has that id.
        self._kept: dict[int, Ends] = {}

    def __call__(self, connection: Connection) -> Ends:
        """The ends of this connection."""
        ends = self._kept.get(id(connection))
        if ends is None:
            if len(self._kept) >= _KEPT:
                self._kept.clear()
            ends = self._kept[id(connection)] = self._made(connection)
        return ends

    def related(self, ends: Ends, domain: str | None) -> Shared:
        """`related` of an exchange with this domain."""
        if domain != ends.domain:
            ends.domain = domain
            ends.related = self.relating(ends.addresses, domain)
        return ends.related

    def relating(self, addresses: list[str], domain: str | None) -> Shared:
        """`related` of a record with these addresses."""
        part: Part = {"ip": addresses}
        hosts = [name for name in (domain, self._host_name) if name]
        if hosts:
            part["hosts"] = list(dict.fromkeys(hosts))
        return self._sharing({"related": part})

    def trusted_peer(self, connection: Connection) -> bool:
        """Whether a trusted proxy asked: itself, or through one that said so."""
        peer, proxied = connection.client_address, connection.proxied
        if proxied is not None and proxied.source is not None and self.trusted(peer):
            peer = proxied.source
        return self.trusted(peer)

    def trusted(self, address: bytes) -> bool:
        """Whether this is a trusted proxy's."""
        return self._trusted(plain(address))

    def _made(self, connection: Connection) -> Ends:
        ends = Ends(connection, {**self._own, "hook": connection.hook})
        if connection.interface is not None:
            ends.own["interface"] = connection.interface
        parts = self._network(ends, connection)
        if connection.proxied is not None:
            parts |= self._proxied(ends, connection.proxied)
        ends.parts = self._sharing(parts)
        ends.related = self.relating(ends.addresses, None)
        ends.valid = ends.parts.valid and self._sharing({"shipper": ends.own}).valid
        return ends

    def _network(self, ends: Ends, connection: Connection) -> Part:
        """`source`, `destination` and `network`."""
        client, server = connection.client_address, connection.server_address
        source, destination = self._clients.text(client), address_text(server)
        client, server = plain(client), plain(server)
        network = {
            "transport": "tcp",
            "type": "ipv4" if len(client) == _V4_BYTES else "ipv6",
            "protocol": "http",
        }
        if self._has_perimeter:
            network["direction"] = self._perimeter(client, server)
        elif connection.direction is not None:
            network["direction"] = connection.direction
        if not self._clients.hidden:
            network["community_id"] = community_id(
                client, connection.client_port, server, connection.server_port
            )
        ends.addresses = [source] if source == destination else [source, destination]
        return {
            "source": {"ip": source, "port": connection.client_port},
            "destination": {"ip": destination, "port": connection.server_port},
            "network": network,
        }

    def _proxied(self, ends: Ends, proxied: Proxied) -> Part:
        """`client` and `server` as a trusted proxy named them; others are only named themselves."""
        if not self.trusted(ends.connection.client_address):
            ends.anomalies.append("untrusted_proxy_header")
            return {}
        if proxied.source is None or proxied.destination is None:
            return {}
        client = self._clients.text(proxied.source)
        server = address_text(proxied.destination)
        ends.addresses = list(dict.fromkeys((client, *ends.addresses, server)))
        return {
            "client": {"ip": client, "port": proxied.source_port},
            "server": {"ip": server, "port": proxied.destination_port},
        }

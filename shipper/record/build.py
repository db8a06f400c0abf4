"""One exchange -> the variable parts of its record, redacted, not yet validated."""

from dataclasses import replace
from typing import Any, Final

from shipper.contract.exchange import Connection, Exchange, Message, Proxied, Request, Response
from shipper.record.addresses import ClientAddresses, address_text, inside, perimeter, plain
from shipper.record.clock import timestamp, writable
from shipper.record.community_id import community_id
from shipper.record.constant import event_part, own_part
from shipper.record.forwarded import forwarded_client
from shipper.record.headers import HeaderPolicy, NameSeen
from shipper.record.model.versions import ordered
from shipper.record.redact import Redactor
from shipper.record.sensitive import HeaderSecrets, Keyed, ParameterSecrets
from shipper.record.settings import Identity, RecordSettings
from shipper.record.urls import url_fields

_FAILURE_FROM: Final = 400
_SCHEMES: Final = {"tls": "https"}
_V4_BYTES: Final = 4

Part = dict[str, Any]


class DocumentBuilder:
    """Builds the documents of one worker."""

    def __init__(self, settings: RecordSettings, identity: Identity) -> None:
        privacy, headers = settings.privacy, settings.headers
        keyed = Keyed(privacy.key, privacy.key_id)
        self._redactor = Redactor(
            ParameterSecrets(privacy.parameters, privacy.secret_action),
            keyed,
            privacy.path_patterns,
        )
        secrets = HeaderSecrets(headers.actions, headers.secret_action)
        limit = headers.names_limit
        self._request_headers = HeaderPolicy(headers.request, secrets, self._redactor, keyed, limit)
        self._response_headers = HeaderPolicy(
            headers.response, secrets, self._redactor, keyed, limit
        )
        self._clients = ClientAddresses(privacy.client_ip, keyed)
        self._perimeter = perimeter(settings.internal_networks)
        self._trusted = inside(settings.trusted_proxies, "trusted proxy")
        self._client_headers = settings.client_headers
        self._has_perimeter = bool(settings.internal_networks)
        self._event = event_part(settings, identity)
        self._own = own_part(settings)
        self._host_name = identity.host_name
        self._since_1_1 = ordered(settings.schema_version) >= (1, 1)

    def names_seen(self) -> dict[str, list[NameSeen]]:
        """The header names seen so far, of requests and of responses."""
        return {
            "request": self._request_headers.names_seen(),
            "response": self._response_headers.names_seen(),
        }

    def names_overflow(self) -> int:
        """How many headers had names beyond `names_limit`."""
        return self._request_headers.overflow + self._response_headers.overflow

    def document(self, exchange: Exchange, wall_offset_ns: int, created_ns: int) -> Part:
        """The variable parts of a record, with sequence 0 and `event.id` to match."""
        request, response = exchange.request, exchange.response
        if self._clients.hidden:
            request, response = self._hide_client(exchange.connection, request, response)
        document: Part = {}
        self._times(document, exchange, wall_offset_ns, created_ns)
        http: Part = {}
        document["http"] = http
        first = request or response
        if first is not None and first.version is not None:
            http["version"] = first.version
        domain = None
        if request is not None:
            domain = self._request(document, http, request, exchange.connection.stream)
        if response is not None and (part := self._response(response)):
            http["response"] = part
        self._network(document, exchange.connection, domain)
        self._facts(document["shipper"], exchange)
        if exchange.connection.proxied is not None:
            self._proxied(document, exchange.connection, exchange.connection.proxied)
        if self._client_headers and exchange.request is not None:
            self._forwarded(document, exchange.connection, exchange.request)
        return document

    def _times(self, document: Part, exchange: Exchange, offset: int, created: int) -> None:
        """`@timestamp`, `event.*` and the durations, which come from the event's clock."""
        request, response = exchange.request, exchange.response
        document["event"] = event = dict(self._event)
        document["shipper"] = own = dict(self._own)
        wall = exchange.start + offset
        event["created"] = timestamp(created)
        document["@timestamp"] = timestamp(wall) if writable(wall) else event["created"]
        status = response.status if response is not None else None
        if status is not None:
            event["outcome"] = "success" if status < _FAILURE_FROM else "failure"
        if request is not None and writable(wall):
            event["start"] = document["@timestamp"]
        if response is None:
            return
        if response.end is not None and writable(response.end + offset):
            event["end"] = timestamp(response.end + offset)
        if request is not None:
            if response.end is not None and response.end >= request.start:
                event["duration"] = response.end - request.start
            if response.start >= request.start:
                own["time_to_first_byte"] = response.start - request.start

    def _request(self, document: Part, http: Part, request: Request, stream: str) -> str | None:
        """Fills `http.request`, `url` and `user_agent`; gives the domain, where known."""
        kept = self._request_headers.select(request.headers)
        part: Part = {"method": request.method}
        _sizes(part, request)
        if kept.referer is not None:
            part["referrer"] = kept.referer
        if kept.part:
            part["headers"] = kept.part
        http["request"] = part
        if kept.user_agent is not None:
            document["user_agent"] = {"original": kept.user_agent}
        if kept.trace:
            document |= kept.trace
        redactor = self._redactor
        connect = request.method == "CONNECT"
        target = (redactor.authority if connect else redactor.url)(request.target)
        document["url"] = url = url_fields(
            request.method, target, kept.host, _SCHEMES.get(stream, "http")
        )
        domain = url.get("domain")
        return domain if isinstance(domain, str) else None

    def _response(self, response: Response) -> Part:
        kept = self._response_headers.select(response.headers)
        part: Part = {} if response.status is None else {"status_code": response.status}
        _sizes(part, response)
        if kept.part:
            part["headers"] = kept.part
        return part

    def _network(self, document: Part, connection: Connection, domain: str | None) -> None:
        """Fills `source`, `destination`, `network` and `related`."""
        client, server = connection.client_address, connection.server_address
        source = self._clients.text(client)
        destination = address_text(server)
        document["source"] = {"ip": source, "port": connection.client_port}
        document["destination"] = {"ip": destination, "port": connection.server_port}
        client, server = plain(client), plain(server)
        document["network"] = network = {
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
        related: Part = {"ip": [source] if source == destination else [source, destination]}
        hosts = [name for name in (domain, self._host_name) if name]
        if hosts:
            related["hosts"] = hosts if len(hosts) == 1 or hosts[0] != hosts[1] else hosts[:1]
        document["related"] = related

    def _proxied(self, document: Part, connection: Connection, proxied: Proxied) -> None:
        """Fills `client` and `server` with what a trusted proxy said; others are only named."""
        if not self._trusted(plain(connection.client_address)):
            document["shipper"].setdefault("anomalies", []).append("untrusted_proxy_header")
            return
        if proxied.source is None or proxied.destination is None:
            return
        client = self._clients.text(proxied.source)
        server = address_text(proxied.destination)
        document["client"] = {"ip": client, "port": proxied.source_port}
        document["server"] = {"ip": server, "port": proxied.destination_port}
        related = document["related"]
        related["ip"] = list(dict.fromkeys((client, *related["ip"], server)))

    def _forwarded(self, document: Part, connection: Connection, request: Request) -> None:
        """Fills `client` with whom the trusted proxies in front name in their header."""
        peer = connection.client_address
        proxied = connection.proxied
        if proxied is not None and proxied.source is not None and self._trusted(plain(peer)):
            peer = proxied.source
        if not self._trusted(plain(peer)):
            return
        found = forwarded_client(request.headers, self._client_headers, self._trusted)
        if found is None:
            return
        client = self._clients.text(found.address)
        document["client"] = {"ip": client}
        if found.port is not None:
            document["client"]["port"] = found.port
        related = document["related"]
        related["ip"] = list(dict.fromkeys((client, *related["ip"])))

    def _facts(self, own: Part, exchange: Exchange) -> None:
        """What is not ECS."""
        connection, request, response = exchange.connection, exchange.request, exchange.response
        own["hook"] = connection.hook
        own["exchange_number"] = exchange.number
        if connection.interface is not None:
            own["interface"] = connection.interface
        if exchange.incomplete:
            own["incomplete"] = [str(reason) for reason in exchange.incomplete]
        if exchange.anomalies:
            own["anomalies"] = list(exchange.anomalies)
        truncated = [
            name
            for name, message in (("request", request), ("response", response))
            if message is not None and message.cut
        ]
        if truncated:
            own["truncated"] = truncated
        if response is not None and response.interim:
            own["interim"] = list(response.interim)
        if self._since_1_1 and request is not None and response is not None and response.version:
            own["response_version"] = response.version
        if exchange.joined_late:
            own["joined_late"] = True
        if exchange.resumed:
            own["resumed"] = True
        if exchange.sampling_rate < 1.0:
            own["sampling_rate"] = exchange.sampling_rate

    def _hide_client(
        self, connection: Connection, request: Request | None, response: Response | None
    ) -> tuple[Request | None, Response | None]:
        """The messages without the client's address in headers and target."""
        clients = self._clients
        known = {plain(connection.client_address)}
        if connection.proxied is not None and connection.proxied.source is not None:
            known.add(plain(connection.proxied.source))
        if request is not None:
            known |= clients.named(request.headers)
            request = replace(
                request,
                headers=clients.hide_headers(request.headers, known),
                target=clients.hide(request.target, known),
            )
        if response is not None:
            response = replace(response, headers=clients.hide_headers(response.headers, known))
        return request, response


def _sizes(part: Part, message: Message) -> None:
    """`bytes` and `body.bytes`, where the message was seen to its end."""
    if message.body_bytes is not None:
        part["bytes"] = message.header_bytes + message.body_bytes
        part["body"] = {"bytes": message.body_bytes}

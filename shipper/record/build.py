"""One exchange -> the draft of its record, redacted: what is its own, and what it shares.

Most of a record comes again in others: the ends of its connection, whole header blocks, what the
settings say. Those parts are made once and validated once. What is the exchange's own (`fresh`) is
validated each time, and only then the two are put together, so that nothing enters a record that
was not held to its model.
"""

from dataclasses import replace
from typing import Final, Literal, NamedTuple

from shipper.contract.exchange import Connection, Exchange, Folded, Message, Request, Response
from shipper.record.addresses import ClientAddresses, plain
from shipper.record.clock import LATEST, timestamp
from shipper.record.constant import event_part
from shipper.record.ends import Ends, EndsOf
from shipper.record.forwarded import forwarded_client
from shipper.record.headers import HeaderPolicy, Kept, NameSeen, Selected
from shipper.record.model.versions import ordered
from shipper.record.redact import Redactor
from shipper.record.sensitive import HeaderSecrets, Keyed, ParameterSecrets
from shipper.record.settings import Identity, RecordSettings
from shipper.record.shared import Part, Shared, Sharing
from shipper.record.urls import url_fields

_FAILURE_FROM: Final = 400
_SCHEMES: Final = {"tls": "https"}


class Draft(NamedTuple):
    """A record that is not validated yet.

    `fresh` is the exchange's own, the rest is shared; `valid` says whether all that is shared is
    valid.
    """

    fresh: Part
    ends: Ends
    related: Shared
    request: Kept | None
    response: Kept | None
    valid: bool


class DocumentBuilder:
    """Drafts the records of one worker; `sharing` makes ready what they share."""

    def __init__(self, settings: RecordSettings, identity: Identity, sharing: Sharing) -> None:
        privacy, headers = settings.privacy, settings.headers
        keyed = Keyed(privacy.key, privacy.key_id)
        self._redactor = Redactor(
            ParameterSecrets(privacy.parameters, privacy.secret_action),
            keyed,
            privacy.path_patterns,
        )
        secrets = HeaderSecrets(headers.actions, headers.secret_action)

        def policy(side: str, names: tuple[str, ...]) -> HeaderPolicy:
            def ready(found: Selected) -> Kept:
                headers = {"headers": found.part} if found.part else {}
                part = sharing(headers, below=f"http.{side}")
                beside = sharing(found.beside)
                valid = part.valid and beside.valid
                return Kept(part, beside, found.host, found.referer, valid)

            limit = headers.names_limit
            return HeaderPolicy(
                names, secrets, self._redactor, keyed, names_limit=limit, ready=ready
            )

        self._request_headers = policy("request", headers.request)
        self._response_headers = policy("response", headers.response)
        self._clients = ClientAddresses(privacy.client_ip, keyed)
        self._ends = EndsOf(settings, identity.host_name, self._clients, sharing)
        self._client_headers = settings.client_headers
        self._event = event_part(settings, identity)
        self._event_valid = sharing({"event": self._event}).valid
        version = ordered(settings.schema_version)
        self._since_1_1, self._since_1_2 = version >= (1, 1), version >= (1, 2)
        self._created = (0, timestamp(0))

    def names_seen(self) -> dict[str, list[NameSeen]]:
        """The header names seen so far, of requests and of responses."""
        return {
            "request": self._request_headers.names_seen(),
            "response": self._response_headers.names_seen(),
        }

    def names_overflow(self) -> int:
        """How many headers had names beyond `names_limit`."""
        return self._request_headers.overflow + self._response_headers.overflow

    def draft(self, exchange: Exchange, wall_offset_ns: int, created_ns: int) -> Draft:
        """What is to become a record, with sequence 0 and `event.id` to match."""
        connection, request, response = exchange.connection, exchange.request, exchange.response
        ends = self._ends(connection)
        hidden = self._clients.hidden
        if hidden:
            request, response = self._hide_client(connection, request, response)
        http: Part = {}
        fresh: Part = {"http": http}
        own = fresh["shipper"] = _facts(exchange, ends)
        self._times(fresh, own, exchange, wall_offset_ns, created_ns)
        if exchange.folded is not None:
            self._fold(own, exchange.folded, wall_offset_ns)
        first = request or response
        if first is not None and first.version is not None:
            http["version"] = first.version
        domain = asked = answered = None
        valid = ends.valid and self._event_valid
        if request is not None:
            asked = self._request_headers.select(request.headers, keep=not hidden)
            valid = valid and asked.valid
            http["request"] = _request(request, asked)
            domain = self._url(fresh, request, asked.host, connection.stream)
        if response is not None:
            answered = self._response_headers.select(response.headers, keep=not hidden)
            valid = valid and answered.valid
            http["response"] = _response(response)
            if self._since_1_1 and request is not None and response.version:
                own["response_version"] = response.version
        related = self._ends.related(ends, domain)
        if self._client_headers and exchange.request is not None:
            related = self._forwarded(fresh, exchange.request, ends, domain) or related
        return Draft(fresh, ends, related, asked, answered, valid and related.valid)

    def whole(self, draft: Draft, fresh: Part, *, plain: bool = False) -> Part:
        """The variable parts of the record; `fresh` is the draft's, which goes into it.

        `plain`: to be judged or read, and not only encoded.
        """
        ends, asked, answered = draft.ends, draft.request, draft.response
        fresh["event"] = self._event | fresh["event"]
        fresh["shipper"] = ends.own | fresh["shipper"]
        form: Literal[0, 1] = 0 if plain else 1  # of a `Shared`
        client = fresh.get("client")
        document = fresh
        document.update(ends.parts[form])
        document.update(draft.related[form])
        if client is not None:  # what a proxy's header says goes before what its connection said
            document["client"] = client
        http = fresh["http"]
        if asked is not None:
            http["request"] |= asked.part[form]
            if asked.beside.plain:
                document.update(asked.beside[form])
        if answered is not None:
            http["response"] |= answered.part[form]
            if not http["response"]:
                del http["response"]
        return document

    def _times(self, fresh: Part, own: Part, exchange: Exchange, offset: int, created: int) -> None:
        """`@timestamp`, `event.*` and the durations, which come from the event's clock."""
        request, response = exchange.request, exchange.response
        if created != self._created[0]:
            self._created = created, timestamp(created)
        event = fresh["event"] = {"created": self._created[1]}
        wall = exchange.start + offset
        if 0 <= wall <= LATEST:
            begin = fresh["@timestamp"] = timestamp(wall)
            if request is not None:
                event["start"] = begin
        else:
            fresh["@timestamp"] = event["created"]
        if response is None:
            return
        if response.status is not None:
            event["outcome"] = "success" if response.status < _FAILURE_FROM else "failure"
        end = response.end
        if end is not None and 0 <= end + offset <= LATEST:
            event["end"] = timestamp(end + offset)
        if request is not None:
            start = request.start
            if end is not None and end >= start:
                event["duration"] = end - start
            if response.start >= start:
                own["time_to_first_byte"] = response.start - start

    def _fold(self, own: Part, folded: Folded, offset: int) -> None:
        """What is told of the exchanges that are not told apart."""
        own["fold_count"] = folded.count
        if self._since_1_2:
            own["fold_duration"] = folded.duration
            if 0 <= folded.last + offset <= LATEST:
                own["fold_last"] = timestamp(folded.last + offset)

    def _url(self, fresh: Part, request: Request, host: str | None, stream: str) -> str | None:
        """Fills `url`; gives the domain, where known."""
        redactor, method = self._redactor, request.method
        target = (redactor.authority if method == "CONNECT" else redactor.url)(request.target)
        url = fresh["url"] = url_fields(method, target, host, _SCHEMES.get(stream, "http"))
        domain = url.get("domain")
        return domain if isinstance(domain, str) else None

    def _forwarded(
        self, fresh: Part, request: Request, ends: Ends, domain: str | None
    ) -> Shared | None:
        """Fills `client` with whom trusted proxies in front name; `related` with it."""
        found = None
        if self._ends.trusted_peer(ends.connection):
            trusted = self._ends.trusted
            found = forwarded_client(request.headers, self._client_headers, trusted)
        if found is None:
            return None
        client = self._clients.text(found.address)
        fresh["client"] = {"ip": client}
        if found.port is not None:
            fresh["client"]["port"] = found.port
        return self._ends.relating(list(dict.fromkeys((client, *ends.addresses))), domain)

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


def _request(request: Request, kept: Kept) -> Part:
    part: Part = {"method": request.method}
    if kept.referer is not None:
        part["referrer"] = kept.referer
    _sizes(part, request)
    return part


def _response(response: Response) -> Part:
    part: Part = {} if response.status is None else {"status_code": response.status}
    _sizes(part, response)
    return part


def _facts(exchange: Exchange, ends: Ends) -> Part:
    """What is not ECS."""
    request, response = exchange.request, exchange.response
    own: Part = {"exchange_number": exchange.number}
    if exchange.incomplete:
        own["incomplete"] = [str(reason) for reason in exchange.incomplete]
    if exchange.anomalies or ends.anomalies:
        own["anomalies"] = [*exchange.anomalies, *ends.anomalies]
    if request is not None and request.cut:
        own["truncated"] = ["request"]
    if response is not None and response.cut:
        own.setdefault("truncated", []).append("response")
    if response is not None and response.interim:
        own["interim"] = list(response.interim)
    if exchange.joined_late:
        own["joined_late"] = True
    if exchange.resumed:
        own["resumed"] = True
    if exchange.sampling_rate < 1.0:
        own["sampling_rate"] = exchange.sampling_rate
    return own


def _sizes(part: Part, message: Message) -> None:
    """`bytes` and `body.bytes`, where the message was seen to its end."""
    if message.body_bytes is not None:
        part["bytes"] = message.header_bytes + message.body_bytes
        part["body"] = {"bytes": message.body_bytes}

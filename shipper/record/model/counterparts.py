"""Each field's unit, and what ECS and OpenTelemetry call the same thing.

The names are those of ECS 8.17.0 (`generated/csv/fields.csv` of its tag) and of the semantic
conventions of OpenTelemetry 1.44.0, deprecated ones left out. Units are UCUM's, as OpenTelemetry
writes them: `By` bytes, `ns`, `s`, `{record}` for what is counted. A field that stands in none of
these tables is a fault: `counterpart` raises, so that no schema is written without it.
"""

from typing import Final, NamedTuple

ECS_VERSION: Final = "8.17.0"
OTEL_VERSION: Final = "1.44.0"


class Counterpart(NamedTuple):
    """What a field is elsewhere; None where nothing is the same."""

    unit: str | None
    ecs: str | None
    otel: str | None


#: ECS fields that OpenTelemetry has under another name, or under the same.
_ECS_AND_OTEL: Final = {
    "host.id": "host.id",
    "host.name": "host.name",
    "host.architecture": "host.arch",
    "host.ip": "host.ip",
    "source.ip": "source.address",
    "source.port": "source.port",
    "source.domain": "source.address",
    "destination.ip": "destination.address",
    "destination.port": "destination.port",
    "destination.domain": "destination.address",
    "client.ip": "client.address",
    "client.port": "client.port",
    "client.address": "client.address",
    "client.domain": "client.address",
    "server.ip": "server.address",
    "server.port": "server.port",
    "server.address": "server.address",
    "server.domain": "server.address",
    "network.transport": "network.transport",
    "network.type": "network.type",
    "network.protocol": "network.protocol.name",
    "http.version": "network.protocol.version",
    "http.request.method": "http.request.method",
    "http.request.bytes": "http.request.size",
    "http.request.body.bytes": "http.request.body.size",
    "http.response.status_code": "http.response.status_code",
    "http.response.bytes": "http.response.size",
    "http.response.body.bytes": "http.response.body.size",
    "url.original": "url.original",
    "url.full": "url.full",
    "url.path": "url.path",
    "url.query": "url.query",
    "url.domain": "url.domain",
    "url.scheme": "url.scheme",
    "url.port": "url.port",
    "user_agent.original": "user_agent.original",
    "tls.version": "tls.protocol.version",
    "tls.version_protocol": "tls.protocol.name",
    "tls.cipher": "tls.cipher",
    "tls.next_protocol": "tls.next_protocol",
    "tls.established": "tls.established",
    "tls.resumed": "tls.resumed",
    "tls.client.server_name": "server.address",
    "tls.client.ja3": "tls.client.ja3",
    "tls.client.subject": "tls.client.subject",
    "tls.client.issuer": "tls.client.issuer",
    "tls.client.not_before": "tls.client.not_before",
    "tls.client.not_after": "tls.client.not_after",
    "tls.server.ja3s": "tls.server.ja3s",
    "tls.server.subject": "tls.server.subject",
    "tls.server.issuer": "tls.server.issuer",
    "tls.server.not_before": "tls.server.not_before",
    "tls.server.not_after": "tls.server.not_after",
    "container.id": "container.id",
    "container.name": "container.name",
    "container.runtime": "container.runtime.name",
    "container.image.name": "container.image.name",
    "container.image.tag": "container.image.tags",
    "container.image.hash.all": "container.image.repo_digests",
    "container.labels": "container.label",
    "orchestrator.namespace": "k8s.namespace.name",
    "orchestrator.cluster.id": "k8s.cluster.uid",
    "orchestrator.cluster.name": "k8s.cluster.name",
    "process.pid": "process.pid",
    "process.vpid": "process.vpid",
    "process.name": "process.executable.name",
    "process.executable": "process.executable.path",
    "process.command_line": "process.command_line",
    "process.start": "process.creation.time",
    "process.parent.pid": "process.parent_pid",
    "user.id": "user.id",
    "user.name": "user.name",
    "service.name": "service.name",
    "service.version": "service.version",
    "service.environment": "deployment.environment.name",
    "error.type": "error.type",
    "error.message": "error.message",
    "rule.id": "security_rule.uuid",
    "rule.name": "security_rule.name",
    "rule.version": "security_rule.version",
    "rule.category": "security_rule.category",
    "rule.description": "security_rule.description",
    "rule.reference": "security_rule.reference",
}

#: ECS fields without a counterpart in OpenTelemetry; of traces it has the ids as fields of the
#: signal itself, not as attributes.
_ECS_ALONE: Final = frozenset(
    """
    @timestamp message labels tags ecs.version
    event.id event.sequence event.created event.start event.end event.duration event.kind
    event.category event.type event.outcome event.dataset event.module event.severity
    data_stream.type data_stream.dataset data_stream.namespace
    agent.id agent.type agent.version agent.ephemeral_id agent.name
    host.hostname
    observer.type observer.vendor observer.product observer.version observer.name
    observer.hostname
    network.direction network.community_id network.vlan.id
    http.request.referrer
    related.ip related.hosts
    trace.id span.id transaction.id
    orchestrator.type orchestrator.resource.id orchestrator.resource.type
    orchestrator.resource.name
    process.hash.sha256 process.parent.name process.parent.executable
    process.parent.hash.sha256
    service.id service.type
    """.split()  # noqa: SIM905 - one a line would fill a page
)

#: Fields that are not ECS's: (the ECS field that says the same, OpenTelemetry's).
_NOT_ECS: Final[dict[str, tuple[str | None, str | None]]] = {
    "http.request.headers": (None, "http.request.header"),
    "http.response.headers": (None, "http.response.header"),
    "tls.client.ja3s": ("tls.server.ja3s", "tls.server.ja3s"),
    "tls.server.ja3": ("tls.client.ja3", "tls.client.ja3"),
    "tls.server.server_name": ("tls.client.server_name", "server.address"),
    "kubernetes.namespace": ("orchestrator.namespace", "k8s.namespace.name"),
    "kubernetes.pod.uid": ("orchestrator.resource.id", "k8s.pod.uid"),
    "kubernetes.pod.name": ("orchestrator.resource.name", "k8s.pod.name"),
    "kubernetes.pod.ip": (None, "k8s.pod.ip"),
    "kubernetes.node.name": (None, "k8s.node.name"),
    "kubernetes.container.name": ("container.name", "k8s.container.name"),
    "kubernetes.deployment.name": (None, "k8s.deployment.name"),
    "kubernetes.labels": (None, "k8s.pod.label"),
    "shipper.response_version": (None, "network.protocol.version"),
    "shipper.interface": ("observer.ingress.interface.id", None),
}

#: What is ours alone: these parts as a whole.
_OURS: Final = ("shipper.", "ledger.", "dead.", "alert.")

#: The last part of the name decides for the fields of every stage.
_STAGE_UNITS: Final = {"in": "{thing}", "out": "{thing}", "held": "{thing}", "discarded": "{thing}"}

_UNITS: Final = {
    "event.duration": "ns",
    "http.request.bytes": "By",
    "http.request.body.bytes": "By",
    "http.response.bytes": "By",
    "http.response.body.bytes": "By",
    "shipper.time_to_first_byte": "ns",
    "shipper.sampling_rate": "1",
    "shipper.fold_count": "{exchange}",
    "shipper.fold_duration": "ns",
    "ledger.workers": "{worker}",
    "ledger.interval": "s",
    "ledger.kernel": "{thing}",
    "ledger.coverage.http1": "{connection}",
    "ledger.coverage.http2": "{connection}",
    "ledger.coverage.tls": "{connection}",
    "ledger.coverage.other": "{connection}",
    "ledger.coverage.late": "{connection}",
    "ledger.clock_steps": "{step}",
    "ledger.resent": "{record}",
    "ledger.adopted": "{record}",
    "ledger.attribution.attributed": "{exchange}",
    "ledger.attribution.unattributed": "{exchange}",
    "ledger.attribution.named": "{exchange}",
    "ledger.attribution.unnamed": "{exchange}",
    "dead.timestamp_ms": "ms",
    "dead.original_bytes": "By",
    "alert.evidence_total": "{record}",
}

#: Numbers that measure nothing: they name, order, or have the unit of what the rule looks at.
UNITLESS: Final = frozenset(
    """
    event.sequence event.severity source.port destination.port client.port server.port url.port
    http.response.status_code process.pid process.vpid process.parent.pid
    shipper.exchange_number shipper.interface shipper.interim
    ledger.worker ledger.sequence.next ledger.sequence.settled ledger.lost.first ledger.lost.last
    dead.sequence alert.value alert.threshold
    """.split()  # noqa: SIM905 - one a line would fill a page
)


def counterpart(name: str) -> Counterpart:
    """Unit and names elsewhere of the field with this dotted name; KeyError if it is unknown."""
    if name in _ECS_AND_OTEL:
        return Counterpart(_unit(name), name, _ECS_AND_OTEL[name])
    if name in _ECS_ALONE:
        return Counterpart(_unit(name), name, None)
    if name in _NOT_ECS:
        return Counterpart(_unit(name), *_NOT_ECS[name])
    if name.startswith(_OURS):
        return Counterpart(_unit(name), None, None)
    raise KeyError(f"{name}: say in {__name__} what it is elsewhere")


def _unit(name: str) -> str | None:
    if name.startswith("ledger.stages."):
        return _STAGE_UNITS.get(name.rpartition(".")[2])
    return _UNITS.get(name)

"""Settings and identity -> the parts that are the same in every record."""

from typing import Any

from shipper.contract.record import FRAMING_HEADER
from shipper.record.model.counterparts import ECS_VERSION
from shipper.record.settings import ClientIp, Identity, RecordSettings

Part = dict[str, Any]


def event_id(identity: Identity, sequence: int) -> str:
    """`<ephemeral id>-<worker>-<sequence>`."""
    return f"{identity.ephemeral_id}-{identity.worker}-{sequence}"


def event_part(settings: RecordSettings, identity: Identity) -> Part:
    """What every `event` has; sequence and id are placeholders until the record is numbered."""
    return {
        "id": event_id(identity, 0),
        "sequence": 0,
        "kind": "event",
        "category": ["network", "web"],
        "type": ["access", "connection", "protocol"],
        "outcome": "unknown",
        "dataset": settings.dataset,
        "module": "shipper",
    }


def constant_parts(settings: RecordSettings, identity: Identity) -> Part:
    """The parts that are whole: the same in every record of this worker."""
    parts: Part = {
        "data_stream": {
            "type": "logs",
            "dataset": settings.dataset,
            "namespace": settings.namespace,
        },
        **origin_parts(identity),
        "observer": _known(
            type=identity.observer_type,
            vendor=identity.observer_vendor,
            product=identity.observer_product,
            version=identity.version,
            name=identity.observer_name,
        ),
        "labels": dict(settings.labels),
        "tags": list(settings.tags),
    }
    return {name: part for name, part in parts.items() if part}


def origin_parts(identity: Identity) -> Part:
    """Who writes, in every document of whatever kind; `host` is empty where nothing is known."""
    return {
        "ecs": {"version": ECS_VERSION},
        "agent": _known(
            id=identity.agent_id,
            type=identity.agent_type,
            version=identity.version,
            ephemeral_id=identity.ephemeral_id,
            name=identity.agent_name,
        ),
        "host": _known(id=identity.host_id, name=identity.host_name),
    }


def message_headers(
    schema_name: str,
    schema_version: str,
    content_type: str = "application/json",
    framing: str = "plain",
) -> tuple[tuple[str, bytes], ...]:
    """The text headers of a message."""
    headers = (
        ("content-type", content_type.encode("ascii")),
        ("schema-name", schema_name.encode("ascii")),
        ("schema-version", schema_version.encode("ascii")),
    )
    return headers if framing == "plain" else (*headers, (FRAMING_HEADER, framing.encode("ascii")))


def own_part(settings: RecordSettings) -> Part:
    """What every `shipper` part has."""
    own: Part = {"schema_version": settings.schema_version}
    privacy = settings.privacy
    if privacy.client_ip is not ClientIp.KEEP:
        own["privacy"] = {"client_ip": str(privacy.client_ip)}
        if privacy.client_ip is ClientIp.HASH:
            own["privacy"]["key_id"] = privacy.key_id
    return own


def _known(**fields: str) -> Part:
    """The fields that are not empty."""
    return {name: value for name, value in fields.items() if value}

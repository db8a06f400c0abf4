"""The configuration -> what assembly and the record room are told, and whose records they are."""

import platform
import uuid
from ipaddress import ip_network
from pathlib import Path

from shipper import __version__
from shipper.config import Config, VolumeRule
from shipper.http import Assembler
from shipper.ledger import Origin
from shipper.record import (
    DEFAULT_REQUEST_HEADERS,
    DEFAULT_RESPONSE_HEADERS,
    Action,
    ClientIp,
    HeaderSettings,
    Identity,
    PrivacySettings,
    RecordSettings,
)
from shipper.volume import Rule, VolumeSettings

_SECOND = 1_000_000_000
#: Names agents apart that share a machine id with other software (RFC 4122 version 5).
_NAMESPACE = uuid.UUID("6a0f2c3e-8a53-5c0b-9d5b-1f6f0f6b6a11")


def record_settings(config: Config) -> RecordSettings:
    """What the record room is told."""
    record, privacy = config.record, config.privacy
    return RecordSettings(
        topic=config.kafka.topic,
        ledger_topic=config.kafka.ledger_topic,
        dead_topic=config.kafka.dead_topic,
        namespace=record.namespace,
        encoding=record.encoding,
        framing=config.kafka.framing,
        message_headers=tuple(record.message_headers.items()),
        schema_version=record.schema_version,
        ledger_version=config.ledger.schema_version,
        headers=HeaderSettings(
            request=_header_names(record.request_headers, DEFAULT_REQUEST_HEADERS),
            response=_header_names(record.response_headers, DEFAULT_RESPONSE_HEADERS),
            actions={name: Action(action) for name, action in privacy.headers.items()},
            secret_action=Action(privacy.secrets),
        ),
        privacy=PrivacySettings(
            client_ip=ClientIp(privacy.client_ip),
            parameters=dict.fromkeys(privacy.query, Action(privacy.secrets)),
            secret_action=Action(privacy.secrets),
            path_patterns=tuple(str(pattern) for pattern in privacy.paths),
            key=privacy.read_hash_key() or b"",
            key_id=privacy.hash_key_id,
        ),
        internal_networks=tuple(str(network) for network in record.internal_networks),
        trusted_proxies=tuple(str(network) for network in record.trusted_proxies),
        client_headers=record.client_headers,
        maximum_ahead_ns=int(record.max_ahead * _SECOND),
        maximum_bytes=record.max_bytes,
    )


def _header_names(
    configured: str | tuple[str, ...] | None, default: tuple[str, ...]
) -> tuple[str, ...]:
    if configured is None:
        return default
    return ("*",) if isinstance(configured, str) else configured


def assembler(config: Config) -> Assembler:
    """An assembler as configured."""
    http = config.http
    return Assembler(
        timeout_ns=int(http.response_timeout * _SECOND),
        idle_ns=int(http.idle_timeout * _SECOND),
        max_connections=http.max_connections,
        max_pending=http.max_pending,
        max_block=config.capture.max_block,
        max_held=http.max_held,
    )


def volume_settings(config: Config) -> VolumeSettings:
    """What a worker is told about what it may ship: its share of the bounds."""
    volume, workers = config.volume, config.capture.workers
    return VolumeSettings(
        max_per_client=volume.max_per_client_per_second,
        max_per_second=volume.max_exchanges_per_second / workers,
        max_cpu=volume.max_cpu / workers,
        rules=tuple(map(_volume_rule, volume.rules)),
        keep_failures=volume.keep_failures,
        max_folds=volume.max_folds,
    )


def _volume_rule(rule: VolumeRule) -> Rule:
    return Rule(
        name=rule.name,
        action=rule.action,
        one_in=rule.one_in,
        window_ns=int(rule.window * _SECOND),
        hosts=rule.hosts,
        paths=rule.paths,
        methods=rule.methods,
        statuses=rule.statuses,
        clients=tuple(map(ip_network, rule.clients)),
        user_agents=rule.user_agents,
        directions=rule.directions,
    )


def machine_id() -> str:
    """The machine id (machine-id(5)), "" where there is none."""
    for path in (Path("/etc/machine-id"), Path("/var/lib/dbus/machine-id")):
        try:
            return path.read_text().strip()
        except OSError:
            continue
    return ""


def identity(config: Config, ephemeral: str, worker: int) -> Identity:
    """Who the records come from. The agent's id stays the same from start to start."""
    host_id = config.record.host_id or machine_id()
    host_name = config.record.host_name or platform.node()
    return Identity(
        agent_id=str(uuid.uuid5(_NAMESPACE, host_id or host_name)),
        ephemeral_id=ephemeral,
        worker=worker,
        version=__version__,
        host_id=host_id,
        host_name=host_name,
        observer_name=host_name,
    )


def origin(config: Config, ephemeral: str, worker: int, started_ns: int) -> Origin:
    """Whose records and accounts a worker writes."""
    return Origin(
        settings=record_settings(config),
        identity=identity(config, ephemeral, worker),
        workers=config.capture.workers,
        started_ns=started_ns,
        interval=config.ledger.interval,
    )

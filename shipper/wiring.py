"""Translates the configuration into what each room is told. Only here do their words meet."""

import logging
import platform
import socket
import uuid
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path

from shipper import __version__
from shipper.capture import TUNNELS, CaptureSettings, HookName, Rules
from shipper.config import Capture, Config, Match
from shipper.delivery import FileSink, KafkaSink, Log, Sink, StdoutSink, TeeSink
from shipper.http import Assembler
from shipper.pipeline import Pipeline, Waiting
from shipper.record import (
    DEFAULT_REQUEST_HEADERS,
    DEFAULT_RESPONSE_HEADERS,
    Action,
    ClientIp,
    HeaderSettings,
    Identity,
    PrivacySettings,
    RecordBuilder,
    RecordSettings,
)

_SECOND = 1_000_000_000
#: Names agents apart that share a machine id with other software (RFC 4122 version 5).
_NAMESPACE = uuid.UUID("6a0f2c3e-8a53-5c0b-9d5b-1f6f0f6b6a11")

Address = IPv4Address | IPv6Address


def capture_settings(config: Config, hook: HookName | None = None) -> CaptureSettings:
    """What capture is told; `hook` overrides the configured one (replay)."""
    capture = config.capture
    return CaptureSettings(
        hook=hook or capture.hook,
        interfaces=capture.interfaces,
        cgroup_root=capture.cgroup_root,
        allow_private_cgroup=capture.allow_private_cgroup,
        roles=("server", "client") if hook == "replay" else capture.roles,
        include=_rules(capture.include),
        exclude=_rules(capture.exclude),
        sinks=() if hook == "replay" else sinks(config, capture),
        exclude_own=capture.exclude_own and hook != "replay",
        decapsulate=TUNNELS if hook == "replay" else capture.decapsulate,
        flows=capture.flow_table,
        holds=capture.reorder_table,
        rings=1 if hook == "replay" else capture.workers,
        ring_bytes=capture.ring_bytes,
        wake_bytes=capture.ring_bytes // 16,
        max_block=capture.max_block,
    )


def _rules(match: Match) -> Rules:
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


def record_settings(config: Config) -> RecordSettings:
    """What the record room is told."""
    record, privacy = config.record, config.privacy
    return RecordSettings(
        topic=config.kafka.topic,
        namespace=record.namespace,
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
        maximum_ahead_ns=int(record.max_ahead * _SECOND),
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


def pipeline(
    config: Config, who: Identity, sink: Sink, *, waiting: Waiting, log: logging.Logger
) -> Pipeline:
    """The rooms joined as configured, from header events to `sink`."""
    builder = RecordBuilder(record_settings(config), who)
    return Pipeline(assembler(config), builder, sink, waiting=waiting, log=log)


def sink(config: Config, log: Log) -> Sink:
    """Where the records go: one place, or several."""
    made: dict[str, Sink] = {}
    for output in config.output:
        if output == "kafka":
            made[output] = KafkaSink(dict(config.kafka.settings), log=log)
        elif output == "stdout":
            made[output] = StdoutSink(log=log)
        else:
            made[output] = FileSink(Path(output.removeprefix("file:")), log=log)
    return next(iter(made.values())) if len(made) == 1 else TeeSink(made)

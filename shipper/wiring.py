"""Translates the configuration into what each room is told. Only here do their words meet."""

import logging
import platform
import socket
import time
import uuid
from functools import partial
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from pathlib import Path
from typing import NamedTuple

from shipper import __version__
from shipper.capture import TUNNELS, CaptureSettings, HookName, Rules
from shipper.config import Capture, Config, Match, VolumeRule
from shipper.delivery import (
    DEAD_LETTERS,
    DeadFile,
    FileSink,
    Framing,
    KafkaSink,
    Log,
    Options,
    SchemaName,
    Sink,
    SpooledSink,
    SpoolSettings,
    StdoutSink,
    TeeSink,
)
from shipper.errors import ConfigError, ShipperError
from shipper.http import Assembler
from shipper.ledger import Origin, closing
from shipper.local_addresses import local_addresses
from shipper.pipeline import Letters, Pipeline, Waiting
from shipper.record import (
    DEFAULT_REQUEST_HEADERS,
    DEFAULT_RESPONSE_HEADERS,
    Action,
    ClientIp,
    DeadLetters,
    HeaderSettings,
    Identity,
    PrivacySettings,
    RecordBuilder,
    RecordSettings,
    encoder_of,
    shorten,
)
from shipper.registry import FILE as SCHEMA_IDS
from shipper.registry import Asking, Lookup, Registry
from shipper.volume import Rule, VolumeSettings

_SECOND = 1_000_000_000
#: Names agents apart that share a machine id with other software (RFC 4122 version 5).
_NAMESPACE = uuid.UUID("6a0f2c3e-8a53-5c0b-9d5b-1f6f0f6b6a11")

Address = IPv4Address | IPv6Address

_EVERYWHERE = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - to be recognised
#: The kernel's table of sinks holds 1024.
_MOST_ADDRESSES = 512


def capture_settings(config: Config, hook: HookName | None = None) -> CaptureSettings:
    """What capture is told; `hook` overrides the configured one (replay)."""
    capture = config.capture
    return CaptureSettings(
        hook=hook or capture.hook,
        interfaces=capture.interfaces,
        cgroup_root=capture.cgroup_root,
        allow_private_cgroup=capture.allow_private_cgroup,
        roles=("server", "client") if hook == "replay" else capture.roles,
        include=rules(capture.include),
        exclude=rules(capture.exclude),
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


def rules(match: Match) -> Rules:
    """Which connections are meant."""
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
        if config.registry.url:
            names.append(config.registry.address)
    if capture.exclude_own and config.metrics.listen:
        names += _asked_at(config.metrics.listen)
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


def _asked_at(listen: str) -> list[str]:
    """Where scrapes and health checks arrive: everywhere means at each address of ours."""
    host, _, port = listen.rpartition(":")
    if host.strip("[]") not in _EVERYWHERE:
        return [listen]
    return [f"[{address}]:{port}" for address in local_addresses()[:_MOST_ADDRESSES]]


def record_settings(config: Config) -> RecordSettings:
    """What the record room is told."""
    record, privacy = config.record, config.privacy
    return RecordSettings(
        topic=config.kafka.topic,
        ledger_topic=config.kafka.ledger_topic,
        dead_topic=config.kafka.dead_topic,
        namespace=record.namespace,
        encoding=record.encoding,
        schema_version=record.schema_version,
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
    )


def _volume_rule(rule: VolumeRule) -> Rule:
    return Rule(
        name=rule.name,
        action=rule.action,
        one_in=rule.one_in,
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


class Outputs(NamedTuple):
    """Where the records go: `sink` is all of it, `kafka` the part that speaks to Kafka."""

    sink: Sink
    kafka: SpooledSink | KafkaSink | None = None
    letters: Letters | None = None


def pipeline(
    config: Config, who: Identity, outputs: Outputs, *, waiting: Waiting, log: logging.Logger
) -> Pipeline:
    """The rooms joined as configured, from header events to the outputs."""
    builder = RecordBuilder(record_settings(config), who)
    return Pipeline(
        assembler(config), builder, outputs.sink, waiting=waiting, log=log, letters=outputs.letters
    )


def outputs(config: Config, who: Origin, log: Log) -> Outputs:
    """Where the records go, as configured: one place, or several."""
    made: dict[str, Sink] = {}
    kafka = letters = None
    # Kafka first: what the spool refuses must not stand elsewhere under a number that is given
    # once more.
    for output in sorted(config.output, key=lambda name: name != "kafka"):
        if output == "kafka":
            writer = DeadLetters(who.settings, who.identity, now_ns=time.time_ns)
            kafka = made[output] = _kafka(config, who, writer, log)
            letters = Letters(writer, kafka)
        elif output == "stdout":
            made[output] = StdoutSink(log=log)
        else:
            made[output] = FileSink(Path(output.removeprefix("file:")), log=log)
    sink = next(iter(made.values())) if len(made) == 1 else TeeSink(made)
    return Outputs(sink, kafka, letters)


def asking(config: Config) -> Asking | None:
    """How the schemas of records are asked for; None where nothing stands around them."""
    if config.kafka.framing == "plain":
        return None
    registry = config.registry

    def connect() -> Registry:
        return Registry(
            registry.url,
            user=registry.user or None,
            password=registry.read_password() or None,
            ca=Path(registry.ca) if registry.ca else None,
            timeout_s=registry.timeout,
        )

    return Asking(
        url=registry.url.rstrip("/"),
        topic=config.kafka.topic,
        connect=connect,
        needs_guid=config.kafka.framing == "guid",
        register=registry.auto_register,
    )


def schema(config: Config) -> SchemaName:
    """What the records say of their schema."""
    encoder = encoder_of(config.record.encoding, config.record.schema_version)
    return SchemaName(encoder.schema_name, encoder.schema_version, encoder.content_type)


def check_framing(config: Config) -> None:
    """Ask once whether records can be framed at all: ConfigError if never.

    What may come right while the agent runs is said then.
    """
    asked = asking(config)
    if asked is not None and asked.needs_guid:
        try:
            asked.ask(schema(config))
        except ConfigError:
            raise
        except ShipperError:
            return


def _framing(config: Config, log: Log) -> Framing | None:
    asked = asking(config)
    if asked is None or config.kafka.framing == "plain":
        return None
    asked.connect()  # what is wrong with its files is told before anything is captured
    file = Path(config.spool.path) / SCHEMA_IDS if config.spool.path else None
    lookup = Lookup(asked, log=log, file=file, refresh_s=config.registry.refresh)
    lookup.start(schema(config))
    return Framing(config.kafka.framing, config.kafka.topic, lookup.ids)


def _kafka(config: Config, who: Origin, writer: DeadLetters, log: Log) -> SpooledSink | KafkaSink:
    spool = config.spool
    file = DeadFile(Path(spool.path) / DEAD_LETTERS) if spool.path else None
    options = Options(
        partition_by=config.kafka.partition_by,
        bury=writer.letter,
        keep=None if file is None else file.keep,
        shorten=shorten,
        framing=_framing(config, log),
    )
    kafka = KafkaSink(dict(config.kafka.settings), log=log, options=options)
    if not spool.path:
        return kafka
    settings = SpoolSettings(
        root=Path(spool.path),
        name=f"{who.identity.ephemeral_id}-{who.identity.worker}",
        total_bytes=spool.total_bytes // who.workers,
        segment_bytes=spool.segment_bytes,
        sync_interval=spool.sync_interval,
        when_full=spool.when_full,
        memory_bytes=spool.memory_bytes,
    )
    return SpooledSink(kafka, settings, log=log, close_account=partial(closing, by=who))

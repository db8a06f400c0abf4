"""The configuration -> where records go, and the rooms joined up to there."""

import logging
import time
from functools import partial
from pathlib import Path
from typing import NamedTuple

from shipper.config import Config
from shipper.delivery import (
    DEAD_LETTERS,
    DeadFile,
    FileSink,
    Form,
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
    TopicForm,
)
from shipper.errors import ConfigError, ShipperError
from shipper.ledger import Origin, closing
from shipper.pipeline import Letters, Pipeline, Waiting
from shipper.record import (
    DeadLetters,
    Identity,
    RecordBuilder,
    encoder_of,
    shorten,
)
from shipper.registry import FILE as SCHEMA_IDS
from shipper.registry import Asking, Lookup, Registry
from shipper.wiring.recording import assembler, record_settings


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


def topic_form(config: Config) -> TopicForm:
    """What the records' topic holds."""
    name = schema(config)
    form = Form(name.schema, name.content_type, config.kafka.framing)
    return TopicForm(config.kafka.topic, form)


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
        form=topic_form(config),
    )
    return SpooledSink(kafka, settings, log=log, close_account=partial(closing, by=who))

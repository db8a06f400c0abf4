"""Translates the configuration into what each room is told. Only here do their words meet."""

from shipper.wiring.attributing import attribution, privileged_sources
from shipper.wiring.capturing import capture_settings, rules, sinks
from shipper.wiring.delivering import (
    Outputs,
    asking,
    check_framing,
    outputs,
    pipeline,
    schema,
    topic_form,
)
from shipper.wiring.recording import (
    assembler,
    identity,
    machine_id,
    origin,
    record_settings,
    volume_settings,
)

__all__ = [
    "Outputs",
    "asking",
    "assembler",
    "attribution",
    "capture_settings",
    "check_framing",
    "identity",
    "machine_id",
    "origin",
    "outputs",
    "pipeline",
    "privileged_sources",
    "record_settings",
    "rules",
    "schema",
    "sinks",
    "topic_form",
    "volume_settings",
]

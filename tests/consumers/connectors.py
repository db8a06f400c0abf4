"""The shipped connectors in; what a worker without the vendors' plugins takes out.

A connector of Kafka's own stands in the vendor's place. What comes before it is the same code in
either case: converters, transforms, error handling, dead letters.
"""

import json
from collections.abc import Mapping
from pathlib import Path

from brokers.connect import FILE_SINK, PRINTING_SINK

from .connector_keys import known
from .contracts import ROOT

#: Makes a text of a value, as Kafka's JsonConverter writes it. It stands among the converters.
_TO_JSON = "com.github.jcustenborder.kafka.connect.transform.common.ToJSON$Value"
_INSERT = "org.apache.kafka.connect.transforms.InsertField$Value"
_FOLDER = ROOT / "config" / "connect"


def shipped(connector: str) -> dict[str, str]:
    """The configuration as it is checked in."""
    config: dict[str, str] = json.loads((_FOLDER / f"{connector}.json").read_text("utf-8"))
    return config


def worker_settings(secrets: Path) -> dict[str, str]:
    """What config/ asks of the worker; secrets lie in this folder instead of /etc."""
    lines = (_FOLDER / "worker.properties").read_text("utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    allowed = {"config.providers.file.param.allowed.paths": str(secrets)}
    return {**dict(pairs), **allowed}


def standing_in(
    connector: str, config: Mapping[str, str], sink: Mapping[str, str]
) -> dict[str, str]:
    """The configuration with another sink's settings in the place of the vendor's."""
    common = {name: value for name, value in config.items() if not known(connector, name)}
    one_broker = {"errors.deadletterqueue.topic.replication.factor": "1"}
    return {**common, **one_broker, **sink}


def to_file(file: Path) -> dict[str, str]:
    """Kafka's own sink into a file: a line per value, as Java prints it."""
    return {"connector.class": FILE_SINK, "file": str(file)}


def to_output(before: str = "") -> dict[str, str]:
    """Kafka's own sink into the worker's output: values that have a schema, as JSON.

    As both sinks for stores write them: with the message's time as the `@timestamp` that they lack,
    by Kafka's JsonConverter. Names of transforms that come before are given.
    """
    return {
        "connector.class": PRINTING_SINK,
        "tasks.max": "1",
        "transforms": ",".join([*filter(None, [before]), "time", "json"]),
        "transforms.time.type": _INSERT,
        "transforms.time.timestamp.field": "@timestamp",
        "transforms.json.type": _TO_JSON,
    }

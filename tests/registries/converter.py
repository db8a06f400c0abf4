"""Nothing in; the folder out where Kafka Connect finds Apicurio's converters (`plugin.path`).

They are no more Confluent's than ours, and read Confluent's wire format. Maven copies them once
(8 MB) below `build/converters`.
"""

import hashlib
from pathlib import Path
from typing import Final

from brokers.fetching import alone, dependencies

_POM: Final = Path(__file__).parent / "converter-pom.xml"
_FOLDER: Final = Path(__file__).parents[2] / "build" / "converters"


def plugins() -> Path:
    """The folder, with a plugin in it for each version that was ever wanted."""
    wanted = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    plugin = _FOLDER / f"apicurio-{wanted}"
    with alone(_FOLDER):
        if not (plugin / "complete").is_file():
            dependencies("Apicurio's converters for Kafka Connect", _POM, plugin)
            (plugin / "complete").touch()
    return _FOLDER


def reads_confluents_avro(registry: str) -> dict[str, str]:
    """What a connector is told, so that its values are read so; host:port of an Apicurio."""
    words = {
        "url": f"http://{registry}/apis/registry/v2",
        "as-confluent": "true",
        "use-id": "contentId",
    }
    named = {f"value.converter.apicurio.registry.{key}": word for key, word in words.items()}
    return {"value.converter": "io.apicurio.registry.utils.converter.AvroConverter", **named}

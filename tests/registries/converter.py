"""Nothing in; the folder out where Kafka Connect finds converters (`plugin.path`): not of ours.

Confluent's own for Avro, and Apicurio's, which reads the same wire format. Maven copies them once
(100 MB, of which 15 are kept) below `build/converters`.
"""

import hashlib
import re
import zipfile
from pathlib import Path
from typing import Final

from brokers.fetching import alone, dependencies

_FOLDER: Final = Path(__file__).parents[2] / "build" / "converters"
_APICURIO, _CONFLUENT = "apicurio", "confluent"
#: A jar that holds others is unpacked; of these only what Confluent's converter is made of.
_HOLDS_JARS: Final = "*-nar-*.jar"
_NEEDED: Final = re.compile(
    r".*/((kafka-(connect-avro|avro|schema)|common-utils|logredactor|guava|failureaccess"
    r"|jackson-(core|databind|annotations|datatype-jdk8|dataformat-csv)|commons-(compress|codec|io|lang3)"
    r"|minimal-json|re2j|swagger-annotations)-[^/]*\.jar)"
)


def plugins() -> Path:
    """The folder, with a plugin in it for each version that was ever wanted."""
    for name in (_APICURIO, _CONFLUENT):
        pom = Path(__file__).parent / f"{name}-pom.xml"
        wanted = hashlib.sha256(pom.read_bytes() + _NEEDED.pattern.encode()).hexdigest()[:12]
        plugin = _FOLDER / f"{name}-{wanted}"
        with alone(_FOLDER):
            if not (plugin / "complete").is_file():
                dependencies(f"converters for Kafka Connect ({name})", pom, plugin)
                _unpack(plugin)
                (plugin / "complete").touch()
    return _FOLDER


def apicurios(registry: str) -> dict[str, str]:
    """What a connector is told, so that Apicurio's reads its values; host:port of an Apicurio."""
    words = {
        "url": f"http://{registry}/apis/registry/v2",
        "as-confluent": "true",
        "use-id": "contentId",
    }
    named = {f"value.converter.apicurio.registry.{key}": word for key, word in words.items()}
    return {"value.converter": "io.apicurio.registry.utils.converter.AvroConverter", **named}


def _unpack(plugin: Path) -> None:
    for holding in plugin.glob(_HOLDS_JARS):
        with zipfile.ZipFile(holding) as opened:
            for entry in opened.namelist():
                if found := _NEEDED.fullmatch(entry):
                    (plugin / found[1]).write_bytes(opened.read(entry))
        holding.unlink()  # Maven keeps it

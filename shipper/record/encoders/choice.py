"""The word of `record.encoding`, or what a message says of itself -> the encoder.

A form has its line here and its module beside this one, which is imported when it is chosen.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from shipper.errors import ConfigError
from shipper.record.encoders.ecs import EcsEncoder, fragment
from shipper.record.encoders.interface import Document, Encoder
from shipper.record.model import RECORD_VERSIONS

_MAGIC: Final = 0
_PREFIX_BYTES: Final = 5


def _avro(schema_version: str) -> Encoder:
    from shipper.record.encoders.avro import AvroEncoder  # noqa: PLC0415 - brings fastavro along

    return AvroEncoder(schema_version)


def _ocsf(_schema_version: str) -> Encoder:
    from shipper.record.encoders.ocsf import OcsfEncoder  # noqa: PLC0415

    return OcsfEncoder()


def _cim(_schema_version: str) -> Encoder:
    from shipper.record.encoders.cim import CimEncoder  # noqa: PLC0415

    return CimEncoder()


def _apipark(_schema_version: str) -> Encoder:
    from shipper.record.encoders.apipark import ApiparkEncoder  # noqa: PLC0415

    return ApiparkEncoder()


_ENCODERS: Final[dict[str, Callable[[str], Encoder]]] = {
    "ecs": EcsEncoder,
    "avro": _avro,
    "ocsf": _ocsf,
    "cim": _cim,
    "apipark": _apipark,
}

#: The words that `encoder_of` takes.
ENCODINGS: Final = tuple(_ENCODERS)

#: Schemas that are not ours, as messages name them -> the word of their form.
_FOREIGN: Final = {
    "ocsf.http_activity": "ocsf",
    "splunk.cim.web": "cim",
    "apipark.access_log": "apipark",
}


@lru_cache(maxsize=64)
def encoder_of(encoding: str, schema_version: str) -> Encoder:
    """The encoder for documents of this version; it keeps nothing of what it encodes."""
    if encoding not in _ENCODERS:
        raise ConfigError(f"there is no encoding {encoding}", f"there is {', '.join(ENCODINGS)}")
    return _ENCODERS[encoding](schema_version)


def ready_for(encoder: Encoder, value: object) -> object:
    """A part that many documents share as this encoder takes it most cheaply."""
    return fragment(value) if isinstance(encoder, EcsEncoder) else value


def encoder_for(headers: Iterable[tuple[str, bytes]]) -> Encoder:
    """The encoder of the form and version that a message's headers name; without them, ECS JSON.

    ValueError where the form can't be read without the schema of a version that is not known.
    """
    said = {name: text.decode("latin-1") for name, text in headers}
    foreign = _FOREIGN.get(said.get("schema-name", ""))
    encoding = foreign or ("avro" if "avro" in said.get("content-type", "") else "ecs")
    version = said.get("schema-version", RECORD_VERSIONS[0])
    if encoding == "avro" and version not in RECORD_VERSIONS:
        raise ValueError(f"it is Avro of version {version}, which is not known here")
    return encoder_of(encoding, version)


def read_message(headers: Iterable[tuple[str, bytes]], value: bytes) -> Document:
    """The document in a message of any form, or what its form tells of it.

    Confluent's prefix (a zero byte, four of a schema's id) is passed over. ValueError if there is
    no document.
    """
    encoder = encoder_for(headers)
    # JSON never begins so, and Avro of a record only of the first microsecond of 1970.
    if value[:1] == bytes([_MAGIC]):
        value = value[_PREFIX_BYTES:]
    try:
        return encoder.decode(value)
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError("it is no record: a part of it is of another kind") from error

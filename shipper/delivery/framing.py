"""Records as they are -> as readers that ask a schema registry expect them.

    confluent   value: 0, the schema's id as four bytes (big-endian), the record
    guid        header __value_schema_id: 1, the schema's GUID as 16 bytes; the value as it is

It is put on as a record is handed to Kafka, so that spool and dead letters hold the record itself,
which is good for whatever id its schema has later. Source: Confluent's wire format, as its clients
write it (confluent_kafka.schema_registry: prefix_ and header_schema_id_serializer).
"""

import struct
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

from shipper.contract.record import EncodedRecord

Kind = Literal["confluent", "guid"]
Headers = tuple[tuple[str, bytes], ...]

#: The message header in which readers look for the GUID of the value's schema.
GUID_HEADER: Final = "__value_schema_id"

_PREFIX: Final = struct.Struct(">BI")
_MAGIC_ID: Final = 0
_MAGIC_GUID: Final = b"\x01"
#: Sets of headers that are remembered; records of one agent have two or three.
_REMEMBERED: Final = 64


class SchemaName(NamedTuple):
    """What a record says of its own schema, in the text headers of its message."""

    schema: str
    version: str
    content_type: str


class SchemaId(NamedTuple):
    """What a registry knows a schema by; `guid` are 16 bytes, None where it gives none."""

    number: int
    guid: bytes | None = None


#: What the registry knows the schema by, None while that is not known. It waits for nothing.
Ids = Callable[[SchemaName], SchemaId | None]


class IdUnknown(BufferError):  # noqa: N818 - it is a state, not an error
    """Not now: the record waits until the id of its schema is known.

    A BufferError like that of a producer whose queue is full, and treated as that is.
    """


class Framing:
    """Frames the records of one topic; what goes to any other stays plain."""

    def __init__(self, kind: Kind, topic: str, ids: Ids) -> None:
        self.kind = kind
        self.topic = topic
        self._frame = _FRAMES[kind]
        self._ids = ids
        self._names: dict[Headers, SchemaName] = {}

    def __call__(self, record: EncodedRecord) -> EncodedRecord:
        """The record as it goes out; raises `IdUnknown`."""
        if record.topic != self.topic:
            return record
        name = self._names.get(record.headers) or self._name(record.headers)
        known = self._ids(name)
        if known is None:
            raise IdUnknown(name)
        return self._frame(record, known)

    def _name(self, headers: Headers) -> SchemaName:
        if len(self._names) >= _REMEMBERED:
            self._names.clear()
        name = self._names[headers] = schema_name(headers)
        return name


def schema_name(headers: Headers) -> SchemaName:
    """What these headers say; "" for what they don't."""
    said = dict(headers)
    wanted = ("schema-name", "schema-version", "content-type")
    return SchemaName(*(said.get(header, b"").decode("latin-1") for header in wanted))


def _prefixed(record: EncodedRecord, known: SchemaId) -> EncodedRecord:
    return record._replace(value=_PREFIX.pack(_MAGIC_ID, known.number) + record.value)


def _headed(record: EncodedRecord, known: SchemaId) -> EncodedRecord:
    if known.guid is None:
        raise IdUnknown(known)
    header = (GUID_HEADER, _MAGIC_GUID + known.guid)
    return record._replace(headers=(*record.headers, header))


_FRAMES: Final[dict[Kind, Callable[[EncodedRecord, SchemaId], EncodedRecord]]] = {
    "confluent": _prefixed,
    "guid": _headed,
}

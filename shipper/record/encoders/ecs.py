"""The document as it is, as JSON: the form that needs no encoder at its reader."""

from typing import Final

import orjson

from shipper.record.encoders.interface import Document
from shipper.record.model import SCHEMA_NAME


class EcsEncoder:
    """Nested ECS JSON, UTF-8."""

    name: Final = "ecs"
    content_type: Final = "application/json"
    schema_name: Final = SCHEMA_NAME
    whole: Final = True

    def __init__(self, schema_version: str) -> None:
        self.schema_version: Final = schema_version

    #: orjson itself, so that the usual path has no call of ours in it.
    encode = staticmethod(orjson.dumps)

    def decode(self, value: bytes) -> Document:
        """The document."""
        return json_object(value)


def fragment(value: object) -> orjson.Fragment:
    """A part of a document, encoded once for all documents that it stands in."""
    return orjson.Fragment(orjson.dumps(value))


def json_object(value: bytes) -> Document:
    """A JSON object; ValueError if it is none."""
    document = orjson.loads(value)
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 - a fault of the value
    return document

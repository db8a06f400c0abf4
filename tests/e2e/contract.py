"""A registry in; for each message the registered schema that its headers name, and its faults out.

The schema is fetched by its id with confluent-kafka's client and applied with jsonschema: neither
is ours.
"""

import json
from typing import Any

from confluent_kafka import Message
from consumers.contracts import RECORD
from jsonschema import Draft7Validator
from registries.stock import stock_client

from .commands import shipper


class Contract:
    """What `shipper schema register` registered of the records' topic."""

    def __init__(self, registry: str) -> None:
        done = shipper("schema", "register", "--registry", registry, "--json")
        assert done["subject"] == f"{RECORD}-value"
        client = stock_client(registry)
        self._ids: dict[tuple[str, str], int] = {}
        self._schemas: dict[int, Draft7Validator] = {}
        for one in done["versions"]:
            self._ids[RECORD, one["version"]] = one["id"]
            text = client.get_schema(one["id"]).schema_str
            assert text is not None
            self._schemas[one["id"]] = Draft7Validator(json.loads(text))

    def schema_id(self, message: Message) -> int:
        """The id of the schema that the headers name; KeyError if none is registered."""
        headers: dict[str, Any] = dict(message.headers() or [])
        named = headers["schema-name"].decode(), headers["schema-version"].decode()
        return self._ids[named]

    def valid(self, message: Message) -> bool:
        """Whether the value is what that schema says."""
        value = json.loads(message.value() or b"")
        return self._schemas[self.schema_id(message)].is_valid(value)

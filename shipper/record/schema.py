"""The model -> its JSON Schema (2020-12), as published under `schemas/`."""

from typing import Any

from shipper.record.model import SCHEMA_NAME, SCHEMA_VERSION
from shipper.record.model.record import ADAPTER


def json_schema() -> dict[str, Any]:
    """The closed schema that producers are held to."""
    generated = ADAPTER.json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:shipper:{SCHEMA_NAME}:{SCHEMA_VERSION}",
        **generated,
        "title": f"{SCHEMA_NAME} {SCHEMA_VERSION}",
    }

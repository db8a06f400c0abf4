"""The models -> their JSON Schemas (2020-12), as published under `schemas/`."""

from typing import Any, Final, NamedTuple

from pydantic import TypeAdapter

from shipper.record.model import alert, dead, ledger, record


class Contract(NamedTuple):
    """What is published on one topic."""

    name: str
    version: str
    adapter: TypeAdapter[Any]


RECORD: Final = Contract(record.SCHEMA_NAME, record.SCHEMA_VERSION, record.ADAPTER)
LEDGER: Final = Contract(ledger.SCHEMA_NAME, ledger.SCHEMA_VERSION, ledger.ADAPTER)
DEAD: Final = Contract(dead.SCHEMA_NAME, dead.SCHEMA_VERSION, dead.ADAPTER)
ALERTS: Final = Contract(alert.SCHEMA_NAME, alert.SCHEMA_VERSION, alert.ADAPTER)
CONTRACTS: Final = (RECORD, LEDGER, DEAD, ALERTS)


def json_schema(contract: Contract = RECORD) -> dict[str, Any]:
    """The closed schema that producers are held to."""
    generated = contract.adapter.json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:shipper:{contract.name}:{contract.version}",
        **generated,
        "title": f"{contract.name} {contract.version}",
    }

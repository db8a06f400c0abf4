"""The account of one worker -> a validated document, and then bytes.

What is in it is counted elsewhere; here it is given its envelope and held to its model.
"""

from typing import Any, cast

import orjson
from pydantic import ValidationError

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.record.clock import timestamp
from shipper.record.constant import message_headers, origin_parts
from shipper.record.encode import RecordRejected, invalid
from shipper.record.model.ledger import ADAPTERS, DATASET, FIELDS, SCHEMA_NAME, Ledger
from shipper.record.settings import Identity, RecordSettings

_MILLISECOND = 1_000_000


class LedgerBuilder:
    """Makes the accounts of one worker; for one that died, under the identity that it had."""

    def __init__(self, settings: RecordSettings, identity: Identity) -> None:
        self._topic = settings.ledger_topic
        self._prefix = f"{identity.ephemeral_id}-{identity.worker}-ledger-"
        self._adapter = ADAPTERS[settings.ledger_version]
        self._fields = FIELDS[settings.ledger_version]
        self._headers = message_headers(SCHEMA_NAME, settings.ledger_version)
        parts = origin_parts(identity)
        parts["data_stream"] = {
            "type": "metrics",
            "dataset": DATASET,
            "namespace": settings.namespace,
        }
        self._constant = {name: part for name, part in parts.items() if part}

    def told(self, ledger: Ledger) -> Ledger:
        """What of an account the version that is written has a place for."""
        kept = {name: part for name, part in ledger.items() if name in self._fields}
        return cast("Ledger", kept)

    def build(self, ledger: Ledger, sequence: int, created_ns: int) -> EncodedRecord:
        """The message for account number `sequence`, written at `created_ns` (wall time).

        Raises RecordRejected, which names fields and kinds of error.
        """
        created = timestamp(created_ns)
        identifier = f"{self._prefix}{sequence}"
        document: dict[str, Any] = {
            "@timestamp": ledger["until"],
            "event": {
                "id": identifier,
                "sequence": sequence,
                "created": created,
                "kind": "metric",
                "dataset": DATASET,
                "module": "shipper",
            },
            **self._constant,
            "ledger": ledger,
        }
        try:
            self._adapter.validate_python(document)
        except ValidationError as error:
            reason = invalid(error)
        else:
            return EncodedRecord(
                self._topic,
                identifier.encode("ascii"),
                orjson.dumps(document),
                created_ns // _MILLISECOND,
                self._headers,
                b"",
                UNNUMBERED,
            )
        raise RecordRejected(reason, document)

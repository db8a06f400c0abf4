"""The record, schema version 1: what its fields are, what they mean and what they may hold.

A record is a nested dict of plain values. Its shape is a tree of `TypedDict`s, not of
`BaseModel`s: validation then makes no objects beside the dict that is encoded anyway. Measured
by `tests/record/measure.py` on one ordinary record (7 + 9 headers, 2.4 kB, Python 3.11, pydantic
2.14, the same fields and constraints): nested BaseModels 18.3 us, nested TypedDicts 12.4 us, and
9.8 us where the parts that never change are validated once at the start.

Every dict is closed (an unknown key is refused) and strict (no coercion: "80" is no port). What
is unknown is absent; no field takes null. Every field has a title and a description, because the
published JSON Schema and the field reference are generated from here.
"""

from shipper.record.model.record import SCHEMA_NAME, RecordDocument
from shipper.record.model.versions import RECORD_VERSIONS

__all__ = ["RECORD_VERSIONS", "SCHEMA_NAME", "RecordDocument"]

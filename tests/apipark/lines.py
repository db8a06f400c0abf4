"""What APIPark reads of a line: `LogDetail` of its Loki driver, and the columns it is copied to."""

from pathlib import Path
from typing import Any, Final

import orjson

from shipper.record import encoder_of

EXAMPLES: Final = Path(__file__).parents[2] / "schemas" / "http.header.v1" / "examples"

#: Every field that shall be there, as text.
FIELDS: Final = frozenset(
    {"request_id", "msec", "node", "cluster", "api", "application", "service", "provider"}
    | {"request_method", "request_scheme", "request_uri", "request_header", "response_header"}
    | {"content_type", "src_ip", "status", "request_time", "authorization"}
)
BODIES: Final = frozenset({"request_body", "proxy_body", "response_body", "proxy_response_body"})

#: Field -> the longest text that its column in `log_record` takes (MySQL refuses a longer one).
COLUMNS: Final = {
    "request_id": 36,
    "provider": 36,
    "api": 36,
    "request_method": 36,
    "request_uri": 255,
    "src_ip": 255,
    "application": 255,
    "authorization": 255,
}


#: Every published example of a record, by its name.
GOLDEN: Final[dict[str, dict[str, Any]]] = {
    f"{path.parent.name}-{path.stem}": orjson.loads(path.read_bytes())
    for path in sorted(EXAMPLES.glob("*/*.json"))
}


def line(document: dict[str, Any]) -> dict[str, str]:
    """Its line, read as JSON."""
    found: dict[str, str] = orjson.loads(encoder_of("apipark", "1.1").encode(document))
    return found

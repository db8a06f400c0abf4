"""What a record costs (not a test; prints µs): `PYTHONPATH=tests python -m record.measure`.

The exchange is that of the project's other measurements: a 350 B request with 7 headers and a
230 B response with 9. Validation is compared with the same fields as nested BaseModels.
"""

import sys
from timeit import repeat
from typing import Any, get_args, get_origin

import orjson
from pydantic import BaseModel, ConfigDict, Field, create_model
from typing_extensions import get_type_hints, is_typeddict

from shipper.contract.exchange import Exchange, Request, Response
from shipper.record.model.record import ADAPTER, FRESH, RecordDocument, adapter_of

from .record_exchanges import CREATED, OFFSET, V4, builder

AGENT = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0"
REQUEST = (
    ("Host", "www.example.org"),
    ("User-Agent", AGENT),
    ("Accept", "text/html,application/xhtml+xml"),
    ("Accept-Language", "en-US,en;q=0.5"),
    ("Accept-Encoding", "gzip, deflate, br"),
    ("Connection", "keep-alive"),
    ("X-Request-Id", "7f3c2a90-1111-4222-8333-abcdefabcdef"),
)
RESPONSE = (
    ("Server", "nginx/1.22.1"),
    ("Date", "Mon, 23 Nov 2026 00:06:31 GMT"),
    ("Content-Type", "text/html; charset=utf-8"),
    ("Content-Length", "1234"),
    ("Connection", "keep-alive"),
    ("ETag", '"5f3c2a90-4d2"'),
    ("Vary", "Accept-Encoding"),
    ("Cache-Control", "max-age=60"),
    ("X-Cache", "HIT"),
)


def usual(target: str) -> Exchange:
    """The usual exchange."""
    return Exchange(
        V4,
        Request("1.1", REQUEST, 10**9, 10**9 + 10, 350, 0, method="GET", target=target),
        Response("1.1", RESPONSE, 10**9 + 900, 10**9 + 2000, 230, 1234, status=200, reason="OK"),
    )


def as_models(typed: Any, name: str) -> type[BaseModel]:  # noqa: ANN401 - a TypedDict class
    """The same fields as a tree of BaseModels."""
    fields: dict[str, Any] = {}
    for key, hint in get_type_hints(typed, include_extras=True).items():
        while str(get_origin(hint)).endswith("Required"):
            (hint,) = get_args(hint)  # noqa: PLW2901 - peeled
        if is_typeddict(hint):
            hint = as_models(hint, f"{name}_{key.strip('@')}")  # noqa: PLW2901 - converted
        fields[key.strip("@").replace("bytes", "bytes_")] = (hint, Field(None, alias=key))
    made: type[BaseModel] = create_model(
        name, __config__=ConfigDict(extra="forbid", strict=True), **fields
    )
    return made


def cost(statement: Any, number: int = 10_000) -> float:  # noqa: ANN401 - any callable
    """The best of nine, µs."""
    return min(repeat(statement, number=number, repeat=9)) / number * 1e6


def main() -> None:
    """Prints the table."""
    made = builder()
    fresh = adapter_of(FRESH, "1.0")
    models = as_models(RecordDocument, "Record")
    for target in ("/static/app/main.css", "/search?q=shoes&page=2"):
        whole = usual(target)
        document = made._documents.draft(whole, OFFSET, CREATED).fresh
        record = made.build(whole, OFFSET, CREATED).document
        rows = {
            "draft": cost(lambda: made._documents.draft(whole, OFFSET, CREATED)),  # noqa: B023 - called at once
            "validate (its own parts)": cost(lambda: fresh.validate_python(document)),  # noqa: B023
            "validate (whole, TypedDict)": cost(lambda: ADAPTER.validate_python(record)),  # noqa: B023
            "validate (whole, BaseModel)": cost(lambda: models.model_validate(record)),  # noqa: B023
            "orjson": cost(lambda: orjson.dumps(record)),  # noqa: B023
            "whole": cost(lambda: made.encode(made.build(whole, OFFSET, CREATED), 7)),  # noqa: B023
        }
        sys.stdout.write(f"{target} ({len(orjson.dumps(record))} B)\n")
        sys.stdout.writelines(f"  {name:30} {value:6.2f}\n" for name, value in rows.items())


if __name__ == "__main__":
    main()

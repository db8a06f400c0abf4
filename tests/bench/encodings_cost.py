"""What each form of a record costs: a table, and one line of JSON. `make bench-encodings`.

The exchange is that of the project's other measurements. Shown is what the encoder takes, what the
whole of a record takes from exchange to message with it, and how long the value is. The default
form must cost what orjson alone costs.
"""

import json
import os
import sys
from collections.abc import Callable
from timeit import timeit

import orjson
from record.measure import usual
from record.record_exchanges import CREATED, OFFSET, builder
from rich.console import Console
from rich.table import Table

from shipper.record import ENCODINGS, RecordSettings, encoder_of

_NUMBER = 4000
_ROUNDS = 9
_VERSION = "1.1"
#: The default form costs at most so much of orjson alone: they are one function.
_AIM = 1.2

Row = dict[str, float]


def best_in_turns(*works: Callable[[], object]) -> list[float]:
    """Of each the best round's µs for one call."""
    rounds = [[timeit(work, number=_NUMBER) for work in works] for _ in range(_ROUNDS)]
    return [min(each) / _NUMBER * 1e6 for each in zip(*rounds, strict=True)]


def measured(encoding: str) -> Row:
    """One form."""
    exchange = usual("/search?q=shoes&page=2")
    made = builder(RecordSettings(encoding=encoding, schema_version=_VERSION))
    record = made.build(exchange, OFFSET, CREATED)
    value = made.encode(record, 7).value
    encode = encoder_of(encoding, _VERSION).encode
    alone, own = best_in_turns(
        lambda: orjson.dumps(record.document), lambda: encode(record.document)
    )
    return {
        "orjson_us": alone,
        "encode_us": own,
        "whole_us": best_in_turns(
            lambda: made.encode(made.build(exchange, OFFSET, CREATED), 7),
        )[0],
        "bytes": len(value),
    }


def main() -> int:
    """Print the table and the line; 1 when the default form costs more than it should."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found = {encoding: measured(encoding) for encoding in ENCODINGS}
    alone = found["ecs"]["orjson_us"]
    table = Table(title="A record of 7 + 9 headers, on one core")
    for name in ("encoding", "encoder, µs", "exchange to message, µs", "relative", "bytes"):
        table.add_column(name, justify="left" if name == "encoding" else "right")
    for encoding, row in found.items():
        relative = row["whole_us"] / found["ecs"]["whole_us"]
        cells = f"{row['encode_us']:.1f}", f"{row['whole_us']:.1f}", f"{relative:.2f}"
        table.add_row(encoding, *cells, f"{row['bytes']:,.0f}")
    table.add_row("orjson alone", f"{alone:.1f}", "", "", "")
    Console().print(table)
    line = {name: {key: round(n, 2) for key, n in row.items()} for name, row in found.items()}
    print(json.dumps({**line, "aim_times_orjson": _AIM}))  # noqa: T201 - the line for a program
    return 0 if found["ecs"]["encode_us"] <= _AIM * alone else 1


if __name__ == "__main__":
    sys.exit(main())

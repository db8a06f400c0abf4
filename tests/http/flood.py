"""A flood of connections of which half never finish: `python flood.py FLOWS CONNECTIONS HELD`.

Runs as a process of its own, so that its memory is the flood's; prints one JSON object.
"""

import json
import resource
import sys

from wire import CLIENT, GET, OK, SERVER, WHOLE, Wire

from shipper.contract.events import Event, Flag
from shipper.http import Assembler

_STEP = 10_000  # ns between two connections


def again(event: Event, flow: int, data: bytes) -> Event:
    """The event on another connection, in memory of its own, as it comes from a ring."""
    own = bytes(bytearray(data))
    return event._replace(time=flow * _STEP, cookie=0, cgroup=0, flow=flow, data=own)


def peak() -> int:
    """The most memory that this process ever had, in bytes (getrusage(2))."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Every second connection shows one exchange; of the others, half stop inside the request."""
    flows, connections, held = map(int, sys.argv[1:])
    assembler = Assembler(max_connections=connections, max_held=held)
    wire = Wire()
    request = wire.event(CLIENT, flags=WHOLE | Flag.MESSAGE_END, data=GET)
    begun = wire.event(CLIENT, flags=Flag.START, data=GET[:-2])
    response = wire.event(SERVER, flags=WHOLE | Flag.MESSAGE_END, data=OK)
    before, told = peak(), 0
    for flow in range(1, flows + 1):
        first = begun if flow % 4 == 3 else request
        told += len(assembler.feed(again(first, flow, first.data)))
        if flow % 2 == 0:
            told += len(assembler.feed(again(response, flow, OK)))
    figures = {"grown": peak() - before, "balanced": not assembler.imbalance()}
    told += len(assembler.close())
    print(json.dumps({**figures, "told": told, "counters": assembler.counters}))  # noqa: T201


if __name__ == "__main__":
    main()

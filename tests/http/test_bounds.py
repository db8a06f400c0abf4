"""Memory: bounded by what is configured, whatever peers begin and never end."""

import contextlib
import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from wire import CLIENT, GET, OK, POST, SERVER, WHOLE, Wire, run, summary

from shipper.contract.events import Event, Flag
from shipper.http import Assembler
from shipper.http.block import parse_block
from shipper.http.startline import BlockError
from shipper.http.weight import CONNECTION

CONTINUE = b"HTTP/1.1 100 Continue\r\n"
LARGEST = 16384


def block(start: bytes, line: bytes, size: int) -> bytes:
    """A header block of about `size` bytes, in lines of one kind."""
    return start + line * ((size - len(start)) // len(line)) + b"\r\n"


def waiting(wire: Wire, data: bytes, times: int = 1) -> Iterator[Event]:
    """Requests that nobody answers."""
    for _ in range(times):
        yield from wire.send(CLIENT, bytes(bytearray(data)))


def begun(wire: Wire, data: bytes, pieces: int) -> Iterator[Event]:
    """A header block without its end, in so many pieces."""
    size = len(data) // pieces
    for at in range(0, size * pieces, size):
        flags = Flag.START if at == 0 else Flag(0)
        yield wire.event(CLIENT, flags=flags, data=data[at : at + size])
        wire.skip(CLIENT, size)


def interim(wire: Wire) -> Iterator[Event]:
    """A request, and interim responses as large as can be, which it goes on waiting behind."""
    yield from wire.send(CLIENT, GET)
    for _ in range(3):
        yield from wire.send(SERVER, block(CONTINUE, b"a-name: a value\r\n", LARGEST))


SHAPES: dict[str, Callable[[Wire], Iterator[Event]]] = {
    "small": lambda wire: waiting(wire, GET),
    "usual": lambda wire: waiting(wire, block(GET[:-2], b"X-Name: and a value of it\r\n", 350)),
    "many headers": lambda wire: waiting(wire, block(GET[:-2], b"ab:cd\r\n", LARGEST)),
    "bytes beyond ASCII": lambda wire: waiting(wire, block(GET[:-2], b"ab:\xe4\xff\r\n", LARGEST)),
    "one header": lambda wire: waiting(wire, GET[:-2] + b"a: " + b"b" * 16000 + b"\r\n\r\n"),
    "folded": lambda wire: waiting(wire, block(GET[:-2] + b"a: b\r\n", b"\tc d\r\n", LARGEST)),
    "pipelined": lambda wire: waiting(wire, POST, 100),
    "one piece": lambda wire: begun(wire, block(GET[:-2], b"ab:cd\r\n", LARGEST), 1),
    "small pieces": lambda wire: begun(wire, block(GET[:-2], b"ab:cd\r\n", 4096), 500),
    "interim responses": interim,
    "no message": lambda wire: waiting(wire, b"\xff" * 16000 + b"\r\n\r\n"),
}


def _ours(snapshot: tracemalloc.Snapshot) -> tracemalloc.Snapshot:
    """Without what others allocate meanwhile: other tests have servers in this process."""
    root = Path(__file__).parents[2]
    rooms = ("shipper/http", "shipper/contract", "tests/http")
    made = (*(f"{root}/{room}/*" for room in rooms), "<string>")
    return snapshot.filter_traces([tracemalloc.Filter(True, names) for names in made])  # noqa: FBT003


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_held_weighs_no_less_than_it_takes(shape: str) -> None:
    """The estimate is above what is really allocated, for messages of any form."""
    connections = 30
    assembler = Assembler()
    run(SHAPES[shape](Wire(flow=connections + 1)), assembler)  # what is made once is made now
    weighed = assembler.held_bytes
    tracemalloc.start()
    try:
        for flow in range(1, connections + 1):
            for event in SHAPES[shape](Wire(flow=flow)):
                assembler.feed(event)
        del event
        taken = sum(one.size for one in _ours(tracemalloc.take_snapshot()).statistics("filename"))
    finally:
        tracemalloc.stop()
    assert taken <= assembler.held_bytes - weighed + connections * CONNECTION
    assembler.close()
    assert assembler.held_bytes == 0


_START = b"GET / HTTP/1.1\r\n"
REPETITIVE = {
    "folds": _START + b"a: b\r\n" + b" c\r\n" * 4000,
    "white space": b"GET" + b" \t\v\f" * 4000 + b"\r\n",
    "words": b"GET" + b" a" * 8000 + b" HTTP/1.1\r\n",
    "empty lines": b"\r\n" * 8000,
    "bare line ends": b"GET / HTTP/1.1\n" + b"a:b\n" * 4000,
    "carriage returns": _START + b"\r" * 16000,
    "controls": _START + b"a: " + b"\x01\n" * 8000,
    "lengths": _START + b"Content-Length: " + b"1," * 8000 + b"\r\n",
    "codings": _START + b"Transfer-Encoding: " + b"chunked," * 2000 + b"\r\n",
    "hosts": b"GET http://b/ HTTP/1.1\r\n" + b"Host: a:80\r\n" * 1300,
    "percents": _START + b"Host: " + b"a%" * 8000 + b"\r\n",
    "space before a colon": _START + b"x" + b" " * 16000 + b":\r\n",
    "digits": b"HTTP/1.1 " + b"2" * 16000 + b"\r\n",
    "schemes": b"GET " + b"a+" * 8000 + b"://x HTTP/1.1\r\n",
    "users": b"GET http://" + b"a@" * 8000 + b"/ HTTP/1.1\r\nHost: x\r\n",
    "labels": b"CONNECT " + b"a.b" * 5000 + b" HTTP/1.1\r\n",
    "colons": b"CONNECT [" + b":" * 16000 + b" HTTP/1.1\r\n",
}


@pytest.mark.parametrize("name", REPETITIVE)
def test_no_block_takes_long(name: str) -> None:
    """What a parser may stumble over, as often as a block has room: a fraction of a second of CPU.

    (What takes time in proportion to the size takes a few ms; with its square, seconds.)
    """
    began = time.process_time()
    for raw in (REPETITIVE[name], REPETITIVE[name] + b"\r\n"):
        for cut in (False, True):
            with contextlib.suppress(BlockError):
                parse_block(raw, whole=not cut, cut=cut)
    assert time.process_time() - began < 0.5


def test_a_million_connections(tmp_path: Path) -> None:
    """Half of them never finish: memory stays below what is configured, and each is told.

    The state of those that had to give way, and what of it was not whole, is counted.
    """
    flows, connections, held = 1_000_000, 8192, 8 << 20
    command = [sys.executable, str(Path(__file__).with_name("flood.py"))]
    done = subprocess.run(
        [*command, str(flows), str(connections), str(held)],
        capture_output=True,
        check=True,
        cwd=tmp_path,
    )
    said = json.loads(done.stdout)
    counters = said["counters"]
    assert said["grown"] < connections * CONNECTION + held
    assert said["balanced"]
    assert said["told"] == counters["exchanges"] == flows
    assert counters["messages_paired"] == flows
    assert counters["messages_alone"] == flows // 2
    assert counters["blocks_broken_off"] == flows // 4
    assert counters["connections_evicted"] == flows - connections


def test_header_blocks_that_never_end() -> None:
    """Slowloris: 20,000 clients send a header line now and then, and never the blank line.

    What they sent is held within the bound; those that were silent longest are told as cut off;
    a client that asks and is answered meanwhile is told whole.
    """
    limit, clients = 4 << 20, 20_000
    assembler = Assembler(max_held=limit)
    honest = Wire(flow=clients + 1)
    wires = [Wire(flow=flow) for flow in range(1, clients + 1)]
    exchanges, most = [], 0
    for turn in range(5):
        for wire in wires:
            wire.time = honest.time
            data = GET[:-2] if turn == 0 else b"X-Another: line of the same block\r\n"
            event = wire.event(CLIENT, flags=Flag(0) if turn else Flag.START, data=data)
            wire.skip(CLIENT, len(data))
            exchanges += assembler.feed(event)
            most = max(most, assembler.held_bytes)
        for event in (*honest.send(CLIENT, POST), *honest.send(SERVER, OK)):
            exchanges += assembler.feed(event)
    assert assembler.imbalance() == {}
    assert limit * 9 // 10 <= most <= limit
    assert assembler.counters["connections_relieved"] > 0
    exchanges += assembler.close()
    told = summary(exchanges)
    assert told.count(("/two", 200, [])) == 5
    assert told.count(("/one", None, ["request_cut_off", "no_response"])) == clients
    assert len(told) == clients + 5


def test_one_connection_alone_is_too_much() -> None:
    """Then it gives way itself, and what follows on it is told again."""
    assembler = Assembler(max_held=10_000)
    wire = Wire()
    events = list(waiting(wire, GET, 12))
    told = run(events, assembler)
    assert told
    assert assembler.held_bytes <= 10_000
    assert assembler.counters["connections_relieved"] == 1
    assert {each.incomplete for each in told} == {("no_response",)}


def test_relief_goes_by_silence() -> None:
    """The connection that was silent longest gives way, and only as many as must."""
    assembler = Assembler(max_held=10_000)
    wires = [Wire(flow=flow) for flow in range(1, 9)]
    events = [wire.event(CLIENT, flags=WHOLE, data=GET) for wire in wires[:7]]
    told = run(events, assembler)
    assert told == []
    weight = assembler.held_bytes // 7
    run([wires[0].event(CLIENT, flags=WHOLE, data=GET)], assembler)  # heard of once more
    told = run([wires[7].event(CLIENT, flags=WHOLE, data=GET)], assembler)
    flows = [each.connection.flow for each in told]
    assert flows == [2, 3, 4, 5, 6, 7][: len(flows)]
    assert 9_000 - weight < assembler.held_bytes <= 9_000

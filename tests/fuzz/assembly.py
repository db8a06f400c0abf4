"""Harness: events of any kind, in any order, through the assembler (`fuzz.events` reads them).

What holds whatever comes: nothing is raised; after every call the equations of
`shipper.http.accounts` hold and no more is kept than was configured; an exchange has a request, or
a response, or both, and says what it lacks; the exchanges of a connection are counted without a
hole; and closing hands out all there is.
"""

from collections import defaultdict

from fuzz.events import Tape, read
from shipper.contract.exchange import Connection, Exchange, Incomplete, Message
from shipper.http import Assembler

LONGEST = 4096
_BLOCK = 256
_PENDING = 3
_CONNECTIONS = 3
_HELD = 10_000


def check(data: bytes) -> None:
    """Raise AssertionError, or what the assembler raised."""
    assembler = Assembler(
        timeout_ns=10_000_000_000,
        idle_ns=100_000_000_000,
        max_connections=_CONNECTIONS,
        max_pending=_PENDING,
        max_block=_BLOCK,
        max_held=_HELD,
    )
    tape = Tape()
    account = _Account()
    for step in read(data):
        account.take(assembler.feed(tape.event(step)))
        _bounded(assembler)
        assert assembler.imbalance() == {}
    account.take(assembler.advance(tape.time + 11_000_000_000))
    assert assembler.imbalance() == {}
    account.take(assembler.close())
    assert assembler.imbalance() == {}
    assert assembler.connections == 0
    assert assembler.held_messages() == assembler.held_bytes == 0


def _bounded(assembler: Assembler) -> None:
    assert assembler.connections <= _CONNECTIONS
    weights = [each.weight for each in assembler._connections.values()]
    assert assembler.held_bytes == sum(weights) <= _HELD
    assert set(assembler._waiting) <= set(assembler._connections)
    for conversation in assembler._connections.values():
        assert len(conversation._queue.pending) <= _PENDING
        assert len(conversation._interim) <= 32
        for side in conversation.sides:
            assert side.half is None or len(side.half.data) <= _BLOCK


class _Account:
    """What was told so far, by connection: two that are equal are still two."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = defaultdict(int)
        self._connections: list[Connection] = []  # held, so that no identity comes twice

    def take(self, exchanges: list[Exchange]) -> None:
        for exchange in exchanges:
            self._connections.append(exchange.connection)
            at = id(exchange.connection)
            assert exchange.number == self._numbers[at]
            self._numbers[at] += 1
            _consistent(exchange)


def _consistent(exchange: Exchange) -> None:
    request, response, lacks = exchange.request, exchange.response, exchange.incomplete
    assert request or response
    assert (request is None) is (Incomplete.NO_REQUEST in lacks)
    assert len(set(lacks)) == len(lacks)
    assert len(set(exchange.anomalies)) == len(exchange.anomalies)
    if response is None:
        assert {Incomplete.NO_RESPONSE, Incomplete.RESPONSE_CUT_OFF} & set(lacks)
    for message in (request, response):
        if message:
            _sane(message)


def _sane(message: Message) -> None:
    assert message.header_bytes <= _BLOCK
    assert message.end is None or message.end >= message.start
    assert message.body_bytes is None or message.body_bytes >= 0

"""What is odd about where a message ends goes into the exchange that is told, whenever it is told.

`run` in `wire` checks the equations after every event.
"""

from wire import CLIENT, GET, NOT_FOUND, OK, POST, SERVER, Wire, run, summary

from shipper.contract.events import Flag, Kind
from shipper.http import Assembler

BROKEN = Flag.BAD_CHUNK | Flag.OPEN_END


def test_with_the_end_on_the_header_event() -> None:
    """All in one segment: the exchange is told there and then, and named."""
    wire = Wire()
    events = [*wire.send(CLIENT, GET), *wire.send(SERVER, OK, body=5, flags=Flag.EXCESS)]
    assert [exchange.anomalies for exchange in run(events)] == [("data_after_message",)]


def test_with_an_end_of_its_own() -> None:
    """The end is believed, and named."""
    wire = Wire()
    events = [*wire.send(CLIENT, GET), *wire.send(SERVER, OK, body=None)]
    events.append(wire.event(SERVER, Kind.MESSAGE_END, body=5, flags=Flag.EXCESS))
    (exchange,) = run(events)
    assert exchange.anomalies == ("data_after_message",)
    assert exchange.response
    assert exchange.response.body_bytes == 5


def test_behind_a_request_that_waits() -> None:
    """Its end was told; what came behind it is its own as long as it is in no exchange."""
    wire = Wire()
    events = [*wire.send(CLIENT, POST, body=5)]
    events.append(wire.event(CLIENT, Kind.MESSAGE_END, body=5, flags=Flag.EXCESS))
    events += [*wire.send(SERVER, OK, body=5)]
    (exchange,) = run(events)
    assert exchange.anomalies == ("data_after_message",)
    assert exchange.request
    assert exchange.request.end == events[0].time


def test_behind_an_exchange_that_was_told() -> None:
    """The next one of the connection has the name."""
    wire = Wire()
    events = [*wire.send(CLIENT, GET), *wire.send(SERVER, OK, body=5)]
    events.append(wire.event(SERVER, Kind.MESSAGE_END, body=5, flags=Flag.EXCESS))
    events += [*wire.send(CLIENT, GET), *wire.send(SERVER, NOT_FOUND)]
    assembler = Assembler()
    told = [exchange.anomalies for exchange in run(events, assembler)]
    assert told == [(), ("data_after_message",)]
    assert assembler.counters["odd_end_late"] == 1


def test_a_body_whose_end_nobody_can_tell() -> None:
    """The name is there, and no end is made up; the next response shows that it is over."""
    wire = Wire()
    events = [*wire.send(CLIENT, GET), *wire.send(SERVER, OK, body=None)]
    events.append(wire.event(SERVER, Kind.MESSAGE_END, body=3, flags=BROKEN))
    assert not run(events[:-1])
    events += [*wire.send(CLIENT, GET), *wire.send(SERVER, NOT_FOUND, flags=Flag.RESUMED)]
    exchanges = run(events)
    assert summary(exchanges) == [("/one", 200, []), ("/one", 404, [])]
    first, second = exchanges
    assert first.anomalies == ("invalid_chunk",)
    assert first.response
    assert first.response.end is None
    assert second.anomalies == ()

"""Cases in, what the program and HTTP assembly told of each out."""

from dataclasses import dataclass
from ipaddress import ip_address
from random import Random

from kernel.wire import Harness, exchanges

from shipper.contract.events import Event
from shipper.contract.exchange import Connection, Exchange

from .messages import Told, expected, told
from .plans import Case
from .wire import Wire, drained


@dataclass(slots=True)
class Shown:
    """A case that was shown: its packets, the events they caused, the exchanges told of it."""

    case: Case
    wire: Wire
    events: list[Event]
    exchanges: list[Exchange]


def show(harness: Harness, cases: list[Case]) -> list[Shown]:
    """Show the segments of all cases, those of different connections mixed by chance."""
    wires = [Wire(harness, case.ends, case.streams, Random(case.plan.seed)) for case in cases]
    chance = Random(cases[0].plan.seed)
    waiting = [iter(case.segments) for case in cases]
    open_ = list(range(len(cases)))
    while open_:
        at = chance.choice(open_) if len(open_) > 1 else open_[0]
        segment = next(waiting[at], None)
        if segment is None:
            open_.remove(at)
        else:
            wires[at].show(segment)
    events = drained(harness)
    out = exchanges(events)
    return [
        Shown(
            case,
            wire,
            [event for event in events if event.scope == wire.scope],
            [one for one in out if one.connection.scope == wire.scope],
        )
        for case, wire in zip(cases, wires, strict=True)
    ]


def connection_of(shown: Shown) -> Connection:
    """Where its exchanges have to have taken place, but for the flow's number."""
    (client, client_port), (server, server_port) = shown.case.ends.addresses
    return Connection(
        stream="tcp",
        hook="replay",
        direction=None,
        client_address=ip_address(client).packed,
        client_port=client_port,
        server_address=ip_address(server).packed,
        server_port=server_port,
        flow=shown.exchanges[0].connection.flow,
        scope=shown.wire.scope,
    )


def whole(case: Case) -> list[Told]:
    """What has to be told of a case when nothing is lost."""
    return [expected(sent, number) for number, sent in enumerate(case.sent)]


def conflicted(told: list[Told], lied: set[int]) -> list[Told]:
    """The same with the anomaly of a retransmission that disagrees, for these exchanges."""
    return [
        one._replace(anomalies=one.anomalies | {"overlap_conflict"}) if number in lied else one
        for number, one in enumerate(told)
    ]


def came_out(shown: Shown) -> list[Told | Exchange]:
    """What was told. The end of a request's body may come too late for an early answer's."""
    out = [told(one) for one in shown.exchanges]
    for number, (sent, one) in enumerate(zip(shown.case.sent, out, strict=False)):
        if isinstance(one, Told) and sent.shape.early and one.request_body_bytes is None:
            out[number] = one._replace(request_body_bytes=len(sent.request.body))
    return out

"""The messages of one connection in, exchanges out: what an exchange says of its two messages.

Which of them belong together is settled elsewhere (`shipper.http.pairing`). Here stands what all
exchanges of a connection share, and what is told with the next one because it is no message itself.
"""

from typing import Final

from shipper.contract.events import Event, Owner
from shipper.contract.exchange import Connection, Exchange, Incomplete, Proxied
from shipper.http.block import Head, RequestHead, ResponseHead
from shipper.http.connection import connection_of
from shipper.http.proxy_protocol import ProxyHeaderError, parse_proxy_header
from shipper.http.stream import CUT, Side

# What the end of a message is counted as when its exchange is gone.
_AFTER_EXCHANGE: Final = "message_end_after_exchange"
_AFTER_TIMEOUT: Final = "message_end_after_timeout"


class Teller:
    """Makes the exchanges of one connection.

    `asks` is the side that sends requests, None until the first message; `late` says that the
    connection was joined after its first byte; `peer` is the client's process, where it was seen on
    this host.
    """

    __slots__ = (
        "_connection",
        "_counters",
        "_number",
        "_odd",
        "_opening",
        "_proxied",
        "asks",
        "late",
        "peer",
        "sides",
    )

    def __init__(self, opening: Event, counters: dict[str, int], sides: tuple[Side, Side]) -> None:
        self._counters = counters
        self.sides = sides
        self.asks: int | None = None
        self.late = False
        self.peer: Owner | None = None
        # Until the connection is made from it, which takes no data.
        self._opening: Event | None = opening._replace(data=b"")
        self._connection: Connection | None = None
        self._proxied: Proxied | None = None
        self._number = 0
        self._odd: list[str] = []  # anomalies of what is no message, for the next exchange

    def proxy_header(self, event: Event) -> None:
        """What a proxy in front says of its client; it counts only before the first message."""
        if self.asks is not None or self._proxied or self.sides[event.side].half:
            self._counters["proxy_header_late"] += 1
            return
        try:
            self._proxied = parse_proxy_header(event.data, cut=bool(event.flags & CUT))
        except ProxyHeaderError:
            self._counters["proxy_header_invalid"] += 1
            self.note(["invalid_proxy_header"])
        else:
            self._counters["proxy_header"] += 1

    def note(self, anomalies: list[str]) -> None:
        """Keep anomalies for the next exchange; their names are few, and each is kept once."""
        self._odd += [name for name in anomalies if name not in self._odd]

    def tell_alone(
        self, request: RequestHead, broken: tuple[Incomplete, ...] = (), *, timed_out: bool = False
    ) -> Exchange:
        """A request that is not answered."""
        return self.tell(request, None, (*broken, Incomplete.NO_RESPONSE), timed_out=timed_out)

    def tell(
        self,
        request: RequestHead | None,
        response: ResponseHead | None,
        broken: tuple[Incomplete, ...] = (),
        *,
        timed_out: bool = False,
    ) -> Exchange:
        """One exchange; `broken` are the reasons that are not the heads' own."""
        faults: list[Incomplete] = []
        anomalies: list[str] = []
        if self._odd:
            anomalies, self._odd = self._odd, []
        heads: tuple[Head | None, Head | None] = (request, response)
        resumed = False
        for head, side in zip(heads, self._sides_by_role(), strict=True):
            if head is None:
                continue
            if head.fault is not None:
                faults.append(head.fault)
            if head.anomalies:
                anomalies += head.anomalies
            resumed = resumed or head.resumed
            if side.head is head:
                side.head = None
                side.end_counter = _AFTER_TIMEOUT if timed_out else _AFTER_EXCHANGE
        if request is None:
            faults.append(Incomplete.NO_REQUEST)
        faults += broken
        whole = request is not None and response is not None
        self._counters["exchanges"] += 1
        self._counters["messages_paired" if whole else "messages_alone"] += 1 + whole
        number = self._number
        self._number = number + 1
        connection = self._connection or self._connect()
        return Exchange(
            connection,
            None if request is None else request.request,
            None if response is None else response.response,
            number,
            tuple(dict.fromkeys(faults)) if faults else (),
            tuple(dict.fromkeys(anomalies)) if anomalies else (),
            self.late,
            resumed,
            process=_process(connection, request, response),
            peer=self.peer,
        )

    def _sides_by_role(self) -> tuple[Side, Side]:
        one, other = self.sides
        return (other, one) if self.asks else (one, other)

    def _connect(self) -> Connection:
        event, side, self._opening = self._opening, self.asks, None
        if event is None or side is None:
            msg = "the connection is made once, when it is known who asks"
            raise AssertionError(msg)
        self._connection = connection_of(event, request_side=side, proxied=self._proxied)
        return self._connection


def _process(
    connection: Connection, request: RequestHead | None, response: ResponseHead | None
) -> Owner | None:
    """Who dealt with an exchange on this host.

    A client is known when it asks. A server only when it answers: by then it has read the request,
    while the request itself still names who read what came before.
    """
    if response is not None and response.process is not None:
        return response.process
    if request is not None and connection.direction == "egress":
        return request.process
    return None

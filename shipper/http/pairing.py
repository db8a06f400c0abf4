"""One connection: its messages in, exchanges out (RFC 9112 section 9.3, RFC 9110 section 15.2).

Rules:
- Responses answer requests in their order. 1xx codes other than 101 belong to the final response
  that follows. A 101, and a 2xx to CONNECT, end the exchange at the response's header block.
- An exchange is handed out when the end of its response is seen, when the next response begins,
  when the connection ends, or when the wait is over.
- A request that could not be read keeps its place in the queue (None).
- Across a loss only what belongs together for certain is paired (`shipper.http.queue`). Where
  requests lost their place, nothing that came before is paired with what comes after. Where
  responses did, the response is paired only if exactly one request is waiting and nothing of
  another was seen or lost since.
- Which side asks is settled by the first message, and holds for as long as the connection.

Knows neither clocks nor other connections.
"""

from typing import Final

from shipper.contract.events import Event, Flag, FlowEnd
from shipper.contract.exchange import Connection, Exchange, Incomplete, Proxied
from shipper.http.assembled import SIMPLE_VERSION, head_of, names_no_version, simple_head
from shipper.http.block import Head, RequestHead, ResponseHead
from shipper.http.connection import connection_of
from shipper.http.ending import ended_with, tunnels, unanswered
from shipper.http.proxy_protocol import ProxyHeaderError, parse_proxy_header
from shipper.http.queue import Queue
from shipper.http.startline import BlockError
from shipper.http.stream import CUT, UNMATCHED, Block, Side
from shipper.http.weight import of_block, of_head

_RESUMED: Final = int(Flag.RESUMED)
_LATE: Final = int(Flag.LATE)
_UNTIL_CLOSE: Final = int(Flag.UNTIL_CLOSE)
_JUNK: Final = int(Flag.JUNK)
_MARKS: Final = _RESUMED | _LATE | _UNTIL_CLOSE | _JUNK
_REQUEST: Final = int(Flag.REQUEST)
_RESPONSE: Final = int(Flag.RESPONSE)

_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL: Final = 200
_MOST_INTERIM: Final = 32

# What the end of a message is counted as when its exchange is gone.
_AFTER_EXCHANGE: Final = "message_end_after_exchange"
_AFTER_TIMEOUT: Final = "message_end_after_timeout"


class Conversation:
    """The state of one connection.

    `last` is the clock when it was last heard of; `weighed` is what its `weight` was then.
    """

    __slots__ = (
        "_answer",
        "_asked",
        "_connection",
        "_counters",
        "_interim",
        "_late",
        "_max_pending",
        "_number",
        "_odd",
        "_opening",
        "_proxied",
        "_queue",
        "_request_side",
        "last",
        "sides",
        "weighed",
    )

    def __init__(
        self, opening: Event, counters: dict[str, int], *, max_pending: int, max_block: int
    ) -> None:
        self.last = self.weighed = 0
        self.sides = (Side(counters, max_block), Side(counters, max_block))
        self._counters = counters
        self._max_pending = max_pending
        # Until the connection is made from it, which takes no data.
        self._opening: Event | None = Event._make((*opening[:-1], b""))
        self._connection: Connection | None = None
        self._request_side: int | None = None
        self._queue = Queue()
        self._asked: RequestHead | None = None  # the request that `_answer` answers
        self._answer: ResponseHead | None = None  # the response whose end is awaited
        self._interim: list[int] = []
        self._number = 0
        self._late = False
        self._proxied: Proxied | None = None
        self._odd: list[str] = []  # anomalies of what is no message, for the next exchange

    @property
    def waits(self) -> bool:
        """Whether there is anything that a time-out would hand out."""
        if self._queue.pending or self._queue.silenced or self._answer is not None:
            return True
        one, other = self.sides
        return bool(one.half or other.half)

    @property
    def uploading(self) -> bool:
        """Whether the wait is for the end of a request's body, not for a response."""
        one, other = self.sides
        pending = self._queue.pending
        if self._answer is not None or not pending or one.half or other.half:
            return False
        front = pending[0]
        return front is not None and front.body_awaited

    @property
    def weight(self) -> int:
        """Bytes of memory, at most, of the blocks and messages in no exchange yet."""
        weight = 0
        for head in (*self._queue.pending, self._asked, self._answer):
            if head is not None:
                weight += of_head(head)
        for side in self.sides:
            if side.half is not None:
                weight += of_block(side.half)
        return weight

    @property
    def held_messages(self) -> int:
        """Messages that are in no exchange yet."""
        answering = (self._answer is not None) + (self._asked is not None)
        return answering + sum(head is not None for head in self._queue.pending)

    def take(
        self, at: int, head: RequestHead | ResponseHead, flags: int, out: list[Exchange]
    ) -> None:
        """Pair one message that came on side `at`; its times and sizes are filled in."""
        asks = isinstance(head, RequestHead)
        side = self.sides[at]
        side.head, side.end_counter = None, UNMATCHED
        if self._request_side is None:
            self._request_side = at if asks else 1 - at
        elif (at == self._request_side) is not asks:
            self._counters["block_role_conflict"] += 1
            return
        self._counters["messages"] += 1
        side.head = head
        if flags & _MARKS:
            self._late = self._late or bool(flags & _LATE)
            if flags & _JUNK:
                head.anomalies.append("junk_before_start_line")
            head.resumed = bool(flags & _RESUMED)
            head.until_close = bool(flags & _UNTIL_CLOSE)
        if isinstance(head, RequestHead):
            self._request(head, out)
        else:
            self._response(head, out)

    def take_block(self, at: int, block: Block, out: list[Exchange]) -> None:
        """Pair the message of a block that was put together from several events."""
        self._counters["blocks"] += 1
        try:
            head = head_of(block)
        except BlockError as error:
            self.unusable(at, error, block.flags, out)
            return
        self.take(at, head, block.flags, out)

    def simple_response(self, event: Event, out: list[Exchange]) -> None:
        """An answer without a header block, which tells that its request was HTTP/0.9."""
        side = self.sides[event.side]
        if side.half is not None:
            self.take_block(event.side, side.break_off(gap=True), out)
        self._counters["header_taken"] += 1
        self._counters["blocks"] += 1
        side.first, side.length = event.sequence, 0
        head = simple_head(event)
        self.take(event.side, head, event.flags, out)
        asked = self._asked
        if head is self._answer and asked is not None and names_no_version(asked):
            asked.message.version = SIMPLE_VERSION

    def proxy_header(self, event: Event) -> None:
        """What a proxy in front says of its client; it counts only before the first message."""
        if self._request_side is not None or self._proxied or self.sides[event.side].half:
            self._counters["proxy_header_late"] += 1
            return
        try:
            self._proxied = parse_proxy_header(event.data, cut=bool(event.flags & CUT))
        except ProxyHeaderError:
            self._counters["proxy_header_invalid"] += 1
            self._note(["invalid_proxy_header"])
        else:
            self._counters["proxy_header"] += 1

    def unusable(self, at: int, error: BlockError, flags: int, out: list[Exchange]) -> None:
        """A block that is no message: it still holds a place in the order."""
        self._counters[f"block_{error.fault.value}"] += 1
        self.sides[at].head, self.sides[at].end_counter = None, UNMATCHED
        role = self._request_side
        if at == role or (role is None and flags & _REQUEST):
            self._ask(None, out)
        elif role is not None or flags & _RESPONSE:
            self._close_answer(out)
            asked = self._queue.next()
            if asked is not None:
                asked.anomalies.append("unreadable_response")
                self._emit(asked, None, out, (Incomplete.RESPONSE_CUT_OFF,))

    def message_end(self, event: Event, out: list[Exchange]) -> None:
        """The body of the message most recently begun on this side ended."""
        side = self.sides[event.side]
        head = side.head
        if head is None:
            self._counters[side.end_counter] += 1
            return
        if head.message.end is not None:
            self._counters["message_end_repeated"] += 1
            return
        self._counters["message_end_taken"] += 1
        head.message.end = max(event.time, head.message.start)  # two processors' clocks
        head.message.body_bytes = event.body_bytes
        if head is self._answer:
            self._close_answer(out)

    def end(self, event: Event, out: list[Exchange]) -> None:
        """The connection ended (FIN, RST, CLOSED, EVICTED or TUNNEL)."""
        self._break_off_halves(out, gap=event.reason == FlowEnd.EVICTED)
        answer = self._answer
        self._close_answer(out, () if answer is None else ended_with(event, self._asked, answer))
        for head in self._queue.silence():
            self._alone(head, out, unanswered(event, head))

    def flush(self, out: list[Exchange], *, timed_out: bool = False) -> None:
        """Hand out all there is. The connection may live on: what comes is not mispaired."""
        self._break_off_halves(out, gap=False)
        self._close_answer(out, timed_out=timed_out)
        for head in self._queue.silence():
            self._alone(head, out, timed_out=timed_out)

    def drop(self) -> None:
        """Forget all there is: the other end of the connection tells it."""
        counters = self._counters
        counters["messages_twin"] += self.held_messages
        for side in self.sides:
            if side.half is not None:
                counters["blocks"] += 1
                counters["block_twin"] += 1

    def _request(self, head: RequestHead, out: list[Exchange]) -> None:
        if head.resumed:
            self._close_answer(out)
            self._interim.clear()
        self._ask(head, out)

    def _ask(self, head: RequestHead | None, out: list[Exchange]) -> None:
        queue = self._queue
        given_up = queue.ask(head)
        if len(queue.pending) > self._max_pending:
            self._counters["pipeline_overflow"] += 1
            given_up += queue.overflow()
        self._tell_alone(given_up, out)

    def _tell_alone(self, given_up: list[RequestHead], out: list[Exchange]) -> None:
        for head in given_up:
            self._alone(head, out)

    def _response(self, head: ResponseHead, out: list[Exchange]) -> None:
        self._close_answer(out)
        queue = self._queue
        if head.resumed:
            self._interim.clear()
            self._tell_alone(queue.resume(head, asking=self._asking), out)
        message = head.message
        status = message.status
        if status is not None and status < _FIRST_FINAL and status != _SWITCHING_PROTOCOLS:
            self._take_interim(head, status)
            return
        if not queue.pending and not queue.unmatched:
            self._early(out)
        self._tell_alone(queue.answer(head, asking=self._asking), out)
        asked = queue.next()
        if self._interim:
            message.interim = tuple(self._interim)
            self._interim.clear()
        self._asked, self._answer = asked, head
        if tunnels(asked, status):
            self._into_tunnel(head)
        if message.end is not None or head.fault is not None:
            self._close_answer(out)

    def _into_tunnel(self, head: ResponseHead) -> None:
        """What follows the block is not HTTP/1; fields that frame a body frame nothing."""
        message = head.message
        if head.content_length or head.chunked:
            head.anomalies.append("framing_without_body")
        if message.end is None and head.fault is None:
            message.end, message.body_bytes = max(message.start, head.block_end), 0

    def _take_interim(self, head: ResponseHead, status: int) -> None:
        self._counters["messages_interim"] += 1
        self._note(head.anomalies)
        head.forget()
        if len(self._interim) < _MOST_INTERIM:
            self._interim.append(status)
        else:
            self._counters["interim_dropped"] += 1

    def _note(self, anomalies: list[str]) -> None:
        """Keep anomalies for the next exchange; their names are few, and each is kept once."""
        self._odd += [name for name in anomalies if name not in self._odd]

    @property
    def _asking(self) -> bool:
        """Whether a part of a request was seen whose header block is not whole yet."""
        at = self._request_side
        return at is not None and self.sides[at].half is not None

    def _early(self, out: list[Exchange]) -> None:
        """A response while no request waits may answer one whose header block is not at its end."""
        at = self._request_side
        half = None if at is None else self.sides[at].half
        if at is not None and half is not None and self._queue.sure and not half.flags & _RESUMED:
            self.take_block(at, self.sides[at].break_off(gap=False), out)

    def _break_off_halves(self, out: list[Exchange], *, gap: bool) -> None:
        first = self._request_side or 0
        for at in (first, 1 - first):
            side = self.sides[at]
            if side.half is not None:
                self.take_block(at, side.break_off(gap=gap), out)

    def _close_answer(
        self,
        out: list[Exchange],
        broken: tuple[Incomplete, ...] = (),
        *,
        timed_out: bool = False,
    ) -> None:
        answer = self._answer
        if answer is not None:
            asked, self._answer, self._asked = self._asked, None, None
            self._emit(asked, answer, out, broken, timed_out=timed_out)

    def _alone(
        self,
        head: RequestHead,
        out: list[Exchange],
        broken: tuple[Incomplete, ...] = (),
        *,
        timed_out: bool = False,
    ) -> None:
        self._emit(head, None, out, (*broken, Incomplete.NO_RESPONSE), timed_out=timed_out)

    def _emit(
        self,
        request: RequestHead | None,
        response: ResponseHead | None,
        out: list[Exchange],
        broken: tuple[Incomplete, ...] = (),
        *,
        timed_out: bool = False,
    ) -> None:
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
        out.append(
            Exchange(
                self._connection or self._connect(),
                None if request is None else request.message,
                None if response is None else response.message,
                self._number,
                tuple(dict.fromkeys(faults)) if faults else (),
                tuple(dict.fromkeys(anomalies)) if anomalies else (),
                self._late,
                resumed,
            )
        )
        self._number += 1

    def _sides_by_role(self) -> tuple[Side, Side]:
        one, other = self.sides
        return (other, one) if self._request_side else (one, other)

    def _connect(self) -> Connection:
        event, side, self._opening = self._opening, self._request_side, None
        if event is None or side is None:
            msg = "the connection is made once, when it is known who asks"
            raise AssertionError(msg)
        self._connection = connection_of(event, request_side=side, proxied=self._proxied)
        return self._connection

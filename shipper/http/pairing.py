"""One connection: its messages in, exchanges out (RFC 9112 section 9.3, RFC 9110 section 15.2).

Rules:
- Responses answer requests in their order. 1xx codes other than 101 belong to the final response
  that follows. A 101, and a 2xx to CONNECT, end the exchange at the response's header block.
- An exchange is handed out when the end of its response is seen, when the next response begins,
  when the connection ends, or when the wait is over.
- A request that could not be read keeps its place in the queue (None), and one that was handed
  out unanswered leaves a place too (`_unmatched`), so that a late response is told alone and
  does not take the next request's place.
- Where requests lost their place, nothing that came before is paired with what comes after.
  Where responses did, the response is paired only if exactly one request is waiting; else nobody
  can tell which one it answers.
- Which side asks is settled by the first message, and holds for as long as the connection.

Knows neither clocks nor other connections.
"""

from typing import Final

from shipper.contract.events import Event, Flag, FlowEnd
from shipper.contract.exchange import Connection, Exchange, Incomplete
from shipper.http.block import Head, RequestHead, ResponseHead, parse_block
from shipper.http.connection import connection_of
from shipper.http.startline import BlockError
from shipper.http.stream import UNMATCHED, Block, Side

_RESUMED: Final = int(Flag.RESUMED)
_LATE: Final = int(Flag.LATE)
_UNTIL_CLOSE: Final = int(Flag.UNTIL_CLOSE)
_REQUEST: Final = int(Flag.REQUEST)
_RESPONSE: Final = int(Flag.RESPONSE)

_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL: Final = 200
_FIRST_REDIRECT: Final = 300
_MOST_INTERIM: Final = 32

# What the end of a message is counted as when its exchange is gone.
_AFTER_EXCHANGE: Final = "message_end_after_exchange"
_AFTER_TIMEOUT: Final = "message_end_after_timeout"

_OF_RESPONSE: Final = {
    Incomplete.REQUEST_GAP: Incomplete.RESPONSE_GAP,
    Incomplete.REQUEST_CUT_OFF: Incomplete.RESPONSE_CUT_OFF,
}


class Conversation:
    """The state of one connection. `last` is the clock when it was last heard of."""

    __slots__ = (
        "_answer",
        "_asked",
        "_connection",
        "_counters",
        "_interim",
        "_late",
        "_max_pending",
        "_number",
        "_opening",
        "_pending",
        "_request_side",
        "_unmatched",
        "last",
        "sides",
    )

    def __init__(
        self, opening: Event, counters: dict[str, int], *, max_pending: int, max_block: int
    ) -> None:
        self.last = 0
        self.sides = (Side(counters, max_block), Side(counters, max_block))
        self._counters = counters
        self._max_pending = max_pending
        self._opening: Event | None = opening  # until the connection is made from it
        self._connection: Connection | None = None
        self._request_side: int | None = None
        # A list, because an empty deque is ten times its size and the queue is short.
        self._pending: list[RequestHead | None] = []
        self._unmatched = 0  # responses still to come whose requests have been handed out
        self._asked: RequestHead | None = None  # the request that `_answer` answers
        self._answer: ResponseHead | None = None  # the response whose end is awaited
        self._interim: list[int] = []
        self._number = 0
        self._late = False

    @property
    def waits(self) -> bool:
        """Whether there is anything that a time-out would hand out."""
        if self._pending or self._answer is not None:
            return True
        one, other = self.sides
        return bool(one.half or other.half or one.held or other.held)

    @property
    def uploading(self) -> bool:
        """Whether the wait is for the end of a request's body, not for a response."""
        one, other = self.sides
        if self._answer is not None or not self._pending or one.half or other.half:
            return False
        front = self._pending[0]
        return front is not None and front.body_awaited

    @property
    def held_messages(self) -> int:
        """Messages that are in no exchange yet."""
        answering = (self._answer is not None) + (self._asked is not None)
        return answering + sum(head is not None for head in self._pending)

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
        if flags & (_RESUMED | _LATE | _UNTIL_CLOSE):
            self._late = self._late or bool(flags & _LATE)
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
            head = parse_block(bytes(block.data), whole=block.whole, cut=block.cut)
        except BlockError as error:
            self.unusable(at, error, block.flags, out)
            return
        message = head.message
        message.start = block.start
        if block.end is not None:  # pieces out of order: no message ends before it starts
            message.end = max(block.start, block.end)
        message.body_bytes = block.body_bytes
        head.block_end = block.latest
        head.fault = block.fault
        if block.fault is not None and isinstance(head, ResponseHead):
            head.fault = _OF_RESPONSE[block.fault]
        if block.conflict:
            head.anomalies.append("overlap_conflict")
        self.take(at, head, block.flags, out)

    def unusable(self, at: int, error: BlockError, flags: int, out: list[Exchange]) -> None:
        """A block that is no message: it still holds a place in the order."""
        self._counters[f"block_{error.fault.value}"] += 1
        self.sides[at].head, self.sides[at].end_counter = None, UNMATCHED
        role = self._request_side
        if at == role or (role is None and flags & _REQUEST):
            self._pending.append(None)
            if len(self._pending) > self._max_pending:
                self._overflow(out)
        elif role is not None or flags & _RESPONSE:
            self._close_answer(out)
            asked = self._next_asked()
            if asked is not None:
                asked.anomalies.append("unreadable_response")
                self._emit(asked, None, out, (Incomplete.RESPONSE_CUT_OFF,))

    def message_end(self, event: Event, out: list[Exchange]) -> None:
        """The body of the message most recently begun on this side ended."""
        side = self.sides[event.side]
        side.discard_before(event.sequence)
        head = side.head
        if head is None:
            self._counters[side.end_counter] += 1
            return
        if head.message.end is not None:
            self._counters["message_end_repeated"] += 1
            return
        self._counters["message_end_taken"] += 1
        head.message.end = event.time
        head.message.body_bytes = event.body_bytes
        if head is self._answer:
            self._close_answer(out)

    def end(self, event: Event, out: list[Exchange]) -> None:
        """The connection ended (FIN, RST, CLOSED, EVICTED or TUNNEL)."""
        reason = event.reason
        self._break_off_halves(out, gap=reason == FlowEnd.EVICTED)
        broken: tuple[Incomplete, ...] = ()
        over = reason in {FlowEnd.FIN, FlowEnd.RST, FlowEnd.CLOSED}
        answer = self._answer
        if answer is not None and answer.message.end is None and over:
            if answer.until_close and reason == FlowEnd.FIN:
                answer.message.end = event.time
                if event.flags & _UNTIL_CLOSE:
                    answer.message.body_bytes = event.body_bytes
            elif (answer.until_close and reason == FlowEnd.RST) or self._body_missing(answer):
                broken = (Incomplete.RESPONSE_CUT_OFF,)
        if answer is not None and over and self._asked is not None and self._asked.body_awaited:
            broken = (Incomplete.REQUEST_CUT_OFF, *broken)
        self._close_answer(out, broken)
        while self._pending:
            head = self._pending.pop(0)
            if head is not None:
                cut_off = over and head.body_awaited
                self._alone(head, out, (Incomplete.REQUEST_CUT_OFF,) if cut_off else ())

    def flush(self, out: list[Exchange], *, timed_out: bool = False) -> None:
        """Hand out all there is. The connection may live on: what comes is not mispaired."""
        self._break_off_halves(out, gap=False)
        self._close_answer(out, timed_out=timed_out)
        self._unmatched += len(self._pending)
        self._give_up_pending(out, timed_out=timed_out)

    def drop(self) -> None:
        """Forget all there is: the other end of the connection tells it."""
        counters = self._counters
        counters["messages_twin"] += self.held_messages
        for side in self.sides:
            if side.half is not None:
                counters["blocks"] += 1
                counters["block_twin"] += 1
            side.discard_held()

    def _request(self, head: RequestHead, out: list[Exchange]) -> None:
        if head.resumed:
            self._close_answer(out)
            self._give_up_pending(out)
            self._unmatched = 0
            self._interim.clear()
        self._pending.append(head)
        if len(self._pending) > self._max_pending:
            self._overflow(out)

    def _overflow(self, out: list[Exchange]) -> None:
        self._counters["pipeline_overflow"] += 1
        self._unmatched += len(self._pending)
        self._give_up_pending(out)

    def _response(self, head: ResponseHead, out: list[Exchange]) -> None:
        self._close_answer(out)
        if head.resumed:
            self._unmatched = 0
            self._interim.clear()
            if len(self._pending) > 1:
                self._give_up_pending(out)
        message = head.message
        if message.status < _FIRST_FINAL and message.status != _SWITCHING_PROTOCOLS:
            self._take_interim(message.status)
            return
        asked = self._next_asked() if self._pending or self._unmatched else self._early(out)
        if self._interim:
            message.interim = tuple(self._interim)
            self._interim.clear()
        self._asked, self._answer = asked, head
        if _tunnels(asked, message.status) and message.end is None and head.fault is None:
            message.end, message.body_bytes = max(message.start, head.block_end), 0
        if message.end is not None or head.fault is not None:
            self._close_answer(out)

    def _take_interim(self, status: int) -> None:
        self._counters["messages_interim"] += 1
        if len(self._interim) < _MOST_INTERIM:
            self._interim.append(status)
        else:
            self._counters["interim_dropped"] += 1

    def _next_asked(self) -> RequestHead | None:
        """The request that the next response answers; None if it is not here."""
        if self._unmatched:
            self._unmatched -= 1
            return None
        return self._pending.pop(0) if self._pending else None

    def _early(self, out: list[Exchange]) -> RequestHead | None:
        """The request whose header block is not at its end, though it is answered already."""
        at = self._request_side
        if at is None or self.sides[at].half is None:
            return None
        self.take_block(at, self.sides[at].break_off(gap=False), out)
        return self._next_asked()

    def _break_off_halves(self, out: list[Exchange], *, gap: bool) -> None:
        first = self._request_side or 0
        for at in (first, 1 - first):
            side = self.sides[at]
            if side.half is not None:
                self.take_block(at, side.break_off(gap=gap), out)
            side.discard_held()

    def _body_missing(self, answer: ResponseHead) -> bool:
        """Whether the response's body ought to be there and is not (RFC 9112 section 6.3)."""
        to_head = self._asked is not None and self._asked.message.method == "HEAD"
        bodiless = to_head or answer.message.status in {204, 304}
        return answer.body_awaited and not bodiless

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

    def _give_up_pending(self, out: list[Exchange], *, timed_out: bool = False) -> None:
        while self._pending:
            head = self._pending.pop(0)
            if head is not None:
                self._alone(head, out, timed_out=timed_out)

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
        self._connection = connection_of(event, request_side=side)
        return self._connection


def _tunnels(asked: RequestHead | None, status: int) -> bool:
    """Whether what follows the response's header block is not HTTP/1 (RFC 9110 section 9.3.6)."""
    if status == _SWITCHING_PROTOCOLS:
        return True
    connect = asked is not None and asked.message.method == "CONNECT"
    return connect and status < _FIRST_REDIRECT

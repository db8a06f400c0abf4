"""One connection: its messages in, exchanges out (RFC 9112 section 9.3, RFC 9110 section 15.2).

Rules:
- Responses answer requests in their order. 1xx codes other than 101 belong to the final response
  that follows. A 101, and a 2xx to CONNECT, end the exchange at the response's header block.
- An exchange is handed out when the end of its response is seen, when the next response begins,
  when the connection ends, or when the wait is over.
- A request that could not be read keeps its place in the queue (None).
- Across a loss only what belongs together is paired (`shipper.http.queue`). Where requests lost
  their place, nothing that came before is paired with what comes after.
- Which side asks is settled by the first message, and holds for as long as the connection.

Knows neither clocks nor other connections.
"""

from typing import Final

from shipper.contract.events import Event, Flag, FlowEnd
from shipper.contract.exchange import Exchange, Incomplete
from shipper.http.assembled import head_of, settle_version, simple_head
from shipper.http.block import RequestHead, ResponseHead
from shipper.http.ending import (
    ODD_END,
    end_at_block,
    ended_with,
    odd_end,
    tunnels,
    unanswered,
)
from shipper.http.queue import Queue
from shipper.http.startline import BlockError
from shipper.http.stream import UNMATCHED, Block, Side
from shipper.http.telling import Teller
from shipper.http.weight import of_block, of_head

_RESUMED: Final = int(Flag.RESUMED)
_LATE: Final = int(Flag.LATE)
_UNTIL_CLOSE: Final = int(Flag.UNTIL_CLOSE)
_JUNK: Final = int(Flag.JUNK)
_OPEN_END: Final = int(Flag.OPEN_END)
_MARKS: Final = _RESUMED | _LATE | _UNTIL_CLOSE | _JUNK | ODD_END
_REQUEST: Final = int(Flag.REQUEST)
_RESPONSE: Final = int(Flag.RESPONSE)

_SWITCHING_PROTOCOLS: Final = 101
_FIRST_FINAL: Final = 200
_MOST_INTERIM: Final = 32


class Conversation:
    """The state of one connection.

    `last` is the clock when it was last heard of; `weighed` is what its `weight` was then; `teller`
    knows what all its exchanges share.
    """

    __slots__ = (
        "_answer",
        "_asked",
        "_counters",
        "_interim",
        "_max_pending",
        "_queue",
        "last",
        "sides",
        "teller",
        "weighed",
    )

    def __init__(
        self, opening: Event, counters: dict[str, int], *, max_pending: int, max_block: int
    ) -> None:
        self.last = self.weighed = 0
        self.sides = (Side(counters, max_block), Side(counters, max_block))
        self._counters = counters
        self._max_pending = max_pending
        self.teller = Teller(opening, counters, self.sides)
        self._queue = Queue()
        self._asked: RequestHead | None = None  # the request that `_answer` answers
        self._answer: ResponseHead | None = None  # the response whose end is awaited
        self._interim: list[int] = []

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
    def open_since(self) -> int | None:
        """When the oldest of its blocks and messages in no exchange yet began (ns)."""
        heads = (*self._queue.pending, self._asked, self._answer)
        begun = [head.message.start for head in heads if head is not None]
        begun += [side.half.start for side in self.sides if side.half is not None]
        return min(begun, default=None)

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
        teller = self.teller
        if teller.asks is None:
            teller.asks = at if asks else 1 - at
        elif (at == teller.asks) is not asks:
            self._counters["block_role_conflict"] += 1
            return
        self._counters["messages"] += 1
        side.head = head
        if flags & _MARKS:
            teller.late = teller.late or bool(flags & _LATE)
            if flags & _JUNK:
                head.anomalies.append("junk_before_start_line")
            if flags & ODD_END:
                head.anomalies += odd_end(flags)
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
        if head is self._answer:
            settle_version(head, self._asked)

    def unusable(self, at: int, error: BlockError, flags: int, out: list[Exchange]) -> None:
        """A block that is no message: it still holds a place in the order."""
        self._counters[f"block_{error.fault.value}"] += 1
        self.sides[at].head, self.sides[at].end_counter = None, UNMATCHED
        role = self.teller.asks
        if at == role or (role is None and flags & _REQUEST):
            self._ask(None, out)
        elif role is not None or flags & _RESPONSE:
            self._close_answer(out)
            asked = self._queue.next() if self._queue.sure else None
            if asked is not None:
                asked.anomalies.append("unreadable_response")
                out.append(self.teller.tell(asked, None, (Incomplete.RESPONSE_CUT_OFF,)))

    def message_end(self, event: Event, out: list[Exchange]) -> None:
        """What is said of the end of the message most recently begun on this side."""
        side = self.sides[event.side]
        head, odd = side.head, odd_end(event.flags)
        if head is None:
            self._counters["message_end_taken" if odd else side.end_counter] += 1
            self._counters["odd_end_late"] += bool(odd)
            self.teller.note(odd)
            return
        head.anomalies += odd
        over = head.message.end is not None
        if over and not odd:
            self._counters["message_end_repeated"] += 1
            return
        self._counters["message_end_taken"] += 1
        if over or event.flags & _OPEN_END:
            return
        head.message.end = max(event.time, head.message.start)  # two processors' clocks
        head.message.body_bytes = event.body_bytes
        if head is self._answer:
            self._close_answer(out)

    def end(self, event: Event, out: list[Exchange]) -> None:
        """The connection ended (FIN, RST, CLOSED, EVICTED or TUNNEL)."""
        self._break_off_halves(out, gap=event.reason == FlowEnd.EVICTED)
        answer = self._answer
        self._close_answer(out, () if answer is None else ended_with(event, self._asked, answer))
        tell = self.teller.tell_alone
        out += [tell(head, unanswered(event, head)) for head in self._queue.silence()]

    def flush(self, out: list[Exchange], *, timed_out: bool = False) -> None:
        """Hand out all there is. The connection may live on: what comes is not mispaired."""
        self._break_off_halves(out, gap=False)
        self._close_answer(out, timed_out=timed_out)
        tell = self.teller.tell_alone
        out += [tell(head, timed_out=timed_out) for head in self._queue.silence()]

    @property
    def first_asked(self) -> RequestHead | None:
        """The request that waits longest."""
        return self._queue.pending[0] if self._queue.pending else None

    def recognises(self, asked: RequestHead) -> bool:
        """Whether a request, as it was seen at the other end of its connection, is one of these.

        Whatever NAT does to addresses, sequence numbers and bytes stay.
        """
        return any(
            head is not None and head.sequence == asked.sequence and head.raw == asked.raw
            for head in self._queue.pending
        )

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
        self._ask(head, out)

    def _ask(self, head: RequestHead | None, out: list[Exchange]) -> None:
        queue = self._queue
        given_up = queue.ask(head, owing=bool(self._interim))
        if len(queue.pending) > self._max_pending:
            self._counters["pipeline_overflow"] += 1
            given_up += queue.overflow()
        if given_up:
            out += map(self.teller.tell_alone, given_up)

    def _response(self, head: ResponseHead, out: list[Exchange]) -> None:
        self._close_answer(out)
        queue = self._queue
        if head.resumed:
            self._interim.clear()
        message = head.response
        status = message.status
        interim = status is not None and status < _FIRST_FINAL and status != _SWITCHING_PROTOCOLS
        if not interim and not queue.pending and not queue.unmatched:
            self._early(head, out)
        if self._interim:  # what those answer is what this one does
            queue.look(head)
        elif head.resumed or not (interim and queue.sure):
            given_up = queue.meet(head, asking=self._asking)
            if given_up:
                out += map(self.teller.tell_alone, given_up)
        if interim:
            self._take_interim(head)
            return
        asked = queue.next()
        if self._interim:
            message.interim = tuple(self._interim)
            self._interim.clear()
        self._asked, self._answer = asked, head
        if tunnels(asked, status):
            end_at_block(head)
        if message.end is not None or head.fault is not None:
            self._close_answer(out)

    def _take_interim(self, head: ResponseHead) -> None:
        self._counters["messages_interim"] += 1
        self.teller.note(head.anomalies)
        head.forget()
        status = head.response.status
        if status is not None and len(self._interim) < _MOST_INTERIM:
            self._interim.append(status)
        else:
            self._counters["interim_dropped"] += 1

    @property
    def _asking(self) -> bool:
        """Whether a part of a request was seen whose header block is not whole yet."""
        at = self.teller.asks
        return at is not None and self.sides[at].half is not None

    def _early(self, head: ResponseHead, out: list[Exchange]) -> None:
        """A response while no request waits may answer one whose header block is not at its end."""
        at = self.teller.asks
        half = None if at is None else self.sides[at].half
        if at is None or half is None:
            return
        certain = half.acknowledged != 0 and half.acknowledged == head.sequence
        if certain or (self._queue.sure and not half.flags & _RESUMED):
            self.take_block(at, self.sides[at].break_off(gap=False), out)

    def _break_off_halves(self, out: list[Exchange], *, gap: bool) -> None:
        first = self.teller.asks or 0
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
            out.append(self.teller.tell(asked, answer, broken, timed_out=timed_out))

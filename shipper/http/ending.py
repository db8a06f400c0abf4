"""Where a message ends that its framing does not end: at a tunnel, or with the connection.

Plain questions about one exchange under way; knows neither its connection nor other exchanges.
"""

from typing import Final

from shipper.contract.events import Event, Flag, FlowEnd
from shipper.contract.exchange import Incomplete
from shipper.http.block import RequestHead, ResponseHead

_UNTIL_CLOSE: Final = int(Flag.UNTIL_CLOSE)
_EXCESS: Final = int(Flag.EXCESS)
_BAD_CHUNK: Final = int(Flag.BAD_CHUNK)
_OVER: Final = frozenset((int(FlowEnd.FIN), int(FlowEnd.RST), int(FlowEnd.CLOSED)))

_SWITCHING_PROTOCOLS: Final = 101
_FIRST_REDIRECT: Final = 300
_BODILESS: Final = frozenset((204, 304))

#: Flags of a message's end that name an anomaly.
ODD_END: Final = _EXCESS | _BAD_CHUNK


def odd_end(flags: int) -> list[str]:
    """What is odd about the end of a message, by the flags of the event that told of it."""
    odd: list[str] = []
    if flags & _EXCESS:
        odd.append("data_after_message")
    if flags & _BAD_CHUNK:
        odd.append("invalid_chunk")
    return odd


def tunnels(asked: RequestHead | None, status: int | None) -> bool:
    """Whether what follows the response's header block is not HTTP/1 (RFC 9110 section 9.3.6)."""
    if status == _SWITCHING_PROTOCOLS:
        return True
    connect = asked is not None and asked.request.method == "CONNECT"
    return connect and status is not None and status < _FIRST_REDIRECT


def end_at_block(head: ResponseHead) -> None:
    """What follows the block is not HTTP/1; fields that frame a body frame nothing."""
    message = head.message
    if head.content_length or head.chunked:
        head.anomalies.append("framing_without_body")
    if message.end is None and head.fault is None:
        message.end, message.body_bytes = max(message.start, head.block_end), 0


def ended_with(
    event: Event, asked: RequestHead | None, answer: ResponseHead
) -> tuple[Incomplete, ...]:
    """What the end of the connection cut off of a response under way, and of its request.

    A response that ends with its connection is given its end here.
    """
    if event.reason not in _OVER:
        return ()
    broken: tuple[Incomplete, ...] = ()
    if answer.message.end is None:
        if answer.until_close and event.reason == FlowEnd.FIN:
            answer.message.end = max(event.time, answer.message.start)
            if event.flags & _UNTIL_CLOSE:
                answer.message.body_bytes = event.body_bytes
        elif (answer.until_close and event.reason == FlowEnd.RST) or _body_missing(asked, answer):
            broken = (Incomplete.RESPONSE_CUT_OFF,)
    if asked is not None and asked.body_awaited:
        broken = (Incomplete.REQUEST_CUT_OFF, *broken)
    return broken


def unanswered(event: Event, head: RequestHead) -> tuple[Incomplete, ...]:
    """What the end of the connection cut off of a request that waits."""
    cut_off = event.reason in _OVER and head.body_awaited
    return (Incomplete.REQUEST_CUT_OFF,) if cut_off else ()


def _body_missing(asked: RequestHead | None, answer: ResponseHead) -> bool:
    """Whether the response's body ought to be there and is not (RFC 9112 section 6.3)."""
    to_head = asked is not None and asked.request.method == "HEAD"
    return answer.body_awaited and not to_head and answer.response.status not in _BODILESS

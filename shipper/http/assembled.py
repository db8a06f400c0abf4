"""A block that took more than one whole event in, its parsed head with times and marks out.

Between `shipper.http.stream`, which knows the order of bytes, and `shipper.http.block`, which
knows what they say. So HTTP/0.9 is settled here, whose messages no blank line ends.
"""

from typing import Final

from shipper.contract.events import Event
from shipper.contract.exchange import Incomplete, Response
from shipper.http.block import RequestHead, ResponseHead, parse_block
from shipper.http.fields import NO_FIELDS
from shipper.http.stream import Block

_OF_RESPONSE: Final = {
    Incomplete.REQUEST_GAP: Incomplete.RESPONSE_GAP,
    Incomplete.REQUEST_CUT_OFF: Incomplete.RESPONSE_CUT_OFF,
}

#: The version of a message that names none (RFC 1945 section 3.1).
SIMPLE_VERSION: Final = "0.9"


def head_of(block: Block) -> RequestHead | ResponseHead:
    """The head that the block tells. Raises `BlockError`."""
    head = parse_block(bytes(block.data), whole=block.whole, cut=block.cut)
    head.sequence, head.acknowledged = block.first, block.acknowledged
    head.process = block.process
    message = head.message
    message.start = block.start
    if block.end is not None:  # pieces out of order: no message ends before it starts
        message.end = max(block.start, block.end)
    message.body_bytes = block.body_bytes
    head.block_end = block.latest
    head.fault = block.fault
    if block.fault is not None:
        if isinstance(head, ResponseHead):
            head.fault = _OF_RESPONSE[block.fault]
        elif block.fault is Incomplete.REQUEST_CUT_OFF and is_simple(head):
            head.fault = None
            message.version = SIMPLE_VERSION
            message.end, message.body_bytes = block.latest, 0
    if block.conflict:
        head.anomalies.append("overlap_conflict")
    return head


def simple_head(event: Event) -> ResponseHead:
    """The head of an answer that has no header block, beginning with this event.

    RFC 1945 section 6: a simple response is its body, and ends with the connection.
    """
    message = Response(None, (), event.time, None, 0, None)
    head = ResponseHead(message, [], b"", NO_FIELDS)
    head.sequence, head.acknowledged = event.sequence, event.until
    head.process = event.process
    head.until_close = True
    return head


def settle_version(answer: ResponseHead, asked: RequestHead | None) -> None:
    """Say what an answer without a header block is, now that it is known what it answers.

    RFC 1945 section 6: only a simple request is answered so. To one that names a version it is
    something else; to one without a version but with headers it may be either.
    """
    if asked is None or asked.message.version == SIMPLE_VERSION or is_simple(asked):
        answer.message.version = SIMPLE_VERSION
        if asked is not None:
            asked.message.version = SIMPLE_VERSION
    elif "missing_version" not in asked.anomalies:
        answer.anomalies.append("unreadable_response")
        return
    answer.anomalies.append("simple_response")


def is_simple(head: RequestHead) -> bool:
    """Whether a request is one line without a version, and so whole as it is.

    RFC 1945 section 5: `Simple-Request = "GET" SP Request-URI CRLF`, after which nothing comes.
    One that says HTTP/ without a number is none.
    """
    line = head.raw.lstrip(b"\r\n")
    return "missing_version" in head.anomalies and not line[line.find(b"\n") :].strip(b"\r\n")

"""A block that was put together from several events in, its parsed head with times and marks out.

Between `shipper.http.stream`, which knows the order of bytes, and `shipper.http.block`, which
knows what they say.
"""

from typing import Final

from shipper.contract.exchange import Incomplete
from shipper.http.block import RequestHead, ResponseHead, parse_block
from shipper.http.stream import Block

_OF_RESPONSE: Final = {
    Incomplete.REQUEST_GAP: Incomplete.RESPONSE_GAP,
    Incomplete.REQUEST_CUT_OFF: Incomplete.RESPONSE_CUT_OFF,
}


def head_of(block: Block) -> RequestHead | ResponseHead:
    """The head that the block tells. Raises `BlockError`."""
    head = parse_block(bytes(block.data), whole=block.whole, cut=block.cut)
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
    return head

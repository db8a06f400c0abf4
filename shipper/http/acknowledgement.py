"""A request and a response in; whether the one answers the other out, by TCP's own numbers.

With every segment an end says how far it has come in the other's stream (RFC 9293 section 3.4), and
a header block's first segment says it at the moment that counts. Of a client that asks one thing at
a time this is certain:
- When it asks it has all that was sent before, so the response begins at the byte that the request
  says it expects. Interim responses may lie between.
- When the server answers it has some of the request, and nothing behind it: of which request the
  end, or the inside, is the byte that the response says it expects.

Either is enough, whatever was lost before. A client that pipelines asks before it has the answers,
and of it neither is true. What was not seen with its segment is 0, and says nothing.
"""

from typing import Final

from shipper.http.block import Head, RequestHead, ResponseHead
from shipper.http.stream import distance

# Bytes: a body that is longer may turn the order of sequence numbers round.
_NEAR: Final = 1 << 30


def answers(response: ResponseHead, request: RequestHead) -> bool | None:
    """Whether the response answers just this request; None if nobody can say."""
    if asked_later(request, response):
        return False
    had = request.acknowledged
    if had and had == response.sequence:
        return True
    length = _length(request)
    if response.acknowledged and length is not None:
        return distance(response.acknowledged, request.sequence) <= length
    return False if had else None


def asked_later(request: RequestHead, response: ResponseHead) -> bool:
    """Whether one of the two was sent when the other end had not come to it, or was past it."""
    had, reached = request.acknowledged, response.acknowledged
    if had and distance(had, response.sequence) > 0:
        return True
    return bool(reached) and -_NEAR < distance(reached, request.sequence) <= 0


def pipelined(earlier: RequestHead, later: RequestHead) -> bool:
    """Whether the client had nothing of the earlier one's response when it asked again."""
    had, has = earlier.acknowledged, later.acknowledged
    return bool(had and has) and distance(has, had) <= 0


def _length(head: Head) -> int | None:
    """Bytes of the message in the stream, where all are known."""
    message = head.message
    if message.end is None or message.body_bytes is None or message.cut or head.fault:
        return None
    length = message.header_bytes + message.body_bytes
    return length if length < _NEAR else None

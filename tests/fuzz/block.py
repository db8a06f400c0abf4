"""Harness: bytes through the parser of header blocks; the first two bytes say how it is called.

What holds whatever the bytes are: nothing is raised but `BlockError`; what is told stood in the
block, in that order; the same bytes tell the same; a message written down again tells itself; and
of a block that broke off nothing is told that the whole block does not tell.
"""

import re

from shipper.contract.exchange import Message, Request, Response
from shipper.http.block import Head, parse_block
from shipper.http.startline import BlockError, is_token

LONGEST = 16384 + 2


def check(data: bytes) -> None:
    """Raise AssertionError, or what the parser raised."""
    if len(data) < 2:
        return
    how, place, raw = data[0], data[1], data[2:]
    whole, cut = bool(how & 1), bool(how & 2)
    head = _parsed(raw, whole=whole, cut=cut)
    again = _parsed(raw, whole=whole, cut=cut)
    assert _told(head) == _told(again)
    if head is None:
        return
    _facts(head, raw, cut=cut)
    _order(head.message, raw)
    if whole and not cut:
        _written_again(head)
        _broken_off(head, raw[: len(raw) * place // 256])


def _parsed(raw: bytes, *, whole: bool, cut: bool = False) -> Head | None:
    try:
        return parse_block(raw, whole=whole, cut=cut)
    except BlockError:
        return None


def _told(head: Head | None) -> object:
    if head is None:
        return None
    return (head.message, head.anomalies, head.content_length, head.chunked)


def _facts(head: Head, raw: bytes, *, cut: bool) -> None:
    message = head.message
    assert head.raw == raw
    assert message.header_bytes == len(raw)
    assert message.cut is cut
    assert len(set(head.anomalies)) == len(head.anomalies)
    assert head.content_length is None or 0 <= head.content_length < 10**18
    if isinstance(message, Request):
        assert message.method
        assert is_token(message.method) is ("invalid_method" not in head.anomalies)
    if isinstance(message, Response) and message.status is not None:
        assert 0 <= message.status <= 999
    for name, value in message.headers:
        assert is_token(name)
        assert value == value.strip(" \t")
        assert "\n" not in value


def _order(message: Message, raw: bytes) -> None:
    """Names, and the parts of values that no fold divides, stand in the block in this order."""
    start = [message.method, message.target] if isinstance(message, Request) else []
    pieces = [*start, *([message.version] if message.version else [])]
    for name, value in message.headers:
        pieces += [name, *re.split("[ \t]+", value)]
    at = 0
    for piece in pieces:
        found = raw.find(piece.encode("latin-1"), at)
        assert found >= 0, f"{piece!r} is told, but not in the block behind byte {at}"
        at = found + len(piece)


def _written_again(head: Head) -> None:
    """A message whose start line is as it should be, in the one usual form, is the same message.

    What is odd about the spelling goes, what is odd about the sense stays.
    """
    message, start = head.message, ""
    if isinstance(message, Request) and re.fullmatch(r"[!-~]+", message.target):
        start = f"{message.method} {message.target} HTTP/{message.version}"
    elif isinstance(message, Response) and message.status is not None:
        start = f"HTTP/{message.version} {message.status:03} {message.reason}"
    lines = [start, *(f"{name}: {value}" for name, value in message.headers)]
    if message.version not in {"1.0", "1.1"} or not start or any("\r" in line for line in lines):
        return
    block = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
    again = _parsed(block, whole=True)
    assert again is not None
    assert set(again.anomalies) <= set(head.anomalies)
    again.message.header_bytes = message.header_bytes
    assert again.message == message


def _broken_off(head: Head, begun: bytes) -> None:
    part = _parsed(begun, whole=False)
    if part is None or b"\n" not in begun.lstrip(b"\r\n"):  # the first line itself broke off
        return
    message, told = head.message, part.message
    assert type(told) is type(message)
    if isinstance(message, Request) and isinstance(told, Request):
        assert (told.method, told.target) == (message.method, message.target)
    assert told.version == message.version
    assert [name for name, _ in told.headers] == [
        name for name, _ in message.headers[: len(told.headers)]
    ]
    # The last one may lack its folded lines.
    assert told.headers[:-1] == message.headers[: max(0, len(told.headers) - 1)]
    for _, value in told.headers[-1:]:
        assert message.headers[len(told.headers) - 1][1].startswith(value)

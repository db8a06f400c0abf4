r"""A header block's bytes in, a parsed head out (RFC 9112). Raises nothing but `BlockError`.

Rules:
- A line ends with CRLF; a bare LF is taken for one (section 2.2) and named `bare_lf`. A CR that
  no LF follows ends nothing: it stays in the text and is named `bare_cr`.
- Empty lines before the start line are skipped (section 2.2). The first empty line behind it ends
  the block, and what follows is ignored. A line of nothing but CRs is empty too.
- Of a block that is not whole (cut, or broken off by a gap or the connection's end) the complete
  lines count; the partial last line is dropped. Only a first line that is itself longer than
  what is taken is kept as far as it goes, because a target of 16 KiB is worth a record; and one
  that goes on behind a CR without a LF, which some peers take for its end, as far as that; and a
  request line up to its version, for there are servers that answer it.

Knows neither events nor connections; the fields of `Head` that are not the parser's are filled in
by those who do.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from shipper.contract.exchange import Incomplete, Message, Request, Response
from shipper.http.contradictions import (
    LONGEST_HOST,
    is_host,
    look_at_request,
    look_at_response,
)
from shipper.http.fields import CONTENT_LENGTH, HOST, Fields, parse_fields
from shipper.http.startline import (
    BlockError,
    Fault,
    cut_start_line,
    parse_start_line,
)

if TYPE_CHECKING:
    from shipper.contract.events import Owner

# All control characters but the tab, which is white space (RFC 5234 appendix B.1).
_CONTROLS: Final = bytes(({*range(0x20)} - {0x09}) | {0x7F})
_WHOLE_VERSIONS: Final = frozenset(("1.0", "1.1"))
_CONTROL_CHARACTER: Final = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")

#: What is longer, in bytes, is not remembered, and no more of it than so much is.
_LONGEST_REMEMBERED: Final = 2048
_REMEMBERED: Final = 512


class Head:
    """A message as far as its header block tells, and what assembly still has to know of it.

    The parser gives `message`, `anomalies` and what the headers say of the body
    (`content_length`, `chunked`). `raw` are the block's bytes, to compare retransmissions with;
    `block_end` is the time of the last one (ns) where the block took several events, else 0.
    `sequence` is the sequence number of the first one, `acknowledged` the number of the next byte
    that the sender expected of its peer by then, 0 if nobody knows.
    `fault` says that the block itself is not whole;
    `until_close` that the body ends with the connection; `gap` that a part of the body was not
    seen; `resumed` that the place had been lost before it. `process` is who the kernel said
    dealt with the connection by then.
    """

    __slots__ = (
        "acknowledged",
        "anomalies",
        "block_end",
        "chunked",
        "content_length",
        "fault",
        "gap",
        "message",
        "process",
        "raw",
        "resumed",
        "sequence",
        "until_close",
    )

    message: Message
    sequence: int
    acknowledged: int

    def __init__(self, message: Message, anomalies: list[str], raw: bytes, fields: Fields) -> None:
        self.message = message
        self.anomalies = anomalies
        self.raw = raw
        self.content_length = fields.length
        self.chunked = fields.chunked
        self.block_end = 0
        self.fault: Incomplete | None = None
        self.until_close = False
        self.gap = False
        self.resumed = False
        self.process: Owner | None = None

    def forget(self) -> None:
        """Let go of what takes room, where no exchange will tell of it."""
        self.raw = b""
        self.message.headers = ()

    @property
    def body_awaited(self) -> bool:
        """Whether the headers promise a body whose end has not been seen."""
        if self.message.end is not None or self.gap:
            return False
        return self.chunked or bool(self.content_length)


class RequestHead(Head):
    """The head of a request, which is its `message` by the name of its type."""

    __slots__ = ("request",)

    def __init__(self, request: Request, anomalies: list[str], raw: bytes, fields: Fields) -> None:
        super().__init__(request, anomalies, raw, fields)
        self.request = request


class ResponseHead(Head):
    """The head of a response, which is its `message` by the name of its type."""

    __slots__ = ("response",)

    def __init__(
        self, response: Response, anomalies: list[str], raw: bytes, fields: Fields
    ) -> None:
        super().__init__(response, anomalies, raw, fields)
        self.response = response


def parse_block(raw: bytes, *, whole: bool = True, cut: bool = False) -> RequestHead | ResponseHead:
    """The head that the bytes of one block tell. Raises `BlockError`.

    `whole` says that the blank line is there; `cut` that the block was longer than is taken.
    """
    anomalies: list[str] = []
    end = raw.find(b"\r\n")
    first = raw[:end].decode("latin-1")
    fields = _usual(raw[end:]) if whole and not cut and end > 0 and first.isprintable() else None
    if fields is not None:
        message = parse_start_line(first, anomalies)
    else:
        message, fields = _parse_odd(raw, anomalies, cut=cut)
    if fields.anomalies:
        anomalies += fields.anomalies
    message.headers = fields.headers
    message.header_bytes = len(raw)
    head: RequestHead | ResponseHead
    if isinstance(message, Request):
        head = RequestHead(message, anomalies, raw, fields)
        host = fields.host
        # As nearly all are: nothing can contradict.
        if (
            fields.seen & ~CONTENT_LENGTH != HOST
            or message.target[:1] != "/"
            or len(host) > LONGEST_HOST
            or not is_host(host)
        ):
            look_at_request(message, fields, anomalies, whole=whole and not cut)
    else:
        head = ResponseHead(message, anomalies, raw, fields)
        if fields.seen:
            look_at_response(message, fields, anomalies)
    if cut:
        message.cut = True
        anomalies.append("oversized_block")
    return head


def _usual(rest: bytes) -> Fields | None:
    """The fields behind a start line, given from its end on; None if anything but a line is odd."""
    return _remembered(rest) if len(rest) <= _LONGEST_REMEMBERED else _behind_start_line(rest)


def _behind_start_line(rest: bytes) -> Fields | None:
    lines = _plain_lines(rest)
    if lines is None:
        return None
    try:
        return parse_fields(lines[1 : lines.index("", 1)])
    except ValueError:  # no blank line
        return None


# On a connection that is kept, requests differ in their first line, and often in nothing else.
_remembered: Final = lru_cache(maxsize=_REMEMBERED)(_behind_start_line)


def _parse_odd(raw: bytes, anomalies: list[str], *, cut: bool) -> tuple[Request | Response, Fields]:
    """The start line and the fields of any block; the message has no headers yet."""
    lines = _plain_lines(raw) or _odd_lines(raw.decode("latin-1"), anomalies)
    first = 0 if lines[0] else _first_line(lines)
    try:
        last = lines.index("", first)
    except ValueError:  # the block broke off inside its last line, which is not taken
        last = len(lines) - 1
    if last > first:
        message = parse_start_line(lines[first], anomalies)
    elif cut:
        message = cut_start_line(lines[first], anomalies)
    else:
        message = _unended_line(lines[first], anomalies)
    return message, parse_fields(lines[first + 1 : last])


def _plain_lines(raw: bytes) -> list[str] | None:
    """The lines of a block; None if it has other control characters than CRLF."""
    lines = raw.decode("latin-1").split("\r\n")
    # The one look at every byte.
    controls = len(raw) - len(raw.translate(None, _CONTROLS))
    return lines if controls == 2 * (len(lines) - 1) else None


def _first_line(lines: list[str]) -> int:
    """Where the first line is that is not empty."""
    for at, line in enumerate(lines):
        if line:
            return at
    raise BlockError(Fault.NO_START_LINE)


def _unended_line(text: str, anomalies: list[str]) -> Request | Response:
    """The message of a block without any line end.

    CRs may stand for them; or all there is is a request line, up to the last digit of its version.
    """
    line, _, more = text.partition("\r")
    message = parse_start_line(line, anomalies)
    ended = more.strip("\r") or (
        isinstance(message, Request) and message.version in _WHOLE_VERSIONS
    )
    if message.version is None or not ended:
        raise BlockError(Fault.NO_START_LINE)
    return message


def _odd_lines(text: str, anomalies: list[str]) -> list[str]:
    """The lines of a block in which there are other control characters than CRLF."""
    lines = text.split("\n")
    trimmed = [line.removesuffix("\r") for line in lines[:-1]]
    if any(len(short) == len(line) for short, line in zip(trimmed, lines, strict=False)):
        anomalies.append("bare_lf")
    if any("\r" in line for line in trimmed) or "\r" in lines[-1][:-1]:
        anomalies.append("bare_cr")
        trimmed = [line if line.strip("\r") else "" for line in trimmed]
    if "\0" in text:
        anomalies.append("nul")
    if _CONTROL_CHARACTER.search(text):
        anomalies.append("control_character")
    return [*trimmed, lines[-1]]

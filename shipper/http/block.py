r"""A header block's bytes in, a parsed head out (RFC 9112). Raises nothing but `BlockError`.

Rules:
- A line ends with CRLF; a bare LF is taken for one (section 2.2) and named `bare_lf`. A CR that
  no LF follows ends nothing: it stays in the text and is named `bare_cr`.
- Empty lines before the start line are skipped (section 2.2). The first empty line behind it ends
  the block, and what follows is ignored. A line of nothing but CRs is empty too.
- Of a block that is not whole (cut, or broken off by a gap or the connection's end) the complete
  lines count; the partial last line is dropped. Only a first line that is itself longer than
  what is taken is kept as far as it goes, because a target of 16 KiB is worth a record; and one
  that goes on behind a CR without a LF, which some peers take for its end, as far as that.

Knows neither events nor connections; the fields of `Head` that are not the parser's are filled in
by those who do.
"""

import re
from typing import Final

from shipper.contract.exchange import Incomplete, Message, Request, Response
from shipper.http.contradictions import (
    LONGEST_HOST,
    is_host,
    look_at_request,
    look_at_response,
)
from shipper.http.fields import CONTENT_LENGTH, HOST, parse_fields
from shipper.http.startline import (
    BlockError,
    Fault,
    cut_start_line,
    parse_start_line,
)

# All control characters but the tab, which is white space (RFC 5234 appendix B.1).
_CONTROLS: Final = bytes(({*range(0x20)} - {0x09}) | {0x7F})
_CONTROL_CHARACTER: Final = re.compile(r"[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


class Head:
    """A message as far as its header block tells, and what assembly still has to know of it.

    The parser gives `message`, `anomalies` and what the headers say of the body
    (`content_length`, `chunked`). `raw` are the block's bytes, to compare retransmissions with;
    `block_end` is the time of the last one (ns) where the block took several events, else 0.
    `sequence` is the sequence number of the first one, `acknowledged` the number of the next byte
    that the sender expected of its peer by then, 0 if nobody knows.
    `fault` says that the block itself is not whole;
    `until_close` that the body ends with the connection; `gap` that a part of the body was not
    seen; `resumed` that the place had been lost before it.
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
        "raw",
        "resumed",
        "sequence",
        "until_close",
    )

    message: Message
    sequence: int
    acknowledged: int

    def __init__(
        self,
        message: Message,
        anomalies: list[str],
        raw: bytes,
        content_length: int | None = None,
        chunked: bool = False,  # noqa: FBT001, FBT002 - by its place, which is faster
    ) -> None:
        self.message = message
        self.anomalies = anomalies
        self.raw = raw
        self.content_length = content_length
        self.chunked = chunked
        self.block_end = 0
        self.fault: Incomplete | None = None
        self.until_close = False
        self.gap = False
        self.resumed = False

    def forget(self) -> None:
        """Let go of what takes room, where no exchange will tell of it."""
        self.raw = b""
        self.message.headers.clear()

    @property
    def body_awaited(self) -> bool:
        """Whether the headers promise a body whose end has not been seen."""
        if self.message.end is not None or self.gap:
            return False
        return self.chunked or bool(self.content_length)


class RequestHead(Head):
    """The head of a request."""

    __slots__ = ()
    message: Request


class ResponseHead(Head):
    """The head of a response."""

    __slots__ = ()
    message: Response


def parse_block(raw: bytes, *, whole: bool = True, cut: bool = False) -> RequestHead | ResponseHead:
    """The head that the bytes of one block tell. Raises `BlockError`.

    `whole` says that the blank line is there; `cut` that the block was longer than is taken.
    """
    text = raw.decode("latin-1")
    anomalies: list[str] = []
    lines = text.split("\r\n")
    # The one look at every byte: CR and LF in pairs, and no other control character.
    if len(raw) - len(raw.translate(None, _CONTROLS)) != 2 * (len(lines) - 1):
        lines = _odd_lines(text, anomalies)
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
    fields = parse_fields(lines[first + 1 : last], message.headers, anomalies)
    length, chunked, seen, host = fields
    head: RequestHead | ResponseHead
    if isinstance(message, Request):
        head = RequestHead(message, anomalies, raw, length, chunked)
        # As nearly all are: nothing can contradict.
        if (
            seen & ~CONTENT_LENGTH != HOST
            or message.target[:1] != "/"
            or len(host) > LONGEST_HOST
            or not is_host(host)
        ):
            look_at_request(message, fields, anomalies, whole=whole and not cut)
    else:
        head = ResponseHead(message, anomalies, raw, length, chunked)
        if seen:
            look_at_response(message, fields, anomalies)
    message.header_bytes = len(raw)
    if cut:
        message.cut = True
        anomalies.append("oversized_block")
    return head


def _first_line(lines: list[str]) -> int:
    """Where the first line is that is not empty."""
    for at, line in enumerate(lines):
        if line:
            return at
    raise BlockError(Fault.NO_START_LINE)


def _unended_line(text: str, anomalies: list[str]) -> Request | Response:
    """The message of a block without any line end, if CRs stand for them."""
    line, _, more = text.partition("\r")
    if not more.strip("\r"):
        raise BlockError(Fault.NO_START_LINE)
    message = parse_start_line(line, anomalies)
    if message.version is None:
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

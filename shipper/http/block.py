r"""A header block's bytes in, a parsed head out (RFC 9112). Raises nothing but `BlockError`.

Rules:
- A line ends with CRLF; a bare LF is taken for one (section 2.2) and named `bare_lf`. A CR that
  no LF follows ends nothing: it stays in the text and is named `bare_cr`.
- Empty lines before the start line are skipped (section 2.2). The first empty line behind it ends
  the block, and what follows is ignored.
- Of a block that is not whole (cut, or broken off by a gap or the connection's end) the complete
  lines count; the partial last line is dropped. Only a request line that is itself longer than
  what is taken is kept as far as it goes, because a target of 16 KiB is worth a record.

Knows neither events nor connections; the fields of `Head` that are not the parser's are filled in
by those who do.
"""

from shipper.contract.exchange import Incomplete, Message, Request, Response
from shipper.http.fields import parse_fields
from shipper.http.startline import (
    BlockError,
    Fault,
    cut_request_line,
    parse_start_line,
)


class Head:
    """A message as far as its header block tells, and what assembly still has to know of it.

    The parser gives `message`, `anomalies` and what the headers say of the body
    (`content_length`, `chunked`). `raw` are the block's bytes, to compare retransmissions with;
    `block_end` is the time of the last one (ns) where the block took several events, else 0.
    `fault` says that the block itself is not whole;
    `until_close` that the body ends with the connection; `gap` that a part of the body was not
    seen; `resumed` that the place had been lost before it.
    """

    __slots__ = (
        "anomalies",
        "block_end",
        "chunked",
        "content_length",
        "fault",
        "gap",
        "message",
        "raw",
        "resumed",
        "until_close",
    )

    message: Message

    def __init__(self, message: Message, anomalies: list[str], raw: bytes) -> None:
        self.message = message
        self.anomalies = anomalies
        self.raw = raw
        self.content_length: int | None = None
        self.chunked = False
        self.block_end = 0
        self.fault: Incomplete | None = None
        self.until_close = False
        self.gap = False
        self.resumed = False

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
    breaks = len(lines) - 1
    if text.count("\n") != breaks or text.count("\r") != breaks or "\0" in text:
        lines = _odd_lines(text, anomalies)
    first = 0
    if not lines[0]:
        first = next((at for at, line in enumerate(lines) if line), -1)
        if first < 0:
            raise BlockError(Fault.NO_START_LINE)
    last = _end_of_lines(lines, first, whole=whole)
    if last > first:
        message = parse_start_line(lines[first], anomalies)
    elif cut:
        message = cut_request_line(lines[first], anomalies)
    else:
        raise BlockError(Fault.NO_START_LINE)
    head: RequestHead | ResponseHead = (
        RequestHead(message, anomalies, raw)
        if isinstance(message, Request)
        else ResponseHead(message, anomalies, raw)
    )
    head.content_length, head.chunked = parse_fields(
        lines[first + 1 : last], message.headers, anomalies
    )
    message.header_bytes = len(raw)
    message.cut = cut
    return head


def _end_of_lines(lines: list[str], first: int, *, whole: bool) -> int:
    """Where the block's lines end: at its blank line, or before its partial last line."""
    if whole:
        try:
            return lines.index("", first)
        except ValueError:
            pass
    return len(lines) - 1


def _odd_lines(text: str, anomalies: list[str]) -> list[str]:
    """The lines of a block in which line ends or NUL are not as they should be."""
    lines = text.split("\n")
    trimmed = [line.removesuffix("\r") for line in lines[:-1]]
    if any(len(short) == len(line) for short, line in zip(trimmed, lines, strict=False)):
        anomalies.append("bare_lf")
    if any("\r" in line for line in trimmed):
        anomalies.append("bare_cr")
    if "\0" in text:
        anomalies.append("nul")
    return [*trimmed, lines[-1]]

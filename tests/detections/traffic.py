"""An exchange as one would write it down in; the record that the agent makes of it out.

The bytes go through the agent's own parser, redaction and record builder; only the kernel and the
delivery are left out. A line stands for an exchange where its headers are the usual ones:

    GET /search?q=shipper 200
"""

import ipaddress
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from shipper.contract.events import Direction, Event, Flag, Hook, Kind, Stream
from shipper.http import Assembler
from shipper.record import Identity, RecordBuilder, RecordSettings

Json = dict[str, Any]

MS = 1_000_000
#: The first exchange; each one after it comes a second later unless it says otherwise.
BEGIN = 1_767_225_600_000_000_000  # 2026-01-01T00:00:00Z
SECOND = 1_000 * MS
SERVER = "198.51.100.4"
_CLIENT, _SERVER = 0, 1
_WHOLE = Flag.START | Flag.END | Flag.MESSAGE_END
_HEADERS = ("Host: shop.example", "User-Agent: curl/8.5.0", "Accept: */*")
_IDENTITY = Identity(
    agent_id="agent-1",
    ephemeral_id="0b0c6d5e-8a5f-4b57-8e0e-6a9d3c1f2b44",
    worker=0,
    version="0.1.0",
    host_name="web-1",
)


@dataclass(frozen=True)
class Seen:
    """One exchange. `at`: seconds after the first; `before`: what came before the first request.

    `after`: what the client sends behind its header block; `odd`: what the kernel calls that.
    """

    request: str
    status: int | None = 200
    client: str = "203.0.113.9"
    headers: tuple[str, ...] = _HEADERS
    answer: tuple[str, ...] = ("Content-Length: 5",)
    at: float | None = None
    duration_ms: int = 12
    body: int = 0
    before: bytes = b""
    after: bytes = b""
    odd: Flag | None = None
    server: str = SERVER

    @classmethod
    def read(cls, written: str | Mapping[str, Any]) -> "Seen":
        """From a line, or from what says more: `request`, and the fields above by their names.

        `headers` replace the usual ones; `with` adds to them.
        """
        if isinstance(written, str):
            written = {"request": written}
        said = dict(written)
        line, _, status = said.pop("request").rpartition(" ")
        headers = tuple(said.pop("headers", _HEADERS)) + tuple(said.pop("with", ()))
        for raw in ("before", "after"):
            if raw in said:
                said[raw] = said[raw].encode("latin-1")
        if "odd" in said:
            said["odd"] = Flag[said["odd"]]
        return cls(line, None if status == "-" else int(status), headers=headers, **said)


def records(exchanges: Iterable[Seen]) -> Iterator[Json]:
    """Their records, numbered from 0, as they stand in the topic."""
    builder = RecordBuilder(RecordSettings(), _IDENTITY)
    for number, seen in enumerate(exchanges):
        assembler = Assembler()
        at = BEGIN + int((number if seen.at is None else seen.at) * SECOND)
        found = [one for event in _events(seen, number, at) for one in assembler.feed(event)]
        (exchange,) = found + assembler.close()
        record = builder.build(exchange, 0, at + SECOND)
        yield json.loads(builder.encode(record, number).value)


def sent(seen: Seen) -> bytes:
    """What the client sends."""
    return seen.before + _asked(seen) + seen.after


def answered(seen: Seen) -> bytes:
    """The header block of the answer; nothing where there is none."""
    return b"" if seen.status is None else _block(f"HTTP/1.1 {seen.status} ", seen.answer)


def _events(seen: Seen, number: int, at: int) -> Iterator[Event]:
    """What the kernel would tell of it: both header blocks, each with the end of its message."""
    asked = _event(seen, _CLIENT)._replace(flow=number, time=at)
    if seen.before:
        flags = asked.flags & ~Flag.MESSAGE_END | Flag.PROXY
        yield asked._replace(flags=flags, data=seen.before)
    yield asked._replace(
        sequence=asked.sequence + len(seen.before),
        flags=asked.flags | (seen.odd or 0),
        body_bytes=seen.body,
        data=_asked(seen),
    )
    if block := answered(seen):
        then = at + seen.duration_ms * MS
        yield _event(seen, _SERVER)._replace(flow=number, time=then, body_bytes=5, data=block)


def _asked(seen: Seen) -> bytes:
    """The request's header block."""
    return _block(f"{seen.request} HTTP/1.1", seen.headers)


def _block(line: str, headers: Iterable[str]) -> bytes:
    return "".join(f"{one}\r\n" for one in (line, *headers, "")).encode("latin-1")


def _event(seen: Seen, side: int) -> Event:
    """A whole header block of that side, with nothing in it yet."""
    ends = ((_address(seen.client), 40_000), (_address(seen.server), 80))
    source, destination = ends if side == _CLIENT else ends[::-1]
    return Event(
        kind=Kind.HEADER,
        stream=Stream.TCP,
        hook=Hook.CGROUP,
        direction=Direction.INGRESS if side == _CLIENT else Direction.EGRESS,
        side=side,
        reason=0,
        flags=int(_WHOLE | (Flag.REQUEST if side == _CLIENT else Flag.RESPONSE)),
        interface=3,
        time=0,
        cookie=11,
        cgroup=12,
        flow=0,
        sequence=1000,
        until=0,
        body_bytes=0,
        scope=0,
        source_port=source[1],
        destination_port=destination[1],
        source=source[0],
        destination=destination[0],
        data=b"",
    )


def _address(text: str) -> bytes:
    """Sixteen bytes, IPv4 as v4-mapped IPv6."""
    address = ipaddress.ip_address(text)
    prefix = bytes(10) + b"\xff\xff" if address.version == 4 else b""
    return prefix + address.packed

"""The traffic of the stage benchmark: invented, always the same, in the forms that stages take.

Many kept-alive connections ask for things that nobody asked for before, by usual browsers; answers
are those of a usual server. So of each request the first line is new and the rest is not, and of
each response the length, the tag and, now and then, the date.
"""

import mmap
import os
import struct
from typing import Final

from shipper.capture.layout import EVENT, VERSION
from shipper.capture.ring import Ring
from shipper.contract.events import Event, Flag, Kind
from shipper.record import Identity

#: Wall-clock time of the first exchange, ns since 1970.
BEGIN: Final = 1_764_000_000_000_000_000
IDENTITY: Final = Identity(
    "7a3c2a90-1111-4222-8333-abcdefabcdef",
    "5d1c7a3e-6f1f-4c39-9d2b-0d7f0f0a1b2c",
    worker=0,
    version="1.0",
    host_id="5f3c2a90aaaa4bbb8ccc0123456789ab",
    host_name="web-1",
    observer_name="web-1",
)

_CONNECTIONS: Final = 100
_EACH_NS: Final = 200_000  # 5,000 a second
_SIZES: Final = 50
_AGENTS: Final = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Safari/605.1.15",
    "curl/7.88.1",
)
# As plain numbers, which is what comes out of a ring.
_WHOLE: Final = int(Flag.START | Flag.END | Flag.MESSAGE_END)
_REQUEST: Final = int(Flag.REQUEST)
_RESPONSE: Final = int(Flag.RESPONSE)
_MAPPED: Final = bytes(10) + b"\xff\xff"
_SERVER: Final = _MAPPED + b"\x0a\0\1\1"
_PAGE: Final = mmap.PAGESIZE
_HEAD: Final = struct.Struct("=II")  # length and page offset of a ring's record


def _request(number: int, connection: int) -> bytes:
    return (
        f"GET /static/item/{number:08d}/main.css?page={number % 7} HTTP/1.1\r\n"
        f"Host: www.example.org\r\nUser-Agent: {_AGENTS[connection % len(_AGENTS)]}\r\n"
        "Accept: text/html,application/xhtml+xml\r\nAccept-Language: en-US,en;q=0.5\r\n"
        "Accept-Encoding: gzip, deflate, br\r\nConnection: keep-alive\r\n\r\n"
    ).encode()


def _response(number: int, body: int) -> bytes:
    second = number // 500 % 60
    return (
        "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\n"
        f"Date: Mon, 23 Nov 2026 00:06:{second:02d} GMT\r\nContent-Type: text/html\r\n"
        f"Content-Length: {body}\r\nLast-Modified: Sun, 22 Nov 2026 09:00:00 GMT\r\n"
        f'Connection: keep-alive\r\nETag: "5f3c2a90-{body:x}"\r\nAccept-Ranges: bytes\r\n\r\n'
    ).encode()


def events(count: int) -> list[Event]:
    """The two events of each of so many exchanges, in order."""
    made: list[Event] = []
    places = dict.fromkeys(range(_CONNECTIONS), (1000, 5000))
    for number in range(count):
        connection = number % _CONNECTIONS
        asked, answered = places[connection]
        body = 1000 + number % _SIZES
        request, response = _request(number, connection), _response(number, body)
        places[connection] = asked + len(request), answered + len(response) + body
        first = Event(
            kind=int(Kind.HEADER),
            stream=1,
            hook=1,
            direction=1,
            side=0,
            reason=0,
            flags=_WHOLE | _REQUEST,
            interface=2,
            time=number * _EACH_NS,
            cookie=77 + connection,
            cgroup=9000,
            flow=(connection + 1) * 7919,
            sequence=asked,
            until=0,
            body_bytes=0,
            scope=0,
            source_port=40_000 + connection,
            destination_port=80,
            source=_MAPPED + bytes((10, 0, 0, connection)),
            destination=_SERVER,
            data=request,
        )
        second = first._replace(
            direction=2,
            side=1,
            flags=_WHOLE | _RESPONSE,
            time=first.time + _EACH_NS // 4,
            sequence=answered,
            until=asked + len(request),
            body_bytes=body,
            source_port=80,
            destination_port=first.source_port,
            source=_SERVER,
            destination=first.source,
            data=response,
        )
        made += [first, second]
    return made


def ring(given: list[Event]) -> Ring:
    """A ring as the kernel would have filled it; its `size` is a power of two."""
    written = bytearray()
    for event in given:
        *fields, data, _ = event
        length = EVENT.size + len(data)
        written += _HEAD.pack(length, 0)
        written += EVENT.pack(VERSION, *fields, bytes(64), len(data)) + data
        written += bytes(-len(written) % 8)
    size = 1 << max(len(written) - 1, _PAGE).bit_length()
    descriptor = os.memfd_create("ring")
    os.truncate(descriptor, 2 * _PAGE + 2 * size)
    os.pwrite(descriptor, len(written).to_bytes(8, "little"), _PAGE)
    os.pwrite(descriptor, written, 2 * _PAGE)
    return Ring(descriptor, size)

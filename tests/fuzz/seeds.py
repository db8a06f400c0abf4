"""What fuzzing began with: `python -m fuzz.seeds FOLDER` writes it, one folder for each harness.

Header blocks of the captures beside the checkout and oddities made by hand; events of connections
as they are and as they should not be; PROXY protocol headers; files of the spool.
`-merge=1` of `fuzz.target` takes from these into the corpus what shows the parsers anything new.
"""

import hashlib
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from fuzz.events import BLOCKS, Step, written
from shipper.capture.capture_file import CaptureFile
from shipper.contract.events import Flag, FlowEnd
from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.spool.frames import MARK, Encoder

_CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
_BLOCK = re.compile(
    rb"(?:HTTP/1\.[01] \d|[A-Z]{3,9} [^\r\n]* HTTP/1\.[01]).*?(?:\r?\n\r?\n|\Z)", re.DOTALL
)
_WHOLE, _BROKEN_OFF, _CUT = b"\x01\x80", b"\x00\x80", b"\x02\x80"

ODD_BLOCKS = (
    *BLOCKS,
    b"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET  /  HTTP/1.1 \r\nHost : a\r\n\r\n",
    b"GET\t/\x0bHTTP/1.1\r\n\r\n",
    b"GET / HTTP/1.1\r\n fold: first\r\nA: b\r\n\tc\r\n  \r\n d\r\n\r\n",
    b"GET / HTTP/1.1\r\nA: b\rc\r\nN: \0\r\n\r\n",
    b"GET / HTTP/1.1\nA: b\r\n\nrest: of it\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
    b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\ntransfer-encoding: , ,\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nhost: b\r\n: no name\r\nno colon\r\nsp ace: x\r\n\r\n",
    b"GET HTTP/1.1\r\n\r\n",
    b"GET /a b HTTP/1.1\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET / HTTP/\r\n\r\n",
    b"GET / HTTP/1.1 x\r\n\r\n",
    b"HTTP/1.1  200  OK\r\n\r\n",
    b"HTTP/1.1 200\r\n\r\n",
    b"HTTP/1.1\r\n\r\n",
    b"HTTP/ 200 OK\r\n\r\n",
    b"HTTP/1.1 2x0 OK\r\n\r\n",
    b"GET /" + b"a" * 200,
    b"GET / HTTP/1.1\r\nA: " + b"\xe4\xff\x80" + b"\r\n\r\n",
)

PROXY_HEADERS = (
    b"PROXY UNKNOWN\r\n",
    b"PROXY UNKNOWN ffff::1 ffff::2 65535 1\r\n",
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1000 80\r\n",
    b"PROXY TCP4 010.0.0.1 10.0.0.2 01000 80\r\n",
    b"PROXY TCP4 10.0.0.1 10.0.0.2 1000 65536\r\n",
    b"PROXY TCP6 2001:db8::1 ::ffff:1.2.3.4 1000 80\r\n",
    b"PROXY TCP6 fe80::1%eth0 ::2 1000 80\r\n",
    b"PROXY TCP4 ::1 ::2 1000 80\r\n",
    *(
        b"\r\n\r\n\0\r\nQUIT\n" + bytes([command, family]) + len(rest).to_bytes(2) + rest
        for command, family, rest in (
            (0x20, 0x00, b""),
            (0x20, 0x11, b"ignored"),
            (0x21, 0x00, b"\x04\0\x01x"),
            (0x21, 0x11, bytes(12)),
            (0x21, 0x12, bytes(12) + b"\x03\0\x04abcd"),
            (0x21, 0x21, bytes(36)),
            (0x21, 0x31, bytes(216)),
            (0x21, 0x31, bytes(20)),
            (0x21, 0x13, bytes(12)),
            (0x22, 0x11, bytes(12)),
            (0x31, 0x11, bytes(12)),
            (0x21, 0x11, bytes(4)),
            (0x21, 0x41, bytes(40)),
        )
    ),
)

_GET, _POST, _OK, _NO_CONTENT, _CONTINUE, _SWITCH, _CHUNKED, _UNTIL_CLOSE = BLOCKS[:8]
_ASKS, _ANSWERS = Flag.REQUEST, Flag.RESPONSE
_BLOCK_FLAGS = Flag.START | Flag.END


def _header(side: int, data: bytes, flags: int = _BLOCK_FLAGS, **more: Any) -> Step:  # noqa: ANN401 - any field
    role = _ANSWERS if side else _ASKS
    start = Step(what=0, side=side, flow=0, time=1, flags=int(flags | role), delta=0, number=0)
    return start._replace(**more)._replace(data=data)


def _other(what: int, side: int = 0, **more: Any) -> Step:  # noqa: ANN401 - any field
    plain = Step(what=what, side=side, flow=0, time=1, flags=0, delta=0, number=0)
    return plain._replace(**more)


def _ask(data: bytes = _GET, flags: int = 0, **more: Any) -> Step:  # noqa: ANN401 - any field
    return _header(0, data, _BLOCK_FLAGS | Flag.MESSAGE_END | flags, **more)


def _answer(data: bytes = _OK, flags: int = 0, **more: Any) -> Step:  # noqa: ANN401 - any field
    return _header(1, data, _BLOCK_FLAGS | flags, **more)


def sessions() -> Iterator[list[Step]]:
    """Connections, usual and unusual."""
    end, fin = _other(4, 1, number=5), _other(5, number=FlowEnd.FIN)
    yield [_ask(), _answer(), end, _ask(_POST), _answer(_NO_CONTENT), fin]
    yield [_ask(), _ask(), _ask(), _answer(), end, _answer(_NO_CONTENT), _answer(_CHUNKED), end]
    yield [_ask(_POST), _answer(_CONTINUE), _answer(_CONTINUE), _answer(_OK), end]
    yield [_ask(BLOCKS[9]), _answer(_OK), _other(5, number=FlowEnd.TUNNEL)]
    yield [_ask(), _answer(_SWITCH), _other(5, number=FlowEnd.TUNNEL)]
    yield [_ask(), _answer(_UNTIL_CLOSE, Flag.UNTIL_CLOSE), fin]
    pieces = [_header(0, BLOCKS[17], Flag.START), _header(0, BLOCKS[18], 0)]
    yield [*pieces, _header(0, BLOCKS[19], Flag.END), _answer(), end]
    yield [*pieces, _other(6, number=40), _answer(), end]
    yield [*pieces, _answer(), end, fin]
    yield [*pieces, _other(5, number=FlowEnd.EVICTED)]
    yield [*pieces, _header(0, _GET, delta=90), _answer(), _other(3 + 2, number=FlowEnd.TWIN)]
    yield [_ask(), _header(0, _GET[:20], Flag.OVERLAP, delta=-38), _answer()]
    yield [_ask(), _header(0, _POST[:20], Flag.OVERLAP, delta=-38), _answer()]
    yield [*pieces, _header(0, b"XXXX", Flag.OVERLAP, delta=-10), _header(0, b"\r\n\r\n", Flag.END)]
    yield [_header(0, BLOCKS[14], _BLOCK_FLAGS | Flag.PROXY), _ask(), _answer(), end]
    yield [_header(0, BLOCKS[16], _BLOCK_FLAGS | Flag.PROXY), _ask(), _answer(), fin]
    yield [_header(0, BLOCKS[15], _BLOCK_FLAGS | Flag.PROXY | Flag.CUT), _answer()]
    simple = _answer(b"", Flag.UNTIL_CLOSE | Flag.SIMPLE)
    yield [_ask(BLOCKS[11]), simple, end, fin]
    yield [_header(0, BLOCKS[11], Flag.START), simple, end, fin]
    yield [_ask(flags=Flag.JUNK), _answer(flags=Flag.JUNK), end]
    yield [_ask(flags=Flag.RESUMED), _ask(flags=Flag.RESUMED), _answer(flags=Flag.RESUMED), end]
    yield [_ask(flags=Flag.LATE), _answer(flags=Flag.LATE), end]
    yield [_ask(flow=flow) for flow in range(4)] + [_answer(flow=flow) for flow in range(4)]
    yield [_ask(), _other(4, 1, time=2), _ask(time=2), _answer(time=3), end]
    yield [_ask(BLOCKS[23]), _answer(BLOCKS[10]), _answer(), _other(7, number=9), fin]
    yield [_answer(), _ask(), _answer(), _header(0, _OK), _header(1, _GET)]
    yield [_ask()] * 5 + [_answer(_NO_CONTENT)] * 6


def seeds() -> Iterator[tuple[str, bytes]]:
    """Each input with the name of its harness."""
    for block in (*ODD_BLOCKS, *captured()):
        yield "block", _WHOLE + block
        yield "block", _BROKEN_OFF + block[: len(block) * 2 // 3]
    yield from (("block", _CUT + block[:300]) for block in ODD_BLOCKS)
    yield from (("assembly", written(session)) for session in sessions())
    for file in spools():
        for portion, mended in ((0, 0), (255, 0), (40, 255)):
            yield "spool", bytes([portion, mended]) + file
    for header in PROXY_HEADERS:
        yield "proxy", b"\0" + header
        yield "proxy", b"\xff" + header[:-2]


def spools() -> Iterator[bytes]:
    """Files of the spool, whole and damaged."""
    plain = EncodedRecord("t", b"k", b"{}", 1, (), b"", 0)
    headed = plain._replace(headers=(("n", b"\xff"), ("m", b"")), sequence=1, partition_key=b"p")
    frames = [
        Encoder().encode(record, position, 0)
        for position, record in enumerate((plain, headed, plain._replace(sequence=UNNUMBERED)))
    ]
    yield b""
    yield from frames
    yield b"".join(frames)
    yield b"".join(frames)[:-9]
    yield frames[0] + b"rubbish" + frames[1]
    yield frames[0][:40] + frames[1]
    yield frames[1].replace(b"p", MARK) + frames[0]
    yield frames[0].replace(b'"t"', b"[1]")
    yield MARK * 20


def captured() -> Iterator[bytes]:
    """What looks like a header block in the packets of the captures, the same one once."""
    seen = set()
    for path in sorted(_CAPTURES.glob("*.pcap")):
        with CaptureFile(path) as capture:
            for frame in capture:
                for found in _BLOCK.findall(bytes(frame.data)):
                    block = found[:1000]
                    if block not in seen:
                        seen.add(block)
                        yield block


def main() -> None:
    """Write them, each under the hash of its bytes."""
    folder = Path(sys.argv[1])
    for harness, data in seeds():
        path = folder / harness / hashlib.sha1(data, usedforsecurity=False).hexdigest()
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


if __name__ == "__main__":
    main()

"""A plan in, exchanges as they are sent out, and beside each what has to be told of it.

What is expected is written down while the bytes are made, and never read back from them: no parser
of ours has a part in it.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple

from shipper.contract.exchange import Exchange

from . import chance as make

_VERSIONS: Final = (b"1.1", b"1.1", b"1.1", b"1.0")
_BODILESS: Final = {"no_content": 204, "not_modified": 304}
#: how an answer may end the last exchange, and no other
LAST: Final = ("until_close", "connect", "upgrade")
#: longest header block that is made: `capture.max_block` is 16384
LONGEST_BLOCK: Final = 16000


@dataclass(frozen=True, slots=True)
class Shape:
    """What one exchange is to be like; the rest is chance, of which `seed` is the beginning.

    `asks`: "bare", "length" or "chunked". `answers`: the same, or "head", "no_content",
    "not_modified", and for the last exchange one of `LAST`. `pipelined`: asked without waiting for
    what was asked before. `early`: answered before the request's body is there. `expect`: its body
    waits for a 100. `astray`: bodies look like HTTP. `large`: bytes of one header and of the
    bodies. `odd_method`: one that no registry holds. `rich`: any fields, targets and reasons,
    rather than the fewest.
    """

    seed: int = 0
    asks: str = "bare"
    answers: str = "length"
    pipelined: bool = False
    early: bool = False
    expect: bool = False
    astray: bool = False
    odd_method: bool = False
    interim: int = 0
    large: int = 0
    rich: bool = False


@dataclass(frozen=True, slots=True)
class Written:
    """A message as it is sent; `lead` are empty lines before it (RFC 9112 section 2.2)."""

    block: bytes
    body: bytes
    version: bytes
    fields: list[make.Field]
    lead: bytes = b""


@dataclass(frozen=True, slots=True)
class Sent:
    """An exchange as it is sent. `interim` are the 1xx responses before the response.

    `odd`: the names of what is odd about it, on purpose.
    """

    shape: Shape
    method: bytes
    target: bytes
    status: int
    reason: bytes
    request: Written
    response: Written
    interim: list[tuple[int, bytes]] = field(default_factory=list)
    odd: frozenset[str] = frozenset()


class Told(NamedTuple):
    """Everything of an exchange that can be known beforehand."""

    number: int
    method: str
    target: str
    request_version: str | None
    request_headers: list[tuple[str, str]]
    request_header_bytes: int
    request_body_bytes: int | None
    status: int | None
    reason: str
    response_version: str | None
    response_headers: list[tuple[str, str]]
    response_header_bytes: int
    response_body_bytes: int | None
    interim: tuple[int, ...]
    anomalies: frozenset[str] = frozenset()
    remarks: tuple[object, ...] = ((), False, False)  # incomplete, joined late, resumed


def told(exchange: Exchange) -> Told | Exchange:
    """What came out, in the same words; itself if it is not both request and response."""
    request, response = exchange.request, exchange.response
    if request is None or response is None or request.cut or response.cut:
        return exchange
    return Told(
        exchange.number,
        request.method,
        request.target,
        request.version,
        list(request.headers),
        request.header_bytes,
        request.body_bytes,
        response.status,
        response.reason,
        response.version,
        list(response.headers),
        response.header_bytes,
        response.body_bytes,
        response.interim,
        frozenset(exchange.anomalies),
        (exchange.incomplete, exchange.joined_late, exchange.resumed),
    )


def expected(sent: Sent, number: int) -> Told:
    """What has to come out for it."""
    tunnel = sent.shape.answers in {"connect", "upgrade"}
    return Told(
        number,
        sent.method.decode("latin-1"),
        sent.target.decode("latin-1"),
        sent.request.version.decode(),
        _text(sent.request.fields),
        len(sent.request.block),
        len(sent.request.body),
        sent.status,
        sent.reason.decode("latin-1"),
        sent.response.version.decode(),
        _text(sent.response.fields),
        len(sent.response.block),
        0 if tunnel else len(sent.response.body),
        tuple(code for code, _ in sent.interim),
        sent.odd,
    )


def exchange(shape: Shape, number: int, *, last: bool) -> Sent:
    """The exchange of a shape. Its number stands in a header of both messages."""
    chance = Random(f"{shape.seed} {number}")
    marker = b"exchange-%d-" % number
    answers = shape.answers if last or shape.answers not in LAST else "length"
    method = _method(chance, shape, answers, first=not number)
    host, target = b"a.example", b"/" + marker
    if method == b"CONNECT":
        target = make.authority(chance)
    elif method == b"OPTIONS" and chance.random() < 0.3:
        target = b"*"
    elif shape.rich:
        host, target = make.target(chance, marker)
    asks = "bare" if answers in {"connect", "upgrade"} else shape.asks
    more = [(b"X-Exchange", marker), (make.spelled(chance, b"Host"), host)]
    if shape.expect:
        more.append((b"Expect", b"100-continue"))
    request = _message(chance, shape, asks, (b"%b %b HTTP/" % (method, target), b""), more)
    status = _status(chance, answers)
    reason = make.text(chance, 60) if shape.rich else b"OK"
    response = _message(chance, shape, answers, (b"HTTP/", b" %d %b" % (status, reason)), more[:1])
    interim = [_interim(chance) for _ in range(shape.interim)]
    if shape.expect:
        interim.insert(0, (100, b"HTTP/1.1 100 Continue\r\n\r\n"))
    odd = _odd(method, target)
    return Sent(shape, method, target, status, reason, request, response, interim, odd)


def _odd(method: bytes, target: bytes) -> frozenset[str]:
    """The anomalies that a request line is to have."""
    odd = set()
    if method.decode() not in (*make.METHODS, "HEAD", "CONNECT"):
        odd.add("unregistered_method")
    if not target.isascii():
        odd.add("non_ascii_target")
    return frozenset(odd)


def _method(chance: Random, shape: Shape, answers: str, *, first: bool) -> bytes:
    if answers == "head":
        return b"HEAD"
    if answers == "connect":
        return b"CONNECT"
    if shape.odd_method and not first:
        return make.token(chance, 20)
    return chance.choice((b"GET", b"POST", chance.choice(make.METHODS).encode()))


def _status(chance: Random, answers: str) -> int:
    if answers in _BODILESS:
        return _BODILESS[answers]
    if answers == "upgrade":
        return 101
    if answers == "connect":
        return chance.choice((200, 200, 299))
    status = chance.choice((200, 200, 404, 500, chance.randint(200, 599)))
    return 200 if status in _BODILESS.values() else status


def _interim(chance: Random) -> tuple[int, bytes]:
    status = chance.choice((100, 102, 103, 199))
    lines = [make.line(chance, make.field(chance)) for _ in range(chance.randint(0, 2))]
    return status, b"HTTP/1.1 %d %b\r\n%b\r\n" % (status, make.text(chance, 20), b"".join(lines))


def _message(
    chance: Random,
    shape: Shape,
    framing: str,
    line: tuple[bytes, bytes],
    more: list[make.Field],
) -> Written:
    """A message; `line` is its start line before and behind the number of the version."""
    start, rest = line
    # Version 1.0 knows no chunks (RFC 9112 section 6.1).
    version = b"1.1" if framing in {"chunked", "head"} else chance.choice(_VERSIONS)
    size = shape.large or chance.choice((0, 1, 7, 40, 40, 200, 600) if shape.rich else (0, 3))
    content = make.content(chance, size, astray=shape.astray)
    fields: list[make.Field] = []
    if shape.rich:
        fields = [make.field(chance) for _ in range(chance.choice((0, 1, 3, 3, 6, 12)))]
    if shape.large and chance.random() < 0.5:
        fields.append(make.field(chance, size=min(shape.large, LONGEST_BLOCK - 4000)))
    body, framed = _framing(chance, framing, content)
    for one in more + framed:
        fields.insert(chance.randint(0, len(fields)), one)
    lines = b"".join(make.line(chance, one) for one in fields)
    lead = b"\r\n" if not rest and chance.random() < 0.03 else b""
    return Written(start + version + rest + b"\r\n" + lines + b"\r\n", body, version, fields, lead)


def _framing(chance: Random, framing: str, content: bytes) -> tuple[bytes, list[make.Field]]:
    """The body as it is sent, and the fields that say how long it is."""
    if framing == "head":  # what a GET would have had: none of it is sent
        framing = chance.choice(("bare", "length", "chunked"))
        return b"", _framing(chance, framing, content)[1]
    if framing == "not_modified" and chance.random() < 0.5:
        return b"", [(make.spelled(chance, b"Content-Length"), b"%d" % len(content))]
    if framing == "length":
        zeros = b"00" if chance.random() < 0.05 else b""
        name = make.spelled(chance, b"Content-Length")
        return content, [(name, zeros + b"%d" % len(content))]
    if framing == "chunked":
        coding = make.spelled(chance, chance.choice((b"chunked", b"chunked", b"gzip, chunked")))
        return make.chunks(chance, content), [(make.spelled(chance, b"Transfer-Encoding"), coding)]
    return (content, []) if framing == "until_close" else (b"", [])


def _text(fields: list[make.Field]) -> list[tuple[str, str]]:
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]

"""Chance in, the small parts that HTTP/1 messages are made of out (RFC 9110, RFC 9112).

Every function takes the generator that decides, so that a case is a function of its plan. Knows
neither messages nor segments.
"""

from random import Random
from typing import Final

TOKEN: Final = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: IANA's registry of HTTP methods, without PRI, which is HTTP/2's.
METHODS: Final = """
    ACL BASELINE-CONTROL BIND CHECKIN CHECKOUT COPY DELETE GET LABEL LINK LOCK MERGE MKACTIVITY
    MKCALENDAR MKCOL MKREDIRECTREF MKWORKSPACE MOVE OPTIONS ORDERPATCH PATCH POST PROPFIND
    PROPPATCH PUT QUERY REBIND REPORT SEARCH TRACE UNBIND UNCHECKOUT UNLINK UNLOCK UPDATE
    UPDATEREDIRECTREF VERSION-CONTROL
""".split()  # noqa: SIM905 - a list of forty quoted words reads worse

#: Names that are often seen, and names that nearly are those which frame a body.
NAMES: Final = (
    b"Accept", b"Cookie", b"Set-Cookie", b"User-Agent", b"X-Forwarded-For", b"Date", b"Via",
    b"Content-Type", b"Connection", b"ETag", b"Expect-CT", b"C", b"Te", b"Content-Lengthy",
    b"Content-Length-X", b"X-Content-Length", b"Content-Lengt", b"Transfer-Encodin",
    b"Transfer-Encoding-X", b"Transfer-Encodings", b"X-Transfer-Encoding", b"Transfer",
    b"Content-Location", b"Content-Language",
)  # fmt: skip
#: Names that say something to the reader when they come twice, or at all.
_RESERVED: Final = frozenset((b"host", b"content-length", b"transfer-encoding"))

_FIELD: Final = bytes(
    byte if byte in {0x09, *range(0x20, 0x7F), *range(0x80, 0x100)} else 0x20 + byte % 0x40
    for byte in range(256)
)
_VISIBLE: Final = bytes(0x21 + byte % 0x5E for byte in range(256))
_OPAQUE: Final = bytes(
    byte if byte >= 0x80 else 0x21 + byte % 0x5E
    for byte in range(256)
)  # fmt: skip
_SPACES: Final = (b"", b" ", b" ", b" ", b"\t", b"  \t")
_LENGTHS: Final = (0, 1, 2, 5, 12, 12, 30, 30, 60, 120)

#: What a body may hold to lead a reader astray.
LOOKALIKES: Final = (
    b"\r\n\r\n",
    b"\n\n",
    b"0\r\n\r\n",
    b"5\r\nabcde\r\n",
    b"GET /fake HTTP/1.1\r\nHost: fake\r\n\r\n",
    b"POST /fake HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 200 Fake\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 101 Fake\r\n\r\n",
    b"Content-Length: 99\r\nX: fake\r\n",
)

Field = tuple[bytes, bytes]


def token(chance: Random, most: int) -> bytes:
    """A token of 1 to `most` bytes (RFC 9110 section 5.6.2)."""
    return bytes(chance.choices(TOKEN, k=chance.randint(1, most)))


def text(chance: Random, most: int = 1000) -> bytes:
    """Field content (RFC 9110 section 5.5): any bytes but controls, no space at its ends."""
    length = min(most, chance.choice(_LENGTHS))
    return chance.randbytes(length).translate(_FIELD).strip(b" \t")


def spelled(chance: Random, name: bytes) -> bytes:
    """The name in some mixture of cases."""
    how = chance.randrange(4)
    if how == 0:
        return name
    if how == 1:
        return name.lower()
    if how == 2:
        return name.upper()
    return bytes(chance.choice((byte, byte ^ 0x20)) if byte > 0x40 else byte for byte in name)


def field(chance: Random, *, size: int = 0) -> Field:
    """A header field; its value is `size` bytes long if that is given."""
    if chance.random() < 0.5:
        name = spelled(chance, chance.choice(NAMES))
    else:
        name = token(chance, 24)
        if name.lower() in _RESERVED:
            name = b"x"
    if size:
        return name, b"v" + chance.randbytes(size - 2).translate(_FIELD) + b"v"
    if chance.random() < 0.1:
        return name, chance.choice((b"chunked", b"gzip, chunked", b"12", b"0", b": :", b"a\tb"))
    return name, text(chance)


def line(chance: Random, of: Field) -> bytes:
    """A field as it is sent: space around its value is no part of it (RFC 9112 section 5)."""
    before = b" " if chance.random() < 0.7 else chance.choice(_SPACES)
    after = b"" if chance.random() < 0.9 else chance.choice(_SPACES)
    return b"%b:%b%b%b\r\n" % (of[0], before, of[1], after)


def target(chance: Random, marker: bytes) -> tuple[bytes, bytes]:
    """A host, and a target in origin or absolute form (RFC 9112 section 3.2) with the marker."""
    size = chance.choice((0, 3, 20, 20, 80, 400))
    table = _OPAQUE if chance.random() < 0.1 else _VISIBLE
    path = b"/" + marker + chance.randbytes(size).translate(table).replace(b"#", b"%")
    host = chance.choice((b"a.example", b"[::1]:81", b"h:8080", b"192.0.2.7"))
    if chance.random() < 0.2:
        scheme = chance.choice((b"http://", b"HTTP://", b"https://", b"urn+x://"))
        return host, scheme + host + path
    return host, path


def authority(chance: Random) -> bytes:
    """A target in authority form, for CONNECT."""
    host = chance.choice((b"example.org", b"[2001:db8::1]", b"192.0.2.1", b"Z", b"0"))
    return b"%b:%d" % (host, chance.randint(1, 65535))


def content(chance: Random, size: int, *, astray: bool) -> bytes:
    """A body's bytes: about `size` of them; `astray` has some of them look like HTTP."""
    if not astray:
        return chance.randbytes(size).translate(_VISIBLE).lower()
    parts = [chance.choice(LOOKALIKES) for _ in range(chance.randint(1, 4))]
    if chance.random() < 0.5:
        parts.insert(chance.randint(0, len(parts)), chance.randbytes(size))
    return b"".join(parts)


def chunks(chance: Random, body: bytes) -> bytes:
    """The body in chunks, with extensions and trailers (RFC 9112 section 7.1)."""
    out, at = [], 0
    while at < len(body):
        size = min(len(body) - at, chance.choice((1, 2, 9, 16, 100, 300, 2000)))
        part = body[at : at + size]
        out.append(b"%b%b\r\n%b\r\n" % (_size(chance, size), _extension(chance), part))
        at += size
    out.append(b"%b%b\r\n" % (chance.choice((b"0", b"0", b"000")), _extension(chance)))
    trailers = chance.choice((0, 0, 0, 1, 2))
    out += [line(chance, field(chance)) for _ in range(trailers)]
    return b"".join(out) + b"\r\n"


def _size(chance: Random, size: int) -> bytes:
    digits = b"%x" % size
    return chance.choice((digits, digits, digits.upper(), b"00" + digits))


def _extension(chance: Random) -> bytes:
    if chance.random() < 0.7:
        return b""
    name = token(chance, 8)
    return chance.choice(
        (b";" + name, b"; %b=%b" % (name, token(chance, 60)), b' ;%b="\t\\" 0"' % name)
    )

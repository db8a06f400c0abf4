"""A wire-level case: what two sides send, and what is to be told of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .packets import CLIENT, SERVER, Talk

#: One thing that happens on a connection.
Step = Callable[[Talk], None]

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
MISSING = b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

ONE = ("GET / -> 200",)
TWO = ("GET / -> 200", "GET /next -> 404")


@dataclass(frozen=True)
class Case:
    """`told`: the exchanges, a line each. `odd`: anomalies that have to be named."""

    name: str
    steps: tuple[Step, ...]
    told: tuple[str, ...] = ONE
    odd: frozenset[str] = frozenset()
    talk: dict[str, Any] = field(default_factory=dict)
    whole: bool = True  # handshake in front, FIN behind


def client(*pieces: bytes) -> Step:
    """What the client sends, a segment each."""

    def step(talk: Talk) -> None:
        for piece in pieces:
            talk.send(CLIENT, piece)

    return step


def server(*pieces: bytes) -> Step:
    """What the server sends, a segment each."""

    def step(talk: Talk) -> None:
        for piece in pieces:
            talk.send(SERVER, piece)

    return step


def talk_of(case: Case, number: int) -> Talk:
    """The connection of a case, on which nothing was sent yet."""
    return Talk(number, **case.talk)


def build(case: Case, number: int) -> list[bytes]:
    """The frames of the case, on a connection of its own."""
    talk = talk_of(case, number)
    if case.whole:
        talk.open()
    for step in case.steps:
        step(talk)
    if case.whole:
        talk.close()
    return talk.frames


def asked(line: bytes, *headers: bytes) -> bytes:
    """A request block of a request line and header lines."""
    return b"\r\n".join((line, *(headers or (b"Host: a.example",)), b"", b""))


def answered(line: bytes, *headers: bytes, body: bytes = b"hello") -> bytes:
    """A response block of a status line, header lines and the length of its body, and the body."""
    length = b"Content-Length: %d" % len(body)
    return b"\r\n".join((line, *headers, length, b"", body))

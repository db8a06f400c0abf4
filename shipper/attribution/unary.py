"""Calls of gRPC on a Unix socket: one message to a method, one message back.

As https://github.com/grpc/grpc/blob/master/doc/PROTOCOL-HTTP2.md has them. HTTP/2 is h2's, which is
pure Python and asks for no thread: a client library of gRPC takes 18 MB and threads of its own, in
a process that is forked and answers few questions.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)
from h2.exceptions import H2Error

_TIMEOUT: Final = 2.0
_MOST_BYTES: Final = 4 << 20
_AT_ONCE: Final = 64 << 10
#: A flag that says whether the message is compressed, and its length.
_PREFIX: Final = 5
_OK: Final = "0"


class Refused(ValueError):  # noqa: N818 - it is said to a user as it is
    """The server's answer is an error; `code` is gRPC's number of it, in digits."""

    def __init__(self, code: str, said: str) -> None:
        super().__init__(f"it answers {code}: {said}" if said else f"it answers {code}")
        self.code = code


@contextmanager
def connected(path: str) -> Iterator["Connection"]:
    """A connection for some calls. OSError where nobody answers, ValueError for another answer."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
        channel.settimeout(_TIMEOUT)
        channel.connect(path)
        try:
            yield Connection(channel)
        except H2Error as error:
            raise ValueError(f"it does not speak gRPC ({error!r})") from None


class Connection:
    """One call after the other on a socket that is connected."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._http = H2Connection(H2Configuration(header_encoding="utf-8"))
        self._http.initiate_connection()
        greeting = self._exchanged()
        if greeting.startswith(b"HTTP/1."):
            raise ValueError("it speaks HTTP/1, and no gRPC")
        self._http.receive_data(greeting)

    def call(self, method: str, request: bytes) -> bytes:
        """The answer of a method, as in `/package.Service/Method`. Refused: it is an error."""
        http = self._http
        stream = http.get_next_available_stream_id()
        http.send_headers(
            stream,
            [
                (":method", "POST"),
                (":scheme", "http"),
                (":path", method),
                (":authority", "localhost"),
                ("te", "trailers"),
                ("content-type", "application/grpc"),
            ],
        )
        prefix = len(request).to_bytes(_PREFIX, "big")  # its first byte: not compressed
        http.send_data(stream, prefix + request, end_stream=True)
        answer = _Answer()
        while not answer.whole:
            for event in http.receive_data(self._exchanged()):
                if isinstance(event, DataReceived):
                    http.acknowledge_received_data(event.flow_controlled_length, stream)
                answer.take(event)
        return answer.message()

    def _exchanged(self) -> bytes:
        """What comes back once everything that is to be said is said."""
        self._channel.sendall(self._http.data_to_send())
        received = self._channel.recv(_AT_ONCE)
        if not received:
            raise ConnectionResetError("it has hung up")
        return received


class _Answer:
    """What has come of one answer."""

    def __init__(self) -> None:
        self.whole = False
        self._body = bytearray()
        self._said: dict[str, str] = {}

    def take(self, event: Event) -> None:
        """The next thing that happened on the connection."""
        if isinstance(event, DataReceived):
            self._body += event.data
            if len(self._body) > _MOST_BYTES:
                raise ValueError("its answer is too long")
        elif isinstance(event, ResponseReceived | TrailersReceived):
            self._said |= {str(name): str(value) for name, value in event.headers}
        elif isinstance(event, StreamReset | ConnectionTerminated):
            raise ConnectionResetError("it has ended the call")
        elif isinstance(event, StreamEnded):
            self.whole = True

    def message(self) -> bytes:
        """The message in it."""
        code = self._said.get("grpc-status")
        if code is None:
            raise ValueError("it does not speak gRPC")
        if code != _OK:
            raise Refused(code, self._said.get("grpc-message", ""))
        body = bytes(self._body)
        if int.from_bytes(body[:_PREFIX], "big") != len(body) - _PREFIX:
            raise ValueError("its answer is not one message")
        return body[_PREFIX:]

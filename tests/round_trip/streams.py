"""Exchanges as they are sent in, the two byte streams of their connection out.

Beside the bytes stands what has to have been seen of the other stream before each of them can be
there: nobody answers what was not asked, and who does not pipeline asks when the answer is in.
"""

import bisect
from dataclasses import dataclass, field
from typing import Final

from .messages import Sent

CLIENT: Final = 0
SERVER: Final = 1


@dataclass(slots=True)
class Stream:
    """One direction. Places are offsets from its first byte.

    `dues`: from a place on, so many bytes of the other stream come before. `borders`: places that
    no segment reaches across, because its bytes are not there at the same time. `blocks`: where
    header blocks begin and end, by the number of their exchange (interim responses have none);
    `ends`: where their messages do; `starts`: where any message begins. `steps`: where a reader may
    have to stop and think.
    """

    data: bytearray = field(default_factory=bytearray)
    dues: list[tuple[int, int]] = field(default_factory=list)
    borders: list[int] = field(default_factory=list)
    blocks: list[tuple[int, int]] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)

    def due(self, place: int) -> int:
        """The bytes of the other stream that come before the byte at a place."""
        at = bisect.bisect_right(self.dues, place, key=lambda due: due[0]) - 1
        return self.dues[at][1] if at >= 0 else 0

    def wait(self, other: int) -> None:
        """Let what is written from now on come behind so many bytes of the other stream."""
        if not self.dues or self.dues[-1][1] < other:
            self.dues.append((len(self.data), other))

    def wait_for(self, other: "Stream") -> None:
        """The same for all that the other has written, so that a segment ends here too."""
        self.wait(len(other.data))
        self.borders.append(len(self.data))
        other.borders.append(len(other.data))

    def write(self, *parts: bytes) -> None:
        """Add bytes; each part is a step."""
        for part in parts:
            self.data += part
            self.steps.append(len(self.data))

    def write_block(self, block: bytes, *, interim: bool = False) -> None:
        """Add a header block."""
        self.starts.append(len(self.data))
        if not interim:
            self.blocks.append((len(self.data), len(self.data) + len(block)))
        self.write(block)

    def write_rest(self, body: bytes) -> None:
        """Add the rest of a message."""
        self.write(body)
        self.ends.append(len(self.data))


def streams(exchanges: list[Sent], tunnelled: tuple[bytes, bytes] = (b"", b"")) -> list[Stream]:
    """The client's and the server's stream; `tunnelled` is what follows when it is no more HTTP."""
    client, server = Stream(), Stream()
    for number, sent in enumerate(exchanges):
        if number and not sent.shape.pipelined:
            client.wait_for(server)
        _ask(sent, client, server)
        _answer(sent, client, server)
    if any(tunnelled):
        client.wait_for(server)
        server.wait_for(client)
        client.write(tunnelled[CLIENT])
        server.write(tunnelled[SERVER])
    return [client, server]


def _ask(sent: Sent, client: Stream, server: Stream) -> None:
    request = sent.request
    if request.lead:
        client.write(request.lead)
    client.write_block(request.block)
    if sent.shape.expect:
        server.wait(len(client.data))
        server.write_block(sent.interim[0][1], interim=True)
        client.wait_for(server)
    elif sent.shape.early:
        server.wait(len(client.data))
    client.write_rest(request.body)


def _answer(sent: Sent, client: Stream, server: Stream) -> None:
    if not sent.shape.early:
        server.wait(len(client.data))
    for _, block in sent.interim[sent.shape.expect :]:
        server.write_block(block, interim=True)
    server.write_block(sent.response.block)
    server.write_rest(sent.response.body)

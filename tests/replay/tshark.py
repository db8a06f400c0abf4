"""A capture file -> what tshark tells of each of its HTTP exchanges, byte for byte.

tshark gives each message with the raw bytes of its header lines; a frame may hold several. Which
response answers which request is decided here by their order (RFC 9112 section 9.3.2), because
tshark's own pairing knows no pipelining. Its own is believed where segments are missing: there the
order tells nothing.
"""

import json
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from .told import Connections, Ends, Told

_HURRIED = ("-o", "http.desegment_body:FALSE", "-o", "tcp.reassemble_out_of_order:FALSE")
_OPTIONS = ("-o", "tcp.reassemble_out_of_order:TRUE", "-n")
_UNSEEN = "tcp.analysis.ack_lost_segment"  # acknowledged, but not in the capture
_SWITCHING_PROTOCOLS = 101
_FIRST_FINAL = 200

# A JSON object with repeated names, as tshark writes them: pairs in order.
Pairs = list[tuple[str, Any]]


@dataclass
class Message:
    """One request or response; `at` is its frame, and its number in it if there are several."""

    at: str
    stream: int
    source: tuple[str, int]
    destination: tuple[str, int]
    method: str | None = None
    target: str | None = None
    version: str | None = None
    status: int | None = None
    headers: list[tuple[str, str]] = field(default_factory=list)
    answers: str = ""  # the frame of its request, by tshark's own pairing

    @property
    def frame(self) -> float:
        """Where it stands in the file, to sort by."""
        frame, _, number = self.at.partition(".")
        return int(frame) + int(number or 0) / 1000

    @property
    def same(self) -> tuple[object, ...]:
        """What a message is known by in another reading."""
        start = (self.method, self.target, self.version, self.status)
        return self.stream, self.source, *start, *self.headers


def exchanges(path: Path) -> Connections:
    """Every exchange of the file, by connection."""
    streams: dict[int, list[Message]] = defaultdict(list)
    found, damaged = messages(path)
    for message in found:
        streams[message.stream].append(message)
    told: dict[Ends, list[Told]] = defaultdict(list)
    for number, stream in streams.items():
        for ends, one in _paired(stream, in_order=number not in damaged):
            told[ends].append(one)
    return told


def messages(path: Path) -> tuple[list[Message], set[int]]:
    """Every HTTP message that tshark finds in the file, and the streams that lack segments.

    On a port that it does not know it judges each segment alone. So the server ports on which it
    finds HTTP are named to it, and it reads the file again. And it tells no message whose body
    never ends, nor what follows missing segments: those are taken from a reading that waits for
    neither.
    """
    found, damaged = _messages(path, ())
    ports = {one.destination[1] if one.status is None else one.source[1] for one in found} - {80}
    named = tuple(
        argument for port in sorted(ports) for argument in ("-d", f"tcp.port=={port},http")
    )
    if named:
        found, _ = _messages(path, named)
    hurried, _ = _messages(path, (*named, *_HURRIED))
    return sorted([*found, *_left_open(found, hurried)], key=lambda one: one.frame), damaged


def _left_open(found: list[Message], hurried: list[Message]) -> Iterator[Message]:
    """What the hurried reading tells of each direction behind the last message of the other one."""
    last = {(one.stream, one.source): one for one in found}
    count = Counter(one.same for one in found)
    for one in hurried:
        if count[one.same]:
            count[one.same] -= 1
        elif (one.stream, one.source) not in last or one.frame > last[one.stream, one.source].frame:
            yield one


def _messages(path: Path, options: tuple[str, ...]) -> tuple[list[Message], set[int]]:
    shown = ("-Y", f"http or {_UNSEEN}", "-T", "json", "-x", "-J", "frame ip ipv6 tcp http")
    done = subprocess.run(
        ["tshark", "-r", str(path), *_OPTIONS, *options, *shown], capture_output=True, check=True
    )
    frames: list[Pairs] = json.loads(
        done.stdout.decode("utf-8", "replace"), object_pairs_hook=list, strict=False
    )
    layers = [_child(_child(frame, "_source"), "layers") for frame in frames]
    damaged = {
        int(first(frame, "tcp.stream"))
        for frame in layers
        if any(name == _UNSEEN for name, _ in flat(frame))
    }
    return [message for frame in layers for message in _of_frame(frame)], damaged


def _of_frame(layers: Pairs) -> Iterator[Message]:
    number = first(_child(layers, "frame"), "frame.number")
    addresses: Pairs = []
    count = sum(name == "http" and _starts(layer) for name, layer in layers)
    seen = 0
    for name, layer in layers:
        if name in {"ip", "ipv6"}:
            addresses = layer  # the innermost in front of TCP
        elif name == "tcp":
            tcp, ip = layer, addresses
        elif name == "http" and _starts(layer):
            seen += 1
            yield _message(f"{number}.{seen}" if count > 1 else number, ip, tcp, layer)


def _starts(layer: Any) -> bool:  # noqa: ANN401 - whatever the JSON holds
    """Whether this layer begins a message, rather than holding more of a body."""
    return isinstance(layer, list) and any(
        name in {"http.request", "http.response"} for name, _ in flat(layer)
    )


def _message(at: str, ip: Pairs, tcp: Pairs, http: Pairs) -> Message:
    ends = [
        (first(ip, f"ip.{end}", f"ipv6.{end}"), int(first(tcp, f"tcp.{end}port")))
        for end in ("src", "dst")
    ]
    message = Message(at, int(first(tcp, "tcp.stream")), ends[0], ends[1])
    for name, value in flat(http):
        if name == "http.request.method_raw":
            message.method = _text(value)
        elif name == "http.request.uri_raw":
            message.target = _text(value)
        elif name in {"http.request.version_raw", "http.response.version_raw"}:
            message.version = _text(value).removeprefix("HTTP/") or None
        elif name == "http.response.code":
            message.status = int(value)
        elif name == "http.request_in":
            message.answers = str(value)
        elif name in {"http.request.line_raw", "http.response.line_raw"}:
            message.headers.append(_field(_text(value)))
    return message


def _field(line: str) -> tuple[str, str]:
    """Name and value of a header line, unfolded (RFC 9112 section 5.2)."""
    name, _, value = line.rstrip("\r\n").partition(":")
    folded = value.replace("\r\n", "\n").split("\n")
    return name.rstrip(" \t"), " ".join(part.strip(" \t") for part in folded).strip(" ")


def _paired(stream: list[Message], *, in_order: bool) -> Iterator[tuple[Ends, Told]]:
    """The exchanges of one TCP stream, those without a request where their response came."""
    told: list[tuple[Ends, Told]] = []
    waiting: list[int] = []
    interim: list[int] = []
    for message in stream:
        if message.status is None:
            waiting.append(len(told))
            told.append(((message.source, message.destination), _asked(message)))
        elif message.status < _FIRST_FINAL and message.status != _SWITCHING_PROTOCOLS:
            interim.append(message.status)
        elif waiting:
            frames = [told[at][1].at for at in waiting]
            if not in_order and message.answers in frames:
                del waiting[: frames.index(message.answers)]
            at = waiting.pop(0)
            told[at] = (told[at][0], _answered(told[at][1], message, interim))
            interim = []
        else:
            ends = (message.destination, message.source)
            told.append((ends, _answered(Told(message.at), message, interim)))
            interim = []
    yield from told


def _asked(message: Message) -> Told:
    return Told(
        message.at,
        message.method,
        message.target,
        message.version,
        tuple(message.headers),
    )


def _answered(told: Told, message: Message, interim: list[int]) -> Told:
    return replace(
        told,
        status=message.status,
        response_version=message.version,
        response_headers=tuple(message.headers),
        interim=tuple(interim),
    )


def flat(pairs: Pairs) -> Iterator[tuple[str, Any]]:
    """All names and values of a layer, however deep."""
    for name, value in pairs:
        yield name, value
        if isinstance(value, list) and value and isinstance(value[0], tuple):
            yield from flat(value)


def _child(pairs: Pairs, wanted: str) -> Pairs:
    return next(value for name, value in pairs if name == wanted)


def first(pairs: Pairs, *wanted: str) -> str:
    """The first value of any of these names."""
    return next(str(value) for name, value in flat(pairs) if name in wanted)


def _text(raw: list[Any]) -> str:
    """The bytes of a `_raw` field; several equal ones may be listed."""
    value = raw[0][0] if isinstance(raw[0], list) else raw[0]
    return bytes.fromhex(value).decode("latin-1")

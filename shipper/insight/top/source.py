"""Where records come from -> records, None while there is none: the topic, this host, a file.

A live source never ends by itself; one that was asked for what is there already does.
"""

import os
import selectors
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import IO, Any, Final

import orjson

from shipper.config import Config
from shipper.delivery import Received, Start, TopicReader
from shipper.errors import InputError, ShipperError
from shipper.record import read_message

_POLL_S: Final = 0.2
_READ: Final = 1 << 18
_END_S: Final = 15.0
#: Its log is read by us: as JSON, and what it says last is what is wrong.
_AGENT: Final = ("--output", "stdout", "--set", "agent.log_format=json")

#: A record, what was to be one (malformed, as its bytes), or nothing yet.
Records = Iterator[dict[str, Any] | bytes | None]


@contextmanager
def topic(config: Config, start: Start | int, *, follow: bool) -> Iterator[Records]:
    """The records of the topic from `start` on (ms since the epoch), to its end or for ever."""
    with TopicReader(
        config.kafka.settings, config.kafka.topic, log=lambda _level, _line: None, start=start
    ) as reader:
        messages = reader.follow() if follow else reader.until_end()
        yield (None if message is None else _decoded(message) for message in messages)


def _decoded(message: Received) -> dict[str, Any] | bytes:
    """The record in a message of any form; its bytes if there is none."""
    try:
        return read_message(message.headers, message.value)
    except ValueError:
        return message.value


def _parsed(line: bytes) -> dict[str, Any] | bytes:
    """The record in a line; its bytes if there is none."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line
    return found if isinstance(found, dict) else line


@contextmanager
def file(path: Path) -> Iterator[Records]:
    """JSON lines as `shipper replay` and the output `file:` make them; `-` is standard input."""
    try:
        lines = sys.stdin.buffer if str(path) == "-" else path.open("rb")
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error
    with lines:
        yield (_parsed(line) for line in lines)


@contextmanager
def live(arguments: list[str]) -> Iterator[Records]:
    """What an agent of our own captures on this host; it keeps nothing and speaks to no Kafka.

    Begins once it captures; `ShipperError` in its own words when it can't, or ends.
    """
    command = [sys.executable, "-m", "shipper", "run", *arguments, *_AGENT]
    # A group of its own: Ctrl-C is ours to hand on, once. Unbuffered: a selector tells what comes.
    with subprocess.Popen(  # noqa: S603 - our own program
        command,
        bufsize=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as agent:

        def hang_up(number: int, _frame: FrameType | None) -> None:
            # The terminal is gone: who waits for it, as its library does, waits for ever.
            agent.terminate()
            os._exit(128 + number)

        signal.signal(signal.SIGHUP, hang_up)
        try:
            _await_ready(agent)
            yield _captured(agent)
        finally:
            agent.send_signal(signal.SIGTERM)
            try:
                # What it still wants to say has to go somewhere, or it would wait.
                agent.communicate(timeout=_END_S)
            except subprocess.TimeoutExpired:
                agent.kill()


def _await_ready(agent: "subprocess.Popen[bytes]") -> None:
    said = b""
    while line := _pipe(agent.stderr).readline():
        said = line
        if b'"event": "ready"' in line:
            return
    raise _ended(agent, said)


def _captured(agent: "subprocess.Popen[bytes]") -> Records:
    """Its records, until it ends."""
    said = b""
    with selectors.DefaultSelector() as selector:
        records, words = _Lines(_pipe(agent.stdout)), _Lines(_pipe(agent.stderr))
        selector.register(records.pipe, selectors.EVENT_READ)
        selector.register(words.pipe, selectors.EVENT_READ)
        while not records.ended:
            ready = selector.select(_POLL_S)
            if not ready:
                yield None
            for key, _ in ready:
                if key.fileobj is records.pipe:
                    yield from (_parsed(line) for line in records.read())
                    continue
                said = (words.read() or [said])[-1]
                if words.ended:
                    selector.unregister(words.pipe)
    raise _ended(agent, said)


def _ended(agent: "subprocess.Popen[bytes]", said: bytes) -> ShipperError:
    """Its last words, as an error of ours."""
    code = agent.wait(_END_S)
    line = _parsed(said)
    words = line.get("message", "") if isinstance(line, dict) else said.decode("utf-8", "replace")
    error = ShipperError(
        str(words).strip().removeprefix("shipper: ") or f"the capture has ended with code {code}"
    )
    error.exit_code = code if code > 0 else 1
    return error


def _pipe(pipe: IO[bytes] | None) -> IO[bytes]:
    if pipe is None:
        raise TypeError("a pipe was asked for")
    return pipe


class _Lines:
    """Whole lines of a pipe, as they come."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self.pipe = pipe
        self.ended = False
        self._rest = b""

    def read(self) -> list[bytes]:
        """What is there; a line that is not whole yet comes with the next."""
        data = os.read(self.pipe.fileno(), _READ)
        self.ended = not data
        *lines, self._rest = (self._rest + data).split(b"\n")
        return lines

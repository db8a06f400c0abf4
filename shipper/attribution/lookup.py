"""Questions that only root can answer -> answers, over a socket between two of our processes.

The one side serves a closed set of questions and nothing else; the other side is a source of names
like any other. A question is one JSON object in one packet, and so is its answer:

    {"id": 1, "source": 0, "container": "<64 digits>", "pod": "<uid>"}    names, of one source
    {"id": 2, "process": 4242, "start": 81234}                            its executable
    {"id": 3, "digest": 4242, "start": 81234}                             and what is in it, SHA-256

`start` is the process's start time in ticks of the clock (field 22 of /proc/PID/stat), so that a
pid that has been given again is not answered for. Whatever is not of these forms is refused.
"""

import json
import re
import select
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from shipper.attribution.digests import Digests
from shipper.attribution.names import NO_ANSWER, Source, said
from shipper.attribution.parts import Part
from shipper.attribution.paths import Place
from shipper.attribution.procfs import started

_CONTAINER: Final = re.compile(r"(?:[0-9a-f]{64})?")
_POD: Final = re.compile(r"(?:[0-9a-f-]{32,36})?")
_MOST_BYTES: Final = 64 << 10
#: Longer than any source may take.
_TIMEOUT: Final = 15.0
_NAMES: Final = {"id", "source", "container", "pod"}
_EXECUTABLE: Final = {"id", "process", "start"}
_DIGEST: Final = {"id", "digest", "start"}

Channel = socket.socket


def channels() -> tuple[Channel, Channel]:
    """Who serves, and who asks."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def serve(asking: Sequence[Channel], sources: Sequence[Source]) -> None:
    """Answer until nobody is there to ask any more."""
    digests = Digests()
    open_ones = {channel.fileno(): channel for channel in asking}
    poll = select.poll()
    for descriptor in open_ones:
        poll.register(descriptor, select.POLLIN)
    while open_ones:
        for descriptor, _ in poll.poll():
            try:
                packet = open_ones[descriptor].recv(_MOST_BYTES)
                if packet:
                    open_ones[descriptor].send(_answered(packet, sources, digests))
                    continue
            except OSError:
                pass  # whoever asked has gone
            poll.unregister(descriptor)
            open_ones.pop(descriptor).close()


def _answered(packet: bytes, sources: Sequence[Source], digests: Digests) -> bytes:
    identifier: Any = None
    try:
        question = json.loads(packet)
        identifier = question["id"]
        told: Part = {"id": identifier, "told": _answer(question, sources, digests)}
    except NO_ANSWER as error:
        told = {"id": identifier, "problem": said(error)}
    return json.dumps(told).encode()


def _answer(question: dict[str, Any], sources: Sequence[Source], digests: Digests) -> Part:
    """What is asked, if it is one of the three questions; ValueError if not."""
    if question.keys() == _NAMES:
        place = Place(container=question["container"], pod=question["pod"])
        if _CONTAINER.fullmatch(place.container) and _POD.fullmatch(place.pod):
            source: Source = sources[int(question["source"])]
            return source.ask(place)
    elif question.keys() == _EXECUTABLE:
        process, start = int(question["process"]), int(question["start"])
        return _of_the_very(process, start, "executable", _executable)
    elif question.keys() == _DIGEST:
        process, start = int(question["digest"]), int(question["start"])
        # It is what runs that is read, whatever stands at its path by now.
        return _of_the_very(process, start, "sha256", lambda at: digests.of(at / "exe"))
    raise ValueError("that is none of the questions")


def _executable(folder: Path) -> str | None:
    """The path of its program."""
    return str((folder / "exe").readlink())


def _of_the_very(
    process: int, start: int, name: str, look: Callable[[Path], str | None]
) -> dict[str, str]:
    """What is seen of a process, {} where it is not this process any more, or nothing is seen."""
    folder = Path("/proc") / str(process)
    try:
        if started(folder) != start:
            return {}
        seen = look(folder)
        return {name: seen} if seen and started(folder) == start else {}
    except FileNotFoundError:
        return {}


class Asking:
    """The end of a process that asks; for several threads."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()
        self._number = 0

    def ask(self, **question: object) -> Part:
        """The answer. OSError: nobody answers; ValueError: the other side's problem."""
        with self._lock:
            self._number += 1
            packet = {"id": self._number, **question}
            deadline = time.monotonic() + _TIMEOUT
            self._channel.settimeout(_TIMEOUT)
            self._channel.send(json.dumps(packet).encode())
            while True:
                self._channel.settimeout(max(0.01, deadline - time.monotonic()))
                answer = self._channel.recv(_MOST_BYTES)
                if not answer:
                    raise ConnectionResetError("the look-up process has ended")
                told = json.loads(answer)
                if told["id"] == self._number:  # not that of a question given up
                    break
        if "problem" in told:
            raise ValueError(told["problem"])
        names: Part = told["told"]
        return names

    def executable(self, process: int, start: int) -> str | None:
        """The path of a process's program; None where it is not known, or no more."""
        return self.ask(process=process, start=start).get("executable")

    def digest(self, process: int, start: int) -> str | None:
        """The SHA-256 of a process's program; None where it is not known, or no more."""
        return self.ask(digest=process, start=start).get("sha256")


class Remote:
    """A source of names that the look-up process asks: the `number`th of those that it serves."""

    def __init__(self, asking: Asking, number: int, name: str) -> None:
        self.name = name
        self._asking = asking
        self._number = number

    def ask(self, place: Place) -> Part:
        """What the source there says."""
        if not (place.container or place.pod):
            return {}
        return self._asking.ask(source=self._number, container=place.container, pod=place.pod)

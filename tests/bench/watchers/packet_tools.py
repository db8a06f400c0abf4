"""What Debian has for looking at HTTP on an interface, each told to print the request's target.

They listen at the server's end of the veth, to the server's port alone, and write to a file.
"""

import contextlib
import signal
import subprocess
from collections import Counter
from pathlib import Path
from typing import ClassVar, Final

from brokers.waiting import eventually

from bench.load import Group, Site
from bench.load.site import DEVICE, ID

from .watcher import Told

_START_S: Final = 30.0
_END_S: Final = 30.0


class PacketTool:
    """One program; `command` with its filter, `filtered` by what else if it prints bodies."""

    name: str
    command: ClassVar[tuple[str, ...]]
    #: what is kept of its output; runs outside its group
    kept_by: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None:
        self._processes: list[subprocess.Popen[bytes]] = []
        self._output: Path | None = None

    def start(self, site: Site, group: Group, run: str) -> None:
        """Begin in the server's network namespace; returns when a packet socket is open there."""
        sockets = Path(f"/proc/{site.nginx}/net/packet")
        before = sockets.read_text().count("\n")
        self._output = site.folder / f"{run}-{self.name}"
        words = [word.format(device=DEVICE, port=site.address[1]) for word in self.command]
        with site.server.inside(), self._output.open("wb") as file:
            self._run(words, file.fileno())
        group.adopt(self._processes[0].pid)
        eventually(
            lambda: sockets.read_text().count("\n") > before or self._ended(), "packets", _START_S
        )
        assert not self._ended(), f"{self.name} ended at its start"

    def loaded(self) -> None:
        """It has no figures of its own."""

    def settled(self) -> None:
        """It has no figures of its own."""

    def stop(self) -> Told:
        """SIGINT, as Ctrl-C."""
        self._processes[0].send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            for process in self._processes:
                process.wait(_END_S)
        assert self._output is not None
        # A line of the request and one of the response may both name it.
        found = set(ID.findall(self._output.read_bytes()))
        return Told(Counter(one.decode() for one in found))

    def close(self) -> None:
        """SIGKILL."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self._output is not None:
            self._output.unlink(missing_ok=True)

    def _run(self, words: list[str], file: int) -> None:
        if not self.kept_by:
            self._processes = [_started(words, None, file)]
            return
        first = _started(words, None, subprocess.PIPE)
        self._processes = [first]
        assert first.stdout is not None
        self._processes.append(_started(self.kept_by, first.stdout.fileno(), file))
        first.stdout.close()

    def _ended(self) -> bool:
        return self._processes[0].poll() is not None


class Dumpcap(PacketTool):
    """The packets themselves, as a capture file."""

    name = "dumpcap"
    command = ("dumpcap", "-q", "-P", "-p", "-i", "{device}", "-f", "tcp port {port}", "-w", "-")

    def keep(self, path: Path) -> Path:
        """Have the file stay, under this name, when all else is forgotten."""
        assert self._output is not None
        return self._output.rename(path)


class Httpry(PacketTool):
    """Chosen fields of single packets; requests and responses are not joined."""

    name = "httpry"
    command = ("httpry", "-p", "-i", "{device}", "tcp port {port}")


class Tcpflow(PacketTool):
    """The bytes of each direction in order, bodies and all; of these only targets are kept."""

    name = "tcpflow"
    command = ("tcpflow", "-X", "/dev/null", "-p", "-q", "-c", "-i", "{device}", "tcp port {port}")
    kept_by = ("grep", "-aoE", "GET /b[0-9]+/[a-z0-9]+-(p|[0-9]+)-[0-9]+")


#: What tshark prints: of each message, when, whence, and all header lines.
FIELDS: Final = (
    *("-n", "-Q", "-Y", "http", "-T", "fields"),
    *("-e", "frame.time_epoch", "-e", "ip.src", "-e", "tcp.srcport"),
    *("-e", "http.request.uri", "-e", "http.request.line", "-e", "http.response.line"),
)


class Tshark(PacketTool):
    """All header lines of requests and responses, through full dissection."""

    name = "tshark"
    command = ("tshark", "-p", "-i", "{device}", "-f", "tcp port {port}", *FIELDS)


def _started(
    words: list[str] | tuple[str, ...], taken: int | None, given: int
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL if taken is None else taken,
        stdout=given,
        stderr=subprocess.DEVNULL,
        env={"LC_ALL": "C", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent"},
    )

"""Nothing in; an nginx behind a veth, whose log is the truth, and requests to it, out.

Everything lies in a cgroup that stands for a host of its own, where an agent can be hooked: it
then sees what such a host would show it, and nothing of what else runs on this machine.
"""

import contextlib
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from e2e.host import apart
from live.netns import Namespace, Network, Route, cable
from live.nginx import Nginx

from .accounts import Group
from .demand import Demand, Outcome

DEVICE: Final = "eth0"
#: How an id stands in a target, whoever prints it; probes have "p" for the thread's number.
ID: Final = re.compile(rb"/b\d+/([a-z0-9]+-(?:\d+|p)-\d+)")
#: What is served as well: longer than any answer in a log takes to be flushed.
_STILL_S: Final = 1.0
_BODY: Final = b"~body~bytes~stay~"
_LOCATION: Final = """
    location /b{size}/ {{
      access_log {at}/ids.log combined buffer=64k flush=200ms;
      open_file_cache max=16;
      add_header Cache-Control "public, max-age=60";
      try_files /body-{size} =500;
    }}
"""


class Load:
    """Requests on their way."""

    def __init__(self, process: subprocess.Popen[str], site: "Site", demand: Demand) -> None:
        self.outcome: Outcome | None = None
        self._process, self._site, self._demand = process, site, demand
        self._before = site.answered()

    @property
    def finished(self) -> Outcome:
        """What became of it, once it has ended."""
        assert self.outcome is not None
        return self.outcome

    def wait(self) -> int:
        """Until all is answered, or nothing is any more; how many that were."""
        count, at = 0, time.monotonic()
        while count < self._demand.requests and time.monotonic() < at + _STILL_S:
            time.sleep(0.02)
            now = self._site.answered() - self._before
            if now > count:
                count, at = now, time.monotonic()
            assert self._process.poll() is None, "wrk has ended in the middle of its load"
        return count

    def close(self) -> Outcome:
        """End it; what wrk says of it."""
        self._process.send_signal(signal.SIGINT)
        try:
            output, _ = self._process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            output, _ = self._process.communicate()
        self.outcome = Outcome.read(output)
        return self.outcome


class Site:
    """A cgroup, a client's and a server's network namespace, nginx, for bodies of these sizes."""

    def __init__(self, *bodies: int) -> None:
        self._ends = contextlib.ExitStack()
        try:
            self._begin(bodies)
        except BaseException:
            self._ends.close()
            raise

    def _begin(self, bodies: tuple[int, ...]) -> None:
        self.host: Path = self._ends.enter_context(apart())
        network = Network()
        self._ends.callback(network.close)
        self.route: Route = cable(network)
        folder = Path(self._ends.enter_context(tempfile.TemporaryDirectory(prefix="shipper-load-")))
        #: where others may keep what they make; they may be nobody
        self.folder = folder
        folder.chmod(0o755)
        self.group = self.group_of("load")
        at = folder / "nginx"
        with self.route.server.inside():
            port = self.route.ask[4][1]
            more = "".join(_LOCATION.format(size=size, at=at) for size in bodies)
            nginx = Nginx(at, [self.route.listen[4]], port, more)
        self._ends.callback(nginx.close)
        for size in bodies:
            repeated = _BODY * (size // len(_BODY) + 1)
            (at / "files" / f"body-{size}").write_bytes(repeated[:size])
        self.nginx = nginx.pid
        self.group.adopt(nginx.pid, *_children(nginx.pid))
        self._log = (at / "ids.log").open("rb")
        self._ends.callback(self._log.close)
        self._served: list[bytes] = []
        self._rest = b""

    @property
    def server(self) -> Namespace:
        """Where nginx is, and whoever looks at its packets."""
        return self.route.server

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens."""
        return self.route.ask[4]

    def group_of(self, name: str) -> Group:
        """A group of processes in this host; it goes with the site."""
        group = Group(self.host, name)
        self._ends.callback(group.close)
        return group

    @contextlib.contextmanager
    def requests(self, prefix: str, demand: Demand) -> Iterator[Load]:
        """Have them made; at the end none is on its way any more."""
        host, port = self.address
        with self.route.client.inside():
            process = subprocess.Popen(
                demand.command(f"http://{host}:{port}", prefix),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        self.group.adopt(process.pid)
        load = Load(process, self, demand)
        try:
            yield load
        finally:
            load.close()

    def answered(self) -> int:
        """How many requests nginx has written down so far, probes left out."""
        *lines, self._rest = (self._rest + self._log.read()).split(b"\n")
        for line in lines:
            found = ID.search(line)
            if found and b"-p-" not in found[1]:
                self._served.append(found[1])
        return len(self._served)

    def served(self, prefix: str) -> set[str]:
        """The ids of the requests of one load that nginx has answered."""
        self.answered()
        begin = f"{prefix}-".encode()
        return {one.decode() for one in self._served if one.startswith(begin)}

    def close(self) -> None:
        """End all of it."""
        self._ends.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    end = time.monotonic() + 10
    while not found and time.monotonic() < end:
        time.sleep(0.01)
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        found = [int(child) for child in text.split()]
    return found

"""The agent on the server's interface, as on a router or behind a mirror port: records to a file.

It runs in the server's network namespace, from which the broker is not to be reached.
"""

from pathlib import Path

from faults.agent import Agent as Process

from bench.load import Group, Site
from bench.load.site import DEVICE

from .watcher import Told


class OnInterface:
    """`shipper run --hook interface`; what it writes is not read back."""

    name = "interface"

    def __init__(self) -> None:
        self._process: Process | None = None
        self._output = Path()

    @property
    def process(self) -> Process:
        """What was started."""
        assert self._process is not None
        return self._process

    def start(self, site: Site, group: Group, run: str) -> None:
        """Begin; it says itself when it captures."""
        self._output = site.folder / f"{run}.jsonl"
        settings: dict[str, object] = {
            "output": f"file:{self._output}",
            "capture.hook": "interface",
            "capture.interfaces": [DEVICE],
            "metrics.listen": "",
            "agent.log_format": "json",
        }
        with site.server.inside():
            self._process = Process(settings)
        group.adopt(self._process.process.pid)
        self._process.ready()

    def loaded(self) -> None:
        """It has no numbers to ask for."""

    def settled(self) -> None:
        """It has no numbers to ask for."""

    def stop(self) -> Told:
        """SIGTERM."""
        code = self.process.stop()
        assert code == 0, f"the agent ended with {code}: {self.process.lines()[-3:]}"
        return Told()

    def close(self) -> None:
        """SIGKILL, and forget what it made."""
        if self._process is None:
            return
        if self._process.process.poll() is None:
            self._process.kill()
        self._output.unlink(missing_ok=True)

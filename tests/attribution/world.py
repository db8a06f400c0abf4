"""What live attribution is tried with: cgroups as runtimes make them, servers in them, an agent."""

import contextlib
import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from brokers.waiting import until_empty
from faults.agent import Agent

from shipper.capture import find_root

#: What processes that were killed take to end (s), at most.
_GONE_S = 60.0


@contextlib.contextmanager
def cgroups(name: str) -> Iterator[Path]:
    """A cgroup of the test's own; it goes with all below it."""
    made = find_root().path / name
    made.mkdir()
    try:
        yield made
    finally:
        (made / "cgroup.kill").write_text("1")
        until_empty(made, _GONE_S)
        for at in sorted((at for at in made.rglob("*") if at.is_dir()), reverse=True):
            at.rmdir()
        made.rmdir()


def started_in(
    cgroup: Path, *command: str | Path, stdout: int | None = None
) -> "subprocess.Popen[str]":
    """A process that has been in this cgroup since before its first line."""
    cgroup.mkdir(parents=True, exist_ok=True)
    enter = 'echo $$ > "$0/cgroup.procs" && exec "$@"'
    return subprocess.Popen(
        ["/bin/sh", "-c", enter, str(cgroup), *map(str, command)], text=True, stdout=stdout
    )


def ended(process: "subprocess.Popen[str]") -> None:
    """Ask it to end, and wait."""
    process.terminate()
    process.wait(10)


_SERVER = """
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Answer)
print("ready", flush=True)
server.serve_forever()
"""


def server_in(cgroup: Path, address: str, port: int) -> "subprocess.Popen[str]":
    """An HTTP server in a cgroup; it listens when this returns."""
    made = started_in(
        cgroup,
        sys.executable,
        "-c",
        _SERVER,
        address,
        str(port),
        stdout=subprocess.PIPE,
    )
    assert made.stdout is not None
    assert made.stdout.readline() == "ready\n"
    return made


def ask(port: int) -> None:
    """One answer of the web server of a container, as soon as it gives one."""
    deadline = time.monotonic() + 10
    while True:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/busybox", timeout=5) as answer:
                answer.read()
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


class Records:
    """The records of one agent, which ends with the block."""

    def __init__(self, folder: Path, settings: Mapping[str, object]) -> None:
        self._file = folder / "records.jsonl"
        self.agent = Agent(
            {
                "output": f"file:{self._file}",
                "spool.path": "",
                "metrics.listen": "",
                "agent.log_format": "json",
                **settings,
            }
        ).ready()

    def finish(self) -> list[dict[str, Any]]:
        """All records, once the agent has ended in order."""
        assert self.agent.stop() == 0, self.agent.lines()
        return [json.loads(line) for line in self._file.read_text().splitlines()]

    def totals(self) -> dict[str, Any]:
        """What the agent said of its worker at its end."""
        last = next(line for line in self.agent.said if line.get("event") == "stopped")
        told: dict[str, Any] = last["workers"][0]
        return told


@contextlib.contextmanager
def open_folder() -> Iterator[Path]:
    """A folder that the user whom the agent becomes may enter."""
    with tempfile.TemporaryDirectory(prefix="shipper-attribution-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@contextlib.contextmanager
def agent(**settings: object) -> Iterator[Records]:
    """An agent that captures when the block begins; keys have `__` for their dots."""
    with open_folder() as folder:
        made = Records(folder, {key.replace("__", "."): value for key, value in settings.items()})
        try:
            yield made
        finally:
            if made.agent.process.poll() is None:
                made.agent.kill()

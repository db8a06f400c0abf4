"""Another container, with a network of its own and a server in it; this host can ask it.

with neighbour(image) as other:
    ask(other.address, other.port, "/path")
"""

import http.client
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from brokers.waiting import eventually

from .engine import ULIMITS, podman, run

PORT = 8000
#: One cable: the container's end, this host's end. A network for tests alone (RFC 2544).
_INSIDE, _OUTSIDE = "198.18.77.2", "198.18.77.1"
_SERVER = """
import http.server
class Hello(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")
http.server.ThreadingHTTPServer(("0.0.0.0", 8000), Hello).serve_forever()
"""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Where the other container's server is reached."""

    address: str
    port: int


def ask(address: str, port: int, path: str) -> None:
    """One GET over a connection of its own; raises OSError."""
    connection = http.client.HTTPConnection(address, port, timeout=10)
    try:
        connection.request("GET", path)
        connection.getresponse().read()
    finally:
        connection.close()


@contextmanager
def neighbour(image: str) -> Iterator[Neighbour]:
    """The container, up and serving; it and its network are removed at the end."""
    name = f"shipper-neighbour-{os.getpid()}"
    device = f"shp{os.getpid()}"
    try:
        run(["ip", "netns", "add", name])
        run(
            ["ip", "link", "add", device, "type", "veth", "peer", "eth0", "netns", name]
        )  # fmt: skip
        run(["ip", "addr", "add", f"{_OUTSIDE}/30", "dev", device])
        run(["ip", "link", "set", device, "up"])
        for words in (
            ("addr", "add", f"{_INSIDE}/30", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            run(["ip", "-n", name, *words])
        podman(
            "run", "--detach", "--rm", "--pull=never", "--no-healthcheck", "--name", name, *ULIMITS,
            "--network", f"ns:/run/netns/{name}", "--cap-drop=ALL", "--read-only",
            "--user=65534:65534", "--entrypoint", "/usr/bin/python3", image, "-c", _SERVER,
        )  # fmt: skip
        eventually(_answers, "the other container answers", 60)
        yield Neighbour(_INSIDE, PORT)
    finally:
        for end in (
            ("podman", "rm", "--force", "--time", "0", name),
            ("ip", "link", "del", device),
            ("ip", "netns", "del", name),
        ):
            subprocess.run(end, capture_output=True, check=False)


def _answers() -> bool:
    try:
        ask(_INSIDE, PORT, "/")
    except OSError:
        return False
    return True

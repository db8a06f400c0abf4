"""Live traffic through the real agent and a broker: what `top` counts is what nginx wrote down."""

import json
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from live.netns import PORT, Network, Route, loopback
from live.nginx import Nginx
from live.running import Agent, eventually

from shipper.delivery import MockBroker
from shipper.insight.top.tally import ACCURACY, QUANTILES

from .records import TOPIC

_UPSTREAM = 8099
_EACH = 60  # requests of each client
_CLIENTS = 4
_PATHS = {  # what is asked for: its route, and about how many seconds it takes
    "/users/{}": ("GET /users/{id}", 0.0),
    "/orders/{}/items/{}": ("GET /orders/{id}/items/{id}", 0.01),
    "/reports/{}": ("GET /reports/{id}", 0.08),
    "/broken": ("GET /broken", 0.0),
}


class _Slow(BaseHTTPRequestHandler):
    """Takes its time, more of it for some numbers than for others."""

    def do_GET(self) -> None:
        """Answer late."""
        number = int(self.path.rpartition("/")[2])
        base = 0.08 if "reports" in self.path else 0.01
        time.sleep(base * (0.5 + number % 10 / 10))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        """Nothing."""


@pytest.fixture
def route() -> Iterator[Route]:
    """A loopback of our own."""
    Path("/run/netns").mkdir(parents=True, exist_ok=True)
    network = Network()
    try:
        yield loopback(network)
    finally:
        network.close()


@pytest.fixture
def nginx(route: Route, tmp_path: Path) -> Iterator[Nginx]:
    """Some of it is served by nginx itself, some by a slow server behind it."""
    slow = f"proxy_pass http://127.0.0.1:{_UPSTREAM};"
    with route.server.inside():
        upstream = ThreadingHTTPServer(("127.0.0.1", _UPSTREAM), _Slow)
        server = Nginx(
            tmp_path / "nginx", ["127.0.0.1"], PORT,
            f"location /orders {{ {slow} }} location /reports {{ {slow} }}",
        )  # fmt: skip
    Thread(target=upstream.serve_forever, args=(0.1,), daemon=True).start()
    yield server
    server.close()
    upstream.shutdown()
    upstream.server_close()


def _ask(route: Route, client: int) -> None:
    """The requests of one client."""
    with route.client.inside():
        connection = HTTPConnection("127.0.0.1", PORT, timeout=30)
        for number in range(_EACH):
            path = list(_PATHS)[number % len(_PATHS)].format(number, client)
            name = {"X-Request-Id": f"{client}-{number}", "User-Agent": f"client/{client % 2}"}
            connection.request("GET", path, headers=name)
            connection.getresponse().read()
        connection.close()


def _quantiles(values: list[float]) -> list[float]:
    """By the definition, of all values."""
    return [sorted(values)[int(q * (len(values) - 1))] for q in QUANTILES]


@pytest.mark.usefixtures("root")
def test_top_against_the_access_log(route: Route, nginx: Nginx) -> None:
    """Equal counts by route, status and User-Agent; latencies as near as the sketch promises.

    nginx measures at another place than the kernel: what the two say of one request differs. A
    quantile may differ by as much as the two do of any request of the route, and by 1 %.
    """
    with MockBroker() as broker:
        broker.create_topic(TOPIC)
        agent = Agent(f'[kafka]\n"bootstrap.servers" = "{broker.bootstrap}"', outputs=("kafka",))
        try:
            with ThreadPoolExecutor(_CLIENTS) as pool:
                list(pool.map(lambda client: _ask(route, client), range(_CLIENTS)))
            wanted = _EACH * _CLIENTS
            eventually(lambda: len(agent.records()) == wanted, "every exchange is told")
            assert agent.signal() == 0
            told = {r["http"]["request"]["headers"]["x-request-id"][0]: r for r in agent.records()}
        finally:
            agent.close()
        found = _top(broker.bootstrap)
    log = nginx.stop()
    assert found["total"]["requests"] == len(log) == wanted
    assert found["total"]["errors"] == sum(int(line["status"]) >= 500 for line in log)
    agents = {line["name"]: line["requests"] for line in found["user_agents"]}
    assert agents == {"client/0": wanted / 2, "client/1": wanted / 2}

    by_path = dict(_PATHS.values())
    lines = {line["name"]: line for line in found["routes"]}
    assert lines.keys() == by_path.keys()
    served = defaultdict(list)
    for line in log:
        first = line["request_uri"].split("/")[1]
        served[next(name for name in by_path if name.split("/")[1] == first)].append(line)
    for name, entries in served.items():
        assert lines[name]["requests"] == len(entries)
        times = [float(line["request_time"]) * 1000 for line in entries]
        apart = max(
            abs(told[line["http_x_request_id"]]["event"]["duration"] / 1e6 - ms)
            for line, ms in zip(entries, times, strict=True)
        )
        seen = [lines[name][key] for key in ("p50_ms", "p95_ms", "p99_ms")]
        for ours, true in zip(seen, _quantiles(times), strict=True):
            assert abs(ours - true) <= apart + ACCURACY * (true + apart), name
    assert lines["GET /reports/{id}"]["p50_ms"] > 40 > lines["GET /users/{id}"]["p50_ms"]


def _top(bootstrap: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "top", "--once", "--json", "--from-beginning",
         "--bootstrap-servers", bootstrap],
        capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    found: dict[str, Any] = json.loads(done.stdout)
    return found

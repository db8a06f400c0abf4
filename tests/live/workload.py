"""10,000 requests of wrk and curl to nginx, whose access log is the truth about them.

wrk drops what is under way when its time is over. It is therefore told to stop asking after so
many requests and to keep its connections (workload.lua); it is only ended when nginx has written
down the last of them. So nothing is cut off, and the comparison is exact.
"""

import signal
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

from .clients import Ask, answers, start_curl, url
from .netns import Route
from .nginx import Nginx

WRK_THREADS = 2
_WRK_EACH = 2200
_CURLS = 4
_CURL_EACH = 150
_DEADLINE = 90.0
_AGENT = 'curl "quoted\\" größer 漢字 %41'


class Row(NamedTuple):
    """What has to be equal."""

    id: str
    method: str
    uri: str
    status: int
    client: str
    client_port: int
    server: str
    server_port: int
    agent: str


def truth(line: dict[str, Any]) -> Row:
    """A line of nginx's log."""
    return Row(
        line["http_x_request_id"],
        line["request_method"],
        line["request_uri"],
        int(line["status"]),
        line["remote_addr"],
        int(line["remote_port"]),
        line["server_addr"],
        int(line["server_port"]),
        line["http_user_agent"],
    )


def total(route: Route) -> int:
    """How many requests `run` makes."""
    return len(route.ask) * (WRK_THREADS * _WRK_EACH + _CURLS * _CURL_EACH)


def _asks(prefix: str) -> list[Ask]:
    kinds = [
        ("GET", "/", ""),
        ("HEAD", "/files/page.html", ""),
        ("POST", "/created", "z" * 5000),
        ("OPTIONS", "/", ""),
        ("HEAD", "/missing", ""),
        ("GET", "/files/page.html", ""),
        ("PROPFIND", "/none", ""),
        ("GET", "/broken", ""),
    ]
    return [
        Ask(
            f"{prefix}-{number}",
            method,
            f"{path}?n={number}&empty=&%C3%A9=1",
            f"{_AGENT} {number}",
            body,
            close=number % 7 == 0,
        )
        for number in range(_CURL_EACH)
        for method, path, body in [kinds[number % len(kinds)]]
    ]


def start_wrk(
    prefix: str, host: str, port: int, *, requests: int = _WRK_EACH
) -> subprocess.Popen[bytes]:
    """Run wrk until it is interrupted, asking at most so many requests in each thread."""
    words = ["-t", str(WRK_THREADS), "-c", "32", "-d", "600", "--timeout", "60"]
    script = str(Path(__file__).with_name("workload.lua"))
    return subprocess.Popen(
        ["wrk", *words, "-s", script, url(host, port), "--", prefix, str(requests)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _end(process: subprocess.Popen[bytes] | subprocess.Popen[str]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def run(route: Route, nginx: Nginx) -> list[Row]:
    """Ask everything at once; all that nginx wrote down, once it has everything."""
    wrks: list[subprocess.Popen[bytes]] = []
    curls: list[subprocess.Popen[str]] = []
    with route.client.inside():
        for version, (host, port) in route.ask.items():
            wrks.append(start_wrk(f"wrk{version}", host, port))
            curls += [
                start_curl(host, port, _asks(f"curl{version}-{number}")) for number in range(_CURLS)
            ]
    try:
        for curl in curls:
            answers(curl)
        deadline = time.monotonic() + _DEADLINE
        while nginx.lines() < total(route):
            assert time.monotonic() < deadline, f"{nginx.lines()} of {total(route)} requests served"
            time.sleep(0.02)
    finally:
        for wrk in wrks:
            wrk.send_signal(signal.SIGINT)
        for wrk in wrks:
            _end(wrk)
        for curl in curls:
            _end(curl)
    rows = [truth(line) for line in nginx.stop()]
    assert len({row.id for row in rows}) == len(rows) == total(route)
    return rows


def differences(told: list[Row], rows: list[Row]) -> list[str]:
    """What is missing, invented or repeated, a few of each; empty when all is equal."""
    left = {row.id: row for row in rows}
    found = []
    for row in told:
        expected = left.pop(row.id, None)
        if expected is None:
            found.append(f"invented or repeated: {row}")
        elif row != expected:
            found.append(f"told: {row}, true: {expected}")
    found += [f"missing: {row}" for row in left.values()]
    return [*found[:10], f"and {len(found) - 10} more"] if len(found) > 10 else found

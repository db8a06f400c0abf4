"""The receivers of alerts: a real HTTP server that is away at first, and a real Alertmanager."""

import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from brokers.kafka import Kafka
from brokers.ports import Ports
from brokers.waiting import eventually

from .watching import BEGIN, Place, Record, record

_RULES = """
[[rule]]
id = "gone"
kind = "silence"
by = ["client"]
mute = "12h"
"""
_FAILING = """
[[rule]]
id = "failing"
kind = "threshold"
by = ["client"]
measure = "share"
match = { status = "5xx" }
above = 0.5
window = "2s"
mute = "10m"
"""
_CLIENTS = 4


@contextmanager
def receiver(port: int, answers: Callable[[Record], int], got: list[Any]) -> Iterator[None]:
    """A server that keeps what it is posted (status, secret, alert) and answers as it is told."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            alert = json.loads(self.rfile.read(int(self.headers["content-length"])))
            status = answers(alert)
            got.append((status, self.headers["x-secret"], alert))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            del args

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_webhook_that_was_away_gets_each_alert_once(kafka: Kafka, tmp_path: Path) -> None:
    """Nobody listens at first; then it answers 503 three times, and one alert is refused for good.

    Nothing is lost, the secret is the file's, and what was refused is passed over and counted.
    """
    port = Ports().free()
    secret = tmp_path / "secret"
    secret.write_text("Bearer of news\n")
    hook = (
        f'[[notify]]\nkind = "webhook"\nurl = "http://127.0.0.1:{port}/in"\n'
        f'header = "X-Secret"\nsecret_file = "{secret}"\n'
    )
    place = Place(kafka, "webhook", _RULES + hook, tmp_path)
    place.publish(record(n, BEGIN + n, source__ip=f"198.51.100.{n}") for n in range(_CLIENTS))
    got: list[Any] = []
    refused = ("198.51.100.1", "firing")

    def answers(alert: Record) -> int:
        if len(got) < 3:
            return 503
        told = alert["alert"]["group"]["source.ip"], alert["alert"]["state"]
        return 422 if told == refused else 204

    with place.running() as process:
        eventually(lambda: len(place.raised()) == 2 * _CLIENTS, "all alerts are there", 120.0)
        with receiver(port, answers, got):
            eventually(lambda: len(got) == 3 + 2 * _CLIENTS, "all alerts were posted", 90.0)
        process.terminate()
        _, said = process.communicate(timeout=30)
    posted = [alert for status, _, alert in got if status != 503]
    assert posted == place.raised()
    assert {secret for _, secret, _ in got} == {"Bearer of news"}
    assert [status for status, _, _ in got].count(422) == 1
    stopped = json.loads(said.splitlines()[-1])
    assert (stopped["handed_on"], stopped["refused"]) == (2 * _CLIENTS - 1, 1)


@contextmanager
def alertmanager(folder: Path) -> Iterator[str]:
    """Debian's, on loopback; its address."""
    program = shutil.which("prometheus-alertmanager")
    assert program, "make test installs it"
    config = folder / "alertmanager.yml"
    config.write_text('route: {receiver: "none"}\nreceivers: [{name: "none"}]\n')
    address = f"127.0.0.1:{Ports().free()}"
    with (folder / "alertmanager.log").open("wb") as log:
        process = subprocess.Popen(
            [
                *(program, f"--config.file={config}", f"--storage.path={folder}/alertmanager"),
                *(f"--web.listen-address={address}", "--cluster.listen-address="),
            ],
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        yield f"http://{address}"
    finally:
        process.terminate()
        process.wait(10)


def _answered(number: int, status: int) -> Record:
    """One that has just come."""
    return record(
        number, time.time(), source__ip="198.51.100.9", http__response__status_code=status
    )


def alerts_of(address: str) -> list[Record]:
    """What it holds for going on."""
    try:
        with urllib.request.urlopen(f"{address}/api/v2/alerts") as answer:  # noqa: S310 - loopback
            found: list[Record] = json.load(answer)
    except OSError:
        return []
    return found


def test_alertmanager_has_what_fires_and_ends_what_is_over(kafka: Kafka, tmp_path: Path) -> None:
    """A client that fails fires there under its rule's id; when it does well again it is over."""
    with alertmanager(tmp_path) as address:
        hook = f'[[notify]]\nkind = "alertmanager"\nurl = "{address}"\n'
        place = Place(kafka, "alertmanager", _FAILING + hook, tmp_path)
        place.publish([_answered(0, 500)])
        with place.running() as process:
            eventually(lambda: len(alerts_of(address)) == 1, "it fires", 120.0)
            process.terminate()
            assert process.wait(30) == 0
        (found,) = alerts_of(address)
        assert found["labels"] == {
            "alertname": "failing",
            "severity": "medium",
            "category": "threshold",
            "source_ip": "198.51.100.9",
        }
        (raised,) = place.raised()
        assert found["annotations"]["alert_id"] == raised["event"]["id"]

        # Ten minutes are not waited for here.
        place.rules.write_text(place.rules.read_text().replace('"10m"', '"1s"'))
        place.publish([_answered(1, 200)])
        with place.running():
            eventually(lambda: not alerts_of(address), "it is over", 120.0)
        assert [a["alert"]["state"] for a in place.raised()] == ["firing", "resolved"]

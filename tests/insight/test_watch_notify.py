"""The receivers of alerts: a real HTTP server that is away at first, and a real Alertmanager."""

import json
import shutil
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from brokers.kafka import Kafka
from brokers.ports import Ports
from brokers.waiting import eventually
from confluent_kafka import ConsumerGroupState
from confluent_kafka.admin import AdminClient

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
#: Answers before it takes anything.
_TROUBLES = (401, 401, 503, 503)


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


def test_a_webhook_in_trouble_gets_each_alert_once(kafka: Kafka, tmp_path: Path) -> None:
    """Nobody listens; then it knows no such secret, is broken, and the secret's file is gone.

    Every trouble is told once, and what was waited for comes once, in order, with the secret as
    it then is. One alert is refused for good: it is passed over and counted.
    """
    port = Ports().free()
    secret = tmp_path / "secret"
    secret.write_text("Bearer of old news\n")
    hook = (
        f'[[notify]]\nkind = "webhook"\nurl = "http://127.0.0.1:{port}/in/key-of-ours"\n'
        f'header = "X-Secret"\nsecret_file = "{secret}"\n'
    )
    place = Place(kafka, "webhook", _RULES + hook, tmp_path)
    place.publish(record(n, BEGIN + n, source__ip=f"198.51.100.{n}") for n in range(_CLIENTS))
    got: list[Any] = []
    refused = ("198.51.100.1", "firing")

    def answers(alert: Record) -> int:
        if len(got) < len(_TROUBLES):
            if len(got) == len(_TROUBLES) - 1:
                secret.unlink()
            return _TROUBLES[len(got)]
        told = alert["alert"]["group"]["source.ip"], alert["alert"]["state"]
        return 422 if told == refused else 204

    with place.running() as process:
        eventually(lambda: len(place.raised()) == 2 * _CLIENTS, "all alerts are there", 120.0)
        eventually(lambda: bool(place.said("does not take alerts")), "nobody listens", 60.0)
        with receiver(port, answers, got):
            eventually(lambda: bool(place.said("can't read the secret")), "it is gone", 90.0)
            secret.write_text("Bearer of news\n")
            wanted = len(_TROUBLES) + 2 * _CLIENTS
            eventually(lambda: len(got) == wanted, "all alerts were posted", 90.0)
        process.terminate()
        assert process.wait(30) == 0
    posted = [alert for status, _, alert in got if status not in _TROUBLES]
    assert posted == place.raised()
    assert {value for status, value, _ in got if status not in _TROUBLES} == {"Bearer of news"}
    assert [status for status, _, _ in got].count(422) == 1
    (counted,) = (line for line in place.said() if line["event"] == "stopped")
    assert (counted["handed_on"], counted["refused"]) == (2 * _CLIENTS - 1, 1)
    levels = [line["level"] for line in place.said("does not take alerts")]
    assert levels == ["warning", "error", "warning", "error"]
    assert [line["level"] for line in place.said("takes alerts again")] == ["info"]
    assert not place.said("key-of-ours")


def members(kafka: Kafka, place: Place) -> int:
    """How many processes have settled who hands the place's alerts on."""
    admin = AdminClient(dict(kafka.inside))
    known = admin.list_consumer_groups().result().valid
    groups = [one.group_id for one in known if one.group_id.startswith(f"{place.name}.notify.")]
    if not groups:
        return 0
    (described,) = admin.describe_consumer_groups(groups).values()
    group = described.result()
    return len(group.members) if group.state is ConsumerGroupState.STABLE else 0


def test_who_hands_on_may_change_while_a_receiver_is_away(kafka: Kafka, tmp_path: Path) -> None:
    """A second process comes while the first waits, and the first goes: every alert arrives."""
    port = Ports().free()
    hook = f'[[notify]]\nkind = "webhook"\nurl = "http://127.0.0.1:{port}/in"\n'
    place = Place(kafka, "changing", _RULES + hook, tmp_path)
    place.publish(record(n, BEGIN + n, source__ip=f"198.51.100.{n}") for n in range(_CLIENTS))
    got: list[Any] = []
    with place.running() as first:
        eventually(lambda: bool(place.said("does not take alerts")), "nobody listens", 120.0)
        with place.running() as second:
            eventually(lambda: members(kafka, place) == 2, "both hand on", 60.0)
            first.terminate()
            assert first.wait(30) == 0
            eventually(lambda: len(place.raised()) == 2 * _CLIENTS, "all alerts", 120.0)
            with receiver(port, lambda _: 204, got):
                wanted = {_which(one) for one in place.raised()}
                eventually(lambda: {_which(one[2]) for one in got} == wanted, "all of them", 90.0)
            assert second.poll() is None


def _which(alert: Record) -> tuple[str, str]:
    return alert["event"]["id"], alert["alert"]["state"]


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
        # Nobody resolves it: then it is over by itself, a day after it was told.
        told = datetime.fromisoformat(raised["event"]["created"])
        assert datetime.fromisoformat(found["endsAt"]) - told == timedelta(days=1)

        # Ten minutes are not waited for here.
        place.rules.write_text(place.rules.read_text().replace('"10m"', '"1s"'))
        place.publish([_answered(1, 200)])
        with place.running():
            eventually(lambda: not alerts_of(address), "it is over", 120.0)
        assert [a["alert"]["state"] for a in place.raised()] == ["firing", "resolved"]

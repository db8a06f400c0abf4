"""Reloads under traffic: each exchange becomes one record, by the old rules or by the new."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import termios
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from faults.agent import eventually
from metrics.running import Running, running

from shipper.delivery import Start, TopicReader

pytestmark = pytest.mark.usefixtures("root")

RELOADS = 50
TOPIC = "http.header.v1"
HEADER = "X-Token: geheim\r\n"


@pytest.fixture
def world() -> Iterator[Running]:
    """An agent whose filters stand in its file."""
    with running() as made:
        del made.settings["capture.include.ports"]
        yield made


def rules(port: int, *, new: bool) -> str:
    """Two configurations that agree on the traffic and on nothing else."""
    if new:
        return f"""
[capture.include]
ports = [{port}, 9]
cidrs = ["127.0.0.0/8"]
[capture.exclude]
cidrs = ["192.0.2.0/24"]
[record]
request_headers = ["x-token", "host"]
[privacy.headers]
x-token = "hash"
[privacy]
hash_key = "a key of some length"
hash_key_id = "new"
[agent]
log_level = "warning"
"""
    return f"""
[capture.include]
ports = [{port}]
[capture.exclude]
ports = [9]
[record]
request_headers = ["x-token"]
[privacy.headers]
x-token = "mask"
"""


def reload(world: Running, text: str) -> dict[str, Any]:
    """Have a new file read; what came of it."""
    before = world.asked.reloads()
    world.file.write_text(text)
    os.kill(world.agent.process.pid, signal.SIGHUP)
    counted = before["applied"] + before["refused"] + 1

    def done() -> bool:
        now = world.asked.reloads()
        return bool(now["applied"] + now["refused"] == counted)

    eventually(done, "the reload is done")
    return world.asked.reloads()


def records(world: Running) -> list[dict[str, Any]]:
    """All that stands in the topic."""
    settings = {"bootstrap.servers": str(world.settings["kafka.bootstrap.servers"])}
    with TopicReader(settings, TOPIC, log=lambda *_: None, start=Start.BEGINNING) as reader:
        return [json.loads(message.value) for message in reader.until_end()]


def token(record: dict[str, Any]) -> str:
    """What became of the secret header."""
    found: str = record["http"]["request"]["headers"]["x-token"][0]
    return found


def test_fifty_reloads_under_traffic(world: Running) -> None:
    """Every exchange once, each by one of both rules, its number without a hole; none incomplete.

    Connections of a hundred requests run across reloads; others begin in the midst of one.
    """
    port = world.traffic.port
    world.file.write_text(rules(port, new=False))
    agent = world.start()
    with world.traffic.flowing(rate=400, header=HEADER), world.traffic.flowing(rate=100, each=1):
        for number in range(RELOADS):
            outcome = reload(world, rules(port, new=number % 2 == 0))
        eventually(lambda: len(world.traffic.sent) > 2000, "enough traffic")
    sent = set(world.traffic.sent)
    assert outcome["applied"] == RELOADS
    assert outcome["refused"] == 0
    assert agent.stop() == 0
    found = records(world)
    ids = Counter(record["url"]["path"].removeprefix("/") for record in found)
    assert ids.keys() >= sent, f"{len(sent - ids.keys())} are lost"
    assert ids.keys() == sent
    assert set(ids.values()) == {1}
    assert not [r for r in found if "incomplete" in r["shipper"] or "joined_late" in r["shipper"]]
    numbers = sorted(record["event"]["sequence"] for record in found)
    assert numbers == list(range(len(found)))
    masked = [r for r in found if "x-token" in r["http"]["request"].get("headers", {})]
    ways = Counter(token(record).partition(":")[0] for record in masked)
    assert ways.keys() == {"***", "hmac"}
    assert min(ways.values()) > 100
    (stopped,) = [line for line in agent.said if line.get("event") == "stopped"]
    (worker,) = stopped["workers"]
    assert worker["exchanges"] == worker["shipped"] == worker["acknowledged"] == len(found)
    handed = sum(n for name, n in stopped["kernel"].items() if name.startswith("events_"))
    assert worker["assembly"]["events"] == handed
    audit = [sys.executable, "-m", "shipper", "audit", "--strict", "--json"]
    told = subprocess.run(
        [*audit, f"--bootstrap-servers={world.settings['kafka.bootstrap.servers']}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told
    assert json.loads(told.stdout)["verdict"] == "complete"


def test_a_wrong_configuration_changes_nothing(world: Running) -> None:
    """One line says why, without the secret in it; the old rules go on; the next one is taken."""
    port = world.traffic.port
    world.file.write_text(rules(port, new=False))
    agent = world.start()
    wrong = rules(port, new=True).replace('"hash"', '"shred"').replace("a key", "geheim")
    nowhere = f"[capture.include]\ncgroups = ['/not/there']\nports = [{port}]\n"
    for text in (wrong, "[privacy\n", nowhere):
        outcome = reload(world, text)
        assert outcome["said"].startswith("not reloaded, all stays as it was: ")
    assert outcome["refused"] == 3
    world.traffic.send(5, header=HEADER)
    world.counted(5)  # what still waits in the ring would be of the next rules
    errors = [line for line in agent.said if line.get("event") == "reload_refused"]
    assert len(errors) == 3
    assert "shred" in errors[0]["message"]
    assert "geheim" not in json.dumps(agent.said)
    assert reload(world, rules(port, new=True))["applied"] == 1
    world.traffic.send(5, header=HEADER)
    assert agent.stop() == 0
    in_order = sorted(records(world), key=lambda record: record["event"]["sequence"])
    assert [token(record)[:4] for record in in_order] == ["***"] * 5 + ["hmac"] * 5


def test_what_can_not_change_is_named_and_stays(world: Running) -> None:
    """Together with what does change; `shipper reload` prints it."""
    port = world.traffic.port
    world.file.write_text(f"[capture.include]\nports = [{port}]\n")
    agent = world.start()
    world.file.write_text(
        f"[capture.include]\nports = [{port}, 81]\n[capture]\nhook = 'interface'\n"
        "[kafka]\ntopic = 'other'\n[privacy]\nclient_ip = 'truncate'\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "reload", f"--set=metrics.listen={world.asked.listen}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "reloaded: changed: capture.include.ports, privacy.client_ip; "
        "stays as it was until a restart: capture.hook, kafka.topic\n"
    )
    world.traffic.send(3)
    assert agent.stop() == 0
    assert [record["source"]["ip"] for record in records(world)] == ["127.0.0.0"] * 3


def test_the_end_of_its_terminal_ends_it(world: Running) -> None:
    """A hang-up from who closed the window is no wish for a reload; one from elsewhere is."""
    world.file.write_text("output = ['stdout']\n")
    master, slave = pty.openpty()
    options = [f"--set=metrics.listen={world.asked.listen}", "--set=agent.log_format=json"]
    process = subprocess.Popen(
        [sys.executable, "-m", "shipper", "run", *options],
        stdin=slave,
        stdout=subprocess.DEVNULL,
        stderr=slave,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - one thread
        env={**os.environ, "SHIPPER_CONFIG": str(world.file)},
    )
    os.close(slave)
    try:
        eventually(world.asked.answers, "it answers")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: world.asked.reloads()["applied"] == 1, "it has reloaded")
        os.close(master)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def test_filters_and_a_key_s_file_are_read_anew(world: Running) -> None:
    """What is left out is seen no more, and again; another key gives other hashes."""
    port, key = world.traffic.port, world.folder / "key"
    base = (
        f"[privacy]\nclient_ip = 'hash'\nhash_key_file = '{key}'\nhash_key_id = 'one'\n"
        "[capture.include]\nports = "
    )
    seen = []
    key.write_text("the same key, once more")
    world.file.write_text(f"{base}[{port}]\n")
    agent = world.start()
    for wanted, written in (
        (port, "the same key, once more"),
        (9, ""),
        (port, "quite another key"),
    ):
        key.write_text(written or key.read_text())
        assert reload(world, f"{base}[{wanted}]\n")["refused"] == 0
        before = len(world.traffic.sent)
        world.traffic.send(2)
        seen.append(list(world.traffic.sent)[before:])
        world.counted(2)
    assert agent.stop() == 0
    found = {record["url"]["path"][1:]: record["source"]["ip"] for record in records(world)}
    assert found.keys() == {*seen[0], *seen[2]}
    first, second = {found[name] for name in seen[0]}, {found[name] for name in seen[2]}
    assert len(first) == len(second) == 1
    assert first != second

"""The look-up process: two questions are answered, and no others."""

import json
import os
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper.attribution import Asking, Channel, PodLogs, Remote, channels, serve
from shipper.attribution.paths import Place

A = "0a" * 32
UID = "12fdc709-933e-41d0-917f-cd84de9afa94"


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[Channel]:
    """The end that asks somebody who serves one folder of logs, and one that is not there."""
    (tmp_path / f"shop_web-0_{UID}").mkdir()
    serving, asking = channels()
    sources = [PodLogs(str(tmp_path)), PodLogs(str(tmp_path / "absent"))]
    server = threading.Thread(target=serve, args=([serving], sources))
    server.start()
    yield asking
    asking.close()
    server.join(60)
    assert not server.is_alive(), "it ends with the last who may ask"


def started(pid: int) -> int:
    """Field 22 of proc_pid_stat(5), as awk counts it in a name without spaces."""
    words = ["awk", "{print $22}", f"/proc/{pid}/stat"]
    return int(subprocess.run(words, capture_output=True, check=True).stdout)


def test_names(channel: Channel) -> None:
    """As the source itself would give them, and its problem as its own."""
    asking = Asking(channel)
    there, absent = Remote(asking, 0, "logs"), Remote(asking, 1, "absent")
    told = {"kubernetes": {"namespace": "shop", "pod": {"name": "web-0"}}}
    assert there.ask(Place(A, "containerd", UID, "web.service")) == told
    assert there.ask(Place(A)) == {}
    assert there.ask(Place(service="web.service")) == {}
    with pytest.raises(ValueError, match="No such file"):
        absent.ask(Place(pod=UID))


def test_the_executable_of_a_process(channel: Channel) -> None:
    """Of this very process: not of another that has its pid now, nor of one that has ended."""
    asking = Asking(channel)
    process = subprocess.Popen(["/bin/sleep", "60"])
    start = started(process.pid)
    while Path(f"/proc/{process.pid}/comm").read_text() != "sleep\n":
        pass
    assert asking.executable(process.pid, start) == str(Path("/bin/sleep").resolve())
    assert asking.executable(process.pid, start - 1) is None
    process.kill()
    process.wait()
    assert asking.executable(process.pid, start) is None
    assert asking.executable(os.getpid(), started(os.getpid())) == str(
        Path("/proc/self/exe").readlink()
    )


@pytest.mark.parametrize(
    "question",
    [
        {},
        {"id": 1},
        {"id": 1, "source": 0, "container": "../../etc/shadow", "pod": ""},
        {"id": 1, "source": 0, "container": "", "pod": "../../etc"},
        {"id": 1, "source": 2, "container": A, "pod": ""},
        {"id": 1, "source": 0, "container": A, "pod": "", "more": 1},
        {"id": 1, "source": 0, "container": [A], "pod": ""},
        {"id": 1, "process": "self/root", "start": 1},
        {"id": 1, "file": "/etc/shadow"},
        [],
        "executable",
        None,
    ],
)
def test_nothing_else_is_answered(channel: Channel, question: Any) -> None:  # noqa: ANN401
    """A refusal, and the next question is answered again."""
    channel.send(json.dumps(question).encode())
    answer = json.loads(channel.recv(1 << 16))
    assert "told" not in answer
    assert answer["problem"]
    assert Remote(Asking(channel), 0, "logs").ask(Place(pod=UID))


def test_what_is_no_json(channel: Channel) -> None:
    """It is refused like any other."""
    channel.send(b"\xff{")
    assert json.loads(channel.recv(1 << 16))["problem"]


def test_one_that_has_ended() -> None:
    """Whoever asks gets an error of the system, which is said once."""
    serving, asking = channels()
    serving.close()
    with pytest.raises(OSError, match=r"."):
        Asking(asking).ask(process=1, start=1)
    asking.close()

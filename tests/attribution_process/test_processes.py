"""What is believed of /proc, how processes are told, and why some are not."""

import hashlib
import os
import time
from dataclasses import replace
from pathlib import Path

import pytest

from shipper.attribution import BootClock, Processes, ProcessSettings, Procfs
from shipper.attribution.digests import Digests
from shipper.attribution.processes import REASONS
from shipper.contract.events import Owner
from shipper.contract.exchange import Connection, Exchange, Request, Response

_TICKS = os.sysconf("SC_CLK_TCK")
_WHERE = Connection("tcp", "cgroup", "ingress", b"\x7f\0\0\1", 40000, b"\x7f\0\0\1", 80, 1)


def _this_process() -> Owner:
    """As the kernel would name it."""
    stat = Path("/proc/self/stat").read_bytes().rpartition(b")")[2].split()
    start = int(stat[19]) * 1_000_000_000 // _TICKS
    return Owner(start, 1, os.getpid(), 0, os.getuid(), os.getppid(), "python", "sh")


def _exchange(process: Owner | None, **where: object) -> Exchange:
    request = Request("1.1", (), 0, 0, 10, 0, method="GET", target="/")
    response = Response("1.1", (), 0, 0, 10, 0, status=200)
    connection = replace(_WHERE, **where)  # type: ignore[arg-type]
    return Exchange(connection, request, response, process=process)


def test_a_file_of_the_very_process_is_believed() -> None:
    """Its words, as it was started with them."""
    words = Path("/proc/self/cmdline").read_bytes().decode("latin-1").rstrip("\0").split("\0")
    assert Procfs().command_line(_this_process()) == words


@pytest.mark.parametrize("off", [-1, 1])
def test_a_pid_that_is_another_process_now_is_not_believed(off: int) -> None:
    """One tick earlier or later, and it is the pid's next or last holder."""
    process = _this_process()
    other = process._replace(start=process.start + off * 1_000_000_000 // _TICKS)
    assert Procfs().command_line(other) == []


def test_an_unknown_start_proves_nothing() -> None:
    """Where the kernel does not tell when it began, the pid alone is not enough."""
    assert Procfs().command_line(_this_process()._replace(start=0)) == []


def test_another_namespaces_proc_is_not_read(tmp_path: Path) -> None:
    """Its pids are not those that the kernel names."""
    for name in ("self", str(os.getpid())):
        folder = tmp_path / name
        folder.mkdir()
        for file in ("cmdline", "stat"):
            (folder / file).write_bytes(Path(f"/proc/self/{file}").read_bytes())
    (tmp_path / "self/ns").mkdir()
    (tmp_path / "self/ns/pid").write_text("")
    assert Procfs(tmp_path).command_line(_this_process()) == []


def test_a_process_is_told_as_the_kernel_named_it() -> None:
    """Pid, name, start and user; at the server's end where requests come in."""
    owner = _this_process()._replace(vpid=7)
    processes = Processes(ProcessSettings(), Procfs(), BootClock())
    ends = processes.ends(_exchange(owner))
    assert ends.source is None
    assert ends.destination is not None
    process = dict(ends.destination.parts["process"])
    begun = process.pop("start")
    assert process == {"pid": owner.pid, "vpid": 7, "name": "python"}
    assert ends.destination.parts["user"] == {"id": str(owner.user)}
    uptime = time.clock_gettime(time.CLOCK_BOOTTIME) - owner.start / 1e9
    assert begun[:16] in {
        time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() - uptime + off)) for off in (-1, 1)
    }


def test_one_holder_stands_for_one_process() -> None:
    """Whatever it is asked about, and at which end: answers are kept by the object."""
    processes = Processes(ProcessSettings(parents=True), Procfs(), BootClock())
    first = processes.ends(_exchange(_this_process()))
    assert first.destination is not None
    again = processes.ends(_exchange(_this_process(), client_port=40001))
    asked = processes.ends(_exchange(_this_process(), direction="egress"))
    assert first.destination is again.destination is asked.source
    assert first.destination.parts["process"]["parent"] == {"pid": os.getppid(), "name": "sh"}


def test_every_exchange_is_named_or_counted_with_its_reason() -> None:
    """Each reason once, and together with the named ones they are all."""
    processes = Processes(ProcessSettings(), Procfs(), BootClock())
    late = _exchange(None)
    late.joined_late = True
    unanswered = _exchange(None)
    unanswered.response = None
    asked = [
        _exchange(_this_process()),
        _exchange(None, direction=None),
        unanswered,
        late,
        _exchange(None),
    ]
    for exchange in asked:
        processes.ends(exchange)
    totals = processes.totals()
    assert totals == {"named": 1, "unnamed": dict.fromkeys(REASONS, 1)}


def test_a_start_is_told_alike_whoever_tells_it() -> None:
    """The programs know nanoseconds, /proc ticks: both are the same moment."""
    clock = BootClock()
    exact = _this_process().start + 7_654_321
    assert clock.text(exact) == clock.text(_this_process().start)


def test_an_executable_that_is_asked_for() -> None:
    """Not while an exchange waits; then a new holder has it, and the old one is not changed."""
    owner = _this_process()
    asked: list[tuple[int, int]] = []
    hurried: list[int] = []

    def executables(pid: int, tick: int) -> dict[str, object]:
        asked.append((pid, tick))
        return {"executable": "/usr/bin/python3"}

    settings = ProcessSettings(executables=executables)
    processes = Processes(settings, Procfs(), BootClock(), hurry=lambda: hurried.append(1))
    before = processes.ends(_exchange(owner)).destination
    processes.ends(_exchange(owner))
    assert before is not None
    assert (asked, len(hurried)) == ([], 1)
    processes.refresh()
    after = processes.ends(_exchange(owner)).destination
    assert after is not None
    assert asked == [(os.getpid(), owner.start * _TICKS // 1_000_000_000)]
    assert "executable" not in before.parts["process"]
    assert after.parts["process"] == {
        **before.parts["process"],
        "executable": "/usr/bin/python3",
    }
    processes.refresh()
    assert len(asked) == 1


def test_nobody_answers() -> None:
    """A look-up process that is gone costs nothing but what it would have told."""

    def gone(_pid: int, _tick: int) -> dict[str, object]:
        raise ConnectionResetError

    processes = Processes(ProcessSettings(executables=gone), Procfs(), BootClock())
    processes.ends(_exchange(_this_process()))
    processes.refresh()
    assert processes.ends(_exchange(_this_process())).destination is not None


def test_a_digest_is_taken_once_for_each_file(tmp_path: Path) -> None:
    """And again when the file is another one, or has changed."""
    digests, file = Digests(), tmp_path / "program"
    file.write_bytes(b"one")
    link = tmp_path / "exe"
    link.symlink_to(file)
    assert digests.of(link) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"other")
    assert digests.of(link) == hashlib.sha256(b"other").hexdigest()
    assert digests.of(link) == hashlib.sha256(b"other").hexdigest()

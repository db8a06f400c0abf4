"""Real cgroups that the test makes: known as they come, remembered when they have gone."""

import errno
import logging
import os
import queue
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shipper.attribution import Holder, Host
from shipper.attribution.cgroups import Cgroups
from shipper.attribution.inotify import Inotify
from shipper.attribution.paths import Place
from shipper.capture import find_root

LOG = logging.getLogger("test")
ID = "ab" * 32


@pytest.fixture
def below() -> Iterator[Path]:
    """A cgroup of the test's own, removed with all in it."""
    made = find_root().path / f"shipper-test-{os.getpid()}"
    made.mkdir()
    yield made
    for at, _, _ in os.walk(made, topdown=False):
        Path(at).rmdir()


def number(path: Path) -> int:
    """The id that the kernel's events would carry."""
    return path.stat().st_ino


def test_cgroups_that_were_there_and_that_come(below: Path) -> None:
    """The tree at the start, then what is made, nested groups made at once among it."""
    (below / "before" / "inner").mkdir(parents=True)
    tree = Cgroups(find_root().path)
    tree.read()
    assert tree.known[number(below / "before" / "inner")] == f"/{below.name}/before/inner"
    deep = below / "a.slice" / "b.slice" / "web.service"
    deep.mkdir(parents=True)
    tree.refresh()
    assert tree.known[number(deep)] == f"/{below.name}/a.slice/b.slice/web.service"
    assert tree.unwatched == 0
    tree.close()


def test_a_cgroup_that_has_gone_is_remembered_and_its_path_used_anew(
    below: Path,
) -> None:
    """Its last exchanges come late; the same path made again is another cgroup."""
    tree = Cgroups(find_root().path)
    tree.read()
    (below / "web.service").mkdir()
    first = number(below / "web.service")
    tree.refresh()
    (below / "web.service").rmdir()
    (below / "web.service").mkdir()
    second = number(below / "web.service")
    tree.refresh()
    assert first != second
    assert tree.known[first] == tree.known[second] == f"/{below.name}/web.service"
    assert tree._gone.keys() == {first}
    tree.close()


def test_a_change_that_was_not_told(below: Path) -> None:
    """After an overflow of the kernel's queue the whole tree is read again."""
    tree = Cgroups(find_root().path)
    tree.read()
    (below / "old.service").mkdir()
    old = number(below / "old.service")
    tree.refresh()
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    for _ in range(limit // 2 + 2):  # a coming and a going each
        (below / "noise").mkdir()
        (below / "noise").rmdir()
    (below / "old.service").rmdir()
    (below / "new.service").mkdir()
    while tree.refresh():
        pass
    assert number(below / "new.service") not in tree.known
    assert tree.missed
    tree.read()
    assert number(below / "new.service") in tree.known
    assert old in tree._gone
    tree.close()


def test_the_host_tells_places_while_cgroups_come_and_go(below: Path) -> None:
    """The thread takes in what comes; a short-lived group is known although nobody asked for it."""
    host = Host(find_root().path, log=LOG)
    host.start()
    seen: list[int] = []
    for turn in range(50):
        made = below / f"docker-{turn:064x}.scope"
        made.mkdir()
        seen.append(number(made))
        assert host.place(seen[-1]) == Place(f"{turn:064x}", "docker")
        made.rmdir()
    assert [host.place(one) for one in seen] == [Place(f"{t:064x}", "docker") for t in range(50)]
    host.close()
    assert "attribution" not in {thread.name for thread in threading.enumerate()}


def test_somebody_in_a_hurry_waits_for_no_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is to be done is done at once, each time; the end is no hurry."""
    monkeypatch.setattr("shipper.attribution.host._INTERVAL", 3600.0)
    host = Host(None, log=LOG)
    called: queue.SimpleQueue[str] = queue.SimpleQueue()
    host.start(lambda: called.put("refreshed"))
    for _ in range(20):
        host.hurry()
        assert called.get(timeout=30) == "refreshed"
    host.close()
    assert called.empty()


@pytest.mark.parametrize(
    ("cgroup", "reason"),
    [(None, "cgroup_absent"), (1, "cgroup_root"), (1 << 62, "cgroup_unknown")],
)
def test_why_there_is_no_place(cgroup: int | None, reason: str) -> None:
    """Each reason has its name."""
    host = Host(find_root().path, log=LOG)
    assert host.place(cgroup) == reason
    host.close()


def test_a_cgroup_without_a_name_of_ours(below: Path) -> None:
    """A path that says nothing is told as such."""
    host = Host(find_root().path, log=LOG)
    assert host.place(number(below)) == "cgroup_unnamed"
    assert host.place_of(Holder(cgroup=number(below))) == "cgroup_unnamed"
    host.close()


def test_more_cgroups_than_may_be_watched(
    below: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """They are looked at again and again, and that is said once.

    The limit is the whole user's, so that to reach it would disturb whoever else runs here.
    """

    def full(_self: Inotify, path: Path) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(Inotify, "watch", full)
    host = Host(find_root().path, log=LOG)
    host.start()
    made = below / f"docker-{ID}.scope"
    made.mkdir()
    deadline = time.monotonic() + 30
    while host.place(number(made)) != Place(ID, "docker"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    host.close()
    assert ["can't be watched" in line for line in caplog.messages] == [True]

"""Disks that are full or broken, really: small file systems of the test's own."""

import errno
import fcntl
import logging
import os
import resource
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from delivery.conftest import record
from delivery.spool.conftest import Places, big, drained, equation, left, numbers, on_disk, submit
from shipper.delivery import Backpressure, Full, Leftover
from shipper.delivery.spool import Folder, backlog
from shipper.errors import ConfigError

SEGMENT = 1 << 16


def run(*command: str) -> str:
    """What one of the system's programs prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def tmpfs(path: Path, size: str) -> Iterator[Path]:
    """A file system in memory."""
    path.mkdir()
    run("mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path))
    try:
        yield path
    finally:
        run("umount", "-l", str(path))


@pytest.fixture
def small(tmp_path: Path, places: Places) -> Iterator[Path]:
    """700 KB; it is gone only after the sinks are."""
    with tmpfs(tmp_path / "small", "700k") as path:
        yield path
        places.close()


class Disk(NamedTuple):
    """An ext4 of 64 MB, and the file in memory in which its blocks stand."""

    mounted: Path
    blocks: int

    def shrink(self, size: int) -> None:
        """Blocks behind this many bytes are EIO to read."""
        os.ftruncate(self.blocks, size)

    def end_growth(self) -> None:
        """Blocks behind the end are EIO to write."""
        fcntl.fcntl(self.blocks, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW)


@contextmanager
def ext4(tmp_path: Path) -> Iterator[Disk]:
    """A file system on a loop device."""
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    blocks = os.memfd_create("disk", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
    os.ftruncate(blocks, 64 << 20)
    device = run("losetup", "--show", "-f", f"/proc/{os.getpid()}/fd/{blocks}").strip()
    try:
        run("mkfs.ext4", "-q", "-N", "64", "-O", "^has_journal", device)
        run("mount", "-o", "errors=continue", device, str(mounted))
        try:
            yield Disk(mounted, blocks)
        finally:
            run("umount", "-l", str(mounted))
    finally:
        run("losetup", "-d", device)
        os.close(blocks)


@pytest.mark.parametrize("policy", ["block", "drop_newest", "drop_oldest"])
def test_a_full_disk(places: Places, small: Path, policy: str) -> None:
    """Memory takes some, then the policy speaks; with room again all that was accepted goes on."""
    sink = places.cut_off(
        root=small,
        total_bytes=8 << 20,
        segment_bytes=SEGMENT,
        memory_bytes=300_000,
        when_full=policy,
        queue=50,
    )
    number, refused = 1, 0
    reasons: set[str] = set()
    for _ in range(1500):
        try:
            sink.submit(big(number))
            number += 1
        except (Full, Backpressure) as no:
            refused += 1
            reasons.add(str(no))
        sink.poll(0)
        assert equation(sink)
    assert reasons <= {"", "spool_unwritable"}
    on_disk_now = len(on_disk(sink.folder.path))
    assert number > on_disk_now + 100  # some wait in memory
    assert (refused > 0) == (policy != "drop_oldest")
    assert any("No space left on device" in line for line in places.said.loud(logging.ERROR))
    run("mount", "-o", "remount,size=16m", str(small))
    places.broker.up()
    assert sink.flush(30) == 0
    lost = numbers(sink)
    assert bool(lost) == (policy == "drop_oldest")
    assert places.sent() == [b"key-%d" % n for n in range(number) if n not in lost]
    assert sink.counters.failed.total() == len(lost)
    submit(sink, big(number))
    drained(sink, lambda: any("can be written again" in line for _, line in places.said))


def test_a_full_disk_and_a_broker_that_is_there(places: Places, small: Path) -> None:
    """Nothing is lost or held up: what Kafka has needs no disk."""
    (small / "ballast").write_bytes(bytes(600_000))
    sink = places.sink(
        root=small, segment_bytes=SEGMENT, memory_bytes=50_000, when_full="drop_newest"
    )
    for n in range(1200):
        sink.submit(big(n))
        if n % 20 == 0:
            drained(sink, lambda: sink.in_flight < 10)
    assert any("No space left" in line for line in places.said.loud(logging.ERROR))
    assert sink.flush(30) == 0
    assert places.sent() == [b"key-%d" % n for n in range(1200)]
    (small / "ballast").unlink()
    before = len(places.said)
    sink.submit(big(1200))
    drained(sink, lambda: any("written again" in line for _, line in places.said[before:]))
    submit(sink, *(big(n) for n in range(1201, 1300)))
    assert sink.flush(30) == 0
    sink.close()
    assert not on_disk(sink.folder.path) or on_disk(sink.folder.path)[0].position >= 1100


def test_the_end_on_a_full_disk(places: Places, small: Path) -> None:
    """What is only in memory then is lost, counted and named; the rest is for the next start."""
    sink = places.cut_off(root=small, segment_bytes=SEGMENT, total_bytes=8 << 20, queue=50)
    for n in range(1, 800):
        sink.submit(big(n))
        if n % 10 == 0:
            sink.poll(0)
    sink.close()
    assert equation(sink)
    kept = {frame.position for frame in on_disk(sink.folder.path)}
    lost = numbers(sink)
    assert set(lost.values()) == {"spool_unwritable"}
    assert set(lost) == set(range(1, 800)) - kept
    assert sink.counters.failed["spool_unwritable"] == len(lost)
    assert any(f"{len(lost)} records that the disk" in line for line in places.said.loud())
    closed: list[Leftover] = []
    places.broker.up()
    run("mount", "-o", "remount,size=16m", str(small))
    heir = places.sink("b-0", root=small, close_account=closed.append)
    drained(heir, lambda: bool(closed))
    assert set(numbers(closed[0])) == set(lost)
    assert set(places.sent()) == {b"key-%d" % n for n in range(800) if n not in lost}


def test_a_file_that_may_not_grow(places: Places) -> None:
    """Another error, in the middle of a write (EFBIG): half a frame harms nothing."""
    sink = places.cut_off(segment_bytes=1 << 20, queue=10)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (30_500, hard))
    try:
        submit(sink, *(big(n) for n in range(1, 100)))
        sink.poll(0)
        assert len(on_disk(sink.folder.path)) < 30
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert any("File too large" in line for line in places.said.loud(logging.ERROR))
    drained(sink, lambda: len(on_disk(sink.folder.path)) == 100)
    places.broker.up()
    assert sink.flush(30) == 0
    assert places.sent() == [b"key-%d" % n for n in range(100)]


@pytest.mark.parametrize("interval", [0, 0.05])
def test_the_disk_fails_to_sync(tmp_path: Path, places: Places, interval: float) -> None:
    """EIO from fdatasync is said; everything is sent all the same."""
    with ext4(tmp_path) as disk:
        sink = places.sink(
            root=disk.mounted, sync_interval=interval, segment_bytes=1 << 20, total_bytes=32 << 20
        )
        disk.shrink(4 << 20)
        disk.end_growth()
        submit(sink, *(big(n) for n in range(8000)))
        drained(sink, lambda: any("Input/output error" in s for s in places.said.loud()))
        assert sink.flush(30) == 0
        assert places.sent() == [b"key-%d" % n for n in range(8000)]
        assert not sink.counters.failed
        sink.close()


def _unreadable_places(paths: list[Path]) -> int:
    """Drop the files' pages; how many can't be read any more."""
    bad = 0
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        for at in range(0, path.stat().st_size, 4096):
            try:
                os.pread(file, 4096, at)
            except OSError as error:
                bad += error.errno == errno.EIO
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(file)
    return bad


def _harmed(folder: Path, disk: Disk) -> None:
    """Take blocks away from below the file system until some of the segments' are gone."""
    paths = sorted(folder.glob("*.log"))
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.fsync(file)
        os.close(file)
    size = os.fstat(disk.blocks).st_size
    while not _unreadable_places(paths):
        size -= 1 << 19
        assert size > 1 << 20
        disk.shrink(size)


def test_the_disk_fails_to_read(
    tmp_path: Path, places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """EIO while reading back: what can be read is sent, page by page, the rest is named."""
    monkeypatch.setattr(backlog, "_AT_HAND", 0)
    with ext4(tmp_path) as disk:
        sink = places.cut_off(
            root=disk.mounted, segment_bytes=1 << 18, total_bytes=32 << 20, queue=10
        )
        submit(sink, *(big(n) for n in range(1, 2000)))
        sink.poll(0)
        _harmed(sink.folder.path, disk)
        readable = {frame.position for frame in on_disk(sink.folder.path)}
        assert 0 < len(readable) < 2000
        places.broker.up()
        assert sink.flush(30) == 0
        arrived = {int(key[4:]) for key in places.sent()}
        assert set(numbers(sink)) == set(range(2000)) - arrived
        assert arrived >= readable
        assert sink.counters.failed["spool_unreadable"] == 2000 - len(arrived)
        sink.close()


def test_a_leftover_on_a_broken_disk(tmp_path: Path, places: Places) -> None:
    """An heir sends what can be read, says what can't, and goes on."""
    with ext4(tmp_path) as disk:
        sink = places.cut_off(
            root=disk.mounted, segment_bytes=1 << 18, total_bytes=32 << 20, queue=10
        )
        submit(sink, *(big(n) for n in range(1, 2000)))
        sink.poll(0)
        sink.close()
        _harmed(sink.folder.path, disk)
        readable = {frame.position for frame in on_disk(sink.folder.path)}
        closed: list[Leftover] = []
        places.broker.up()
        heir = places.sink("b-0", root=disk.mounted, close_account=closed.append)
        drained(heir, lambda: bool(closed))
        arrived = {int(key[4:]) for key in places.sent()}
        assert arrived == readable | {0}
        assert set(numbers(closed[0])) == set(range(1, 2000)) - arrived
        assert any("can't be read any more" in line for line in places.said.loud())
        heir.close()


def test_no_room_for_a_spool(tmp_path: Path) -> None:
    """One line that says where, and what to do."""
    with tmpfs(tmp_path / "tiny", "32k") as path, pytest.raises(ConfigError, match="No space"):
        Folder.make(path, "a-0")
    with pytest.raises(ConfigError, match=r"spool\.path"):
        Folder.make(tmp_path / "nowhere", "a-0")


@pytest.mark.parametrize("interval", [0, 0.05])
def test_sync_interval(places: Places, monkeypatch: pytest.MonkeyPatch, interval: float) -> None:
    """0 syncs with every write, before it counts as written; else a thread does so now and then."""
    synced: list[str] = []
    real = os.fdatasync

    def told(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().suffix)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", told)
    sink = places.sink(sync_interval=interval)
    for n in range(10):
        sink.submit(record(n))
        sink.poll(0)
        if not interval:
            assert synced.count(".log") == n + 1
    if interval:
        drained(sink, lambda: synced.count(".log") >= 1)
        assert synced.count(".log") < 10
    assert sink.flush(10) == 0
    sink.close()
    assert left(places.root) == [sink.folder.path]

"""What dead incarnations left: adopted whatever happened to it, sent under the old keys, closed."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.conftest import TOPIC, record
from delivery.spool.conftest import Places, big, drained, left, letter, numbers, on_disk, submit
from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.spool import Folder, Leftover, Log
from shipper.delivery.spool.extent import Extent, Extents
from shipper.delivery.spool.segments import found

NAME = "0b0d4ab5-1111-4222-8333-444455556666-0"


def leave(
    root: Path, records: list[EncodedRecord], settled: int = 0, name: str = NAME
) -> list[Path]:
    """A dead incarnation's folder, of 3 KB segments; those."""
    folder = Folder.make(root, name)
    log = Log(folder, segment_bytes=3000)
    for each in records:
        log.append(each)
    log.commit()
    log.settle(range(settled))
    log.close()
    folder.state.write({"owner": name})
    folder.close()
    return sorted(folder.path.glob("*.log"))


def mixed(count: int) -> list[EncodedRecord]:
    """Records, and every fifth a letter."""
    made, number = [], 0
    for n in range(count):
        made.append(letter(n) if n % 5 == 2 else big(number))
        number += made[-1].sequence != UNNUMBERED
    return made


def adopt(root: Path, name: str = NAME) -> Leftover:
    """Take the folder as the next start does."""
    folder = Folder.open(root / name)
    assert folder is not None
    return Leftover(folder)


def settle_all(leftover: Leftover) -> list[int]:
    """Read, settle and forget everything; the positions."""
    seen = []
    for position, _ in leftover.records():
        seen.append(position)
        leftover.settle(position)
    leftover.remember()
    assert leftover.settled
    return seen


def _torn(paths: list[Path]) -> None:
    os.truncate(paths[-1], paths[-1].stat().st_size - 500)


def _flipped(paths: list[Path]) -> None:
    raw = bytearray(paths[2].read_bytes())
    raw[700] ^= 1
    paths[2].write_bytes(raw)


def _missing(*numbers: int) -> Callable[[list[Path]], None]:
    def harm(paths: list[Path]) -> None:
        for number in numbers:
            paths[number].unlink()

    return harm


def _renamed(paths: list[Path]) -> None:
    for path, other in zip(paths, reversed(paths), strict=True):
        path.rename(path.with_name(f"x{other.name}"))


def _doubled(paths: list[Path]) -> None:
    shutil.copy(paths[1], paths[1].with_name(f"0{paths[1].name}"))
    _flip_first(paths[1])


def _flip_first(path: Path) -> None:
    raw = bytearray(path.read_bytes())
    raw[60] ^= 1
    path.write_bytes(raw)


def _joined(paths: list[Path]) -> None:
    paths[0].write_bytes(paths[0].read_bytes() + b"rubbish" + paths[4].read_bytes())
    paths[4].unlink()


def _nothing(paths: list[Path]) -> None:
    del paths


def _emptied(paths: list[Path]) -> None:
    for path in paths:
        path.write_bytes(b"")


HARMS: dict[str, Callable[[list[Path]], None]] = {
    "nothing": _nothing,
    "torn tail": _torn,
    "flipped bit": _flipped,
    "first missing": _missing(0),
    "middle missing": _missing(2, 3),
    "last missing": _missing(-1),
    "all missing": _missing(0, 1, 2, 3, 4, 5, 6),
    "renamed": _renamed,
    "doubled, one of them damaged": _doubled,
    "joined": _joined,
    "emptied": _emptied,
}


@pytest.mark.parametrize("settled", [0, 2])
@pytest.mark.parametrize("harm", HARMS)
def test_harm(tmp_path: Path, harm: str, settled: int) -> None:
    """Every intact record comes, once; every other number is named, and no other."""
    records = mixed(21)
    paths = leave(tmp_path, records, settled)
    assert len(paths) == 7
    HARMS[harm](paths)
    intact = {frame.position for frame in on_disk(tmp_path / NAME)} - set(range(settled))
    leftover = adopt(tmp_path)
    got = dict(leftover.records())
    assert set(got) == intact
    assert all(records[position] == each for position, each in got.items())
    gone = set(range(settled, 21)) - intact
    lost = {records[position].sequence for position in gone} - {UNNUMBERED}
    assert set(numbers(leftover)) == lost
    assert leftover.discarded.total() == len(gone)
    assert bool(leftover.damage) == (harm not in {"nothing", "renamed"})
    assert leftover.next_sequence == max(each.sequence for each in records) + 1
    for position in got:
        assert not leftover.settled
        leftover.settle(position)
    assert leftover.settled
    leftover.remember()
    assert leftover.marks.watermark == 21
    leftover.folder.remove()
    assert left(tmp_path) == []


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_any_harm(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Several at once, in files and their names: what is intact comes once, the rest is named."""
    root = tmp_path_factory.mktemp("spool")
    records = mixed(30)
    settled = data.draw(st.sampled_from([0, 1, 2, 9, 30]))
    paths = leave(root, records, settled)
    for path in paths:
        raw = bytearray(path.read_bytes())
        match data.draw(st.sampled_from(["", "", "cut", "flip", "gone", "name", "twice", "hole"])):
            case "cut":
                path.write_bytes(raw[: data.draw(st.integers(0, len(raw)))])
            case "flip":
                raw[data.draw(st.integers(0, len(raw) - 1))] ^= 16
                path.write_bytes(raw)
            case "gone":
                path.unlink()
            case "name":
                path.rename(path.with_name(f"{data.draw(st.integers(0, 99))}-{path.name}.log"))
            case "twice":
                path.with_name(f"9{path.name}").write_bytes(raw)
            case "hole":
                at = data.draw(st.integers(0, len(raw)))
                path.write_bytes(raw[:at] + bytes(data.draw(st.integers(0, 90))) + raw[at + 99 :])
    intact = {frame.position for frame in on_disk(root / NAME)} - set(range(settled))
    leftover = adopt(root)
    positions = settle_all(leftover)
    assert sorted(positions) == sorted(intact)
    gone = set(range(settled, 30)) - intact
    assert set(numbers(leftover)) >= {records[p].sequence for p in gone} - {UNNUMBERED}
    assert not set(numbers(leftover)) & {records[p].sequence for p in intact}
    assert leftover.discarded.total() == len(gone)
    leftover.folder.remove()


@given(st.permutations(range(40)), st.integers(0, 40))
def test_extents(order: list[int], count: int) -> None:
    """Positions met in any order, some twice: what is missing is what was not met."""
    extents = Extents()
    met = order[:count]
    for position in met:
        assert extents.add(Extent(position, position + 1, position, position + 1))
        assert not extents.add(Extent(position, position + 1, position, position + 1))
    gaps = extents.missing(Extent(5, 5, 5, 5), Extent(40, 40, 40, 40))
    missing = [n for gap in gaps for n in range(gap.first, gap.end)]
    assert missing == [n for n in range(5, 40) if n not in met]
    begin = extents.before(5)
    assert (begin is not None) == (4 in met)


def test_no_state(tmp_path: Path) -> None:
    """Without one, everything there is comes; nothing that was settled is called lost."""
    for harm in (
        Path.unlink,
        lambda path: os.truncate(path, 20),
        lambda p: p.write_bytes(b"?" * 9),
    ):
        leave(tmp_path, mixed(21), 7)
        harm(tmp_path / NAME / "state")
        leftover = adopt(tmp_path)
        assert settle_all(leftover) == list(range(6, 21))
        assert leftover.lost.ranges == []
        assert not leftover.discarded
        assert any("its state can't be read" in line for line in leftover.damage)
        leftover.folder.remove()


def test_one_of_two_marks_is_damaged(tmp_path: Path) -> None:
    """The other one counts: a few settled records come once more, none is called lost."""
    for slot in (0, 64):
        leave(tmp_path, mixed(21), 7)
        with (tmp_path / NAME / "state").open("r+b") as file:
            file.seek(slot + 9)
            file.write(b"\xff\xff")
        leftover = adopt(tmp_path)
        assert set(settle_all(leftover)) >= set(range(7, 21))
        assert leftover.lost.ranges == []
        leftover.folder.remove()


def test_the_state_is_ahead_of_the_frames(tmp_path: Path) -> None:
    """As after a loss of power: what was accepted and did not reach the disk is named."""
    folder = Folder.make(tmp_path, NAME)
    log = Log(folder, segment_bytes=1 << 20)
    for n in range(10):
        log.append(record(n))
        if n == 6:
            log.commit()
    log.mark()
    folder.close()
    leftover = adopt(tmp_path)
    assert settle_all(leftover) == list(range(7))
    assert leftover.lost.ranges == [(7, 9, "spool_unreadable")]
    leftover.close()


def test_nothing_in_it(tmp_path: Path) -> None:
    """An empty folder, made and never used, is no harm."""
    (tmp_path / NAME).mkdir()
    leftover = adopt(tmp_path)
    assert settle_all(leftover) == []
    assert leftover.damage == []
    leftover.folder.remove()
    assert left(tmp_path) == []


def test_files_and_folders_of_others_stay(places: Places) -> None:
    """Only folders of agents are touched: with their lock, or with such a name."""
    outside = places.root.parent / f"{places.root.name}-outside"
    outside.mkdir()
    for name in ("lost+found", "data-1", "a"):
        (places.root / name).mkdir()
        (places.root / name / "kept.log").write_text("mine")
    (places.root / "readme").write_text("mine")
    (outside / "kept.log").write_text("mine")
    (places.root / NAME).symlink_to(outside)
    sink = places.sink("b-0")
    submit(sink, record(1))
    assert sink.flush(10) == 0
    assert {path.name for path in places.root.iterdir()} == {
        "lost+found", "data-1", "a", "readme", NAME, "b-0",
    }  # fmt: skip
    kept = sorted(places.root.rglob("kept.log"))
    assert len(kept) >= 3
    assert [path.name for path in outside.iterdir()] == ["kept.log"]
    assert sink.legacy.incarnations == 0


def test_an_heir_sends_the_rest(places: Places) -> None:
    """Under the same keys, beside its own; its account last, and then the folder goes."""
    records = mixed(21)
    leave(places.root, records, 6)
    accounts: list[Leftover] = []

    def close_account(leftover: Leftover) -> EncodedRecord:
        accounts.append(leftover)
        return EncodedRecord(TOPIC, b"account", b"{}", 1, (), b"", UNNUMBERED)

    sink = places.sink("b-0", close_account=close_account)
    submit(sink, *(record(n) for n in range(1000, 1010)))
    drained(sink, lambda: len(left(places.root)) == 1 and not sink.in_flight)
    keys = places.sent()
    assert sorted(keys) == sorted(
        [each.key for each in records[6:]]
        + [b"key-%d" % n for n in range(1000, 1010)]
        + [b"account"]
    )
    old = [each.key for each in records[6:]]
    assert [key for key in keys if key in old] == old
    assert keys.index(b"account") > keys.index(old[-1])
    assert len(accounts) == 1
    counters = sink.legacy.counters
    assert counters.submitted == counters.acknowledged + counters.dead_lettered.total() == 15


def test_shutdown_in_between(places: Places) -> None:
    """What an heir has not got acknowledged stays for the next one."""
    records = mixed(21)
    leave(places.root, records)
    first = places.sink("b-0")
    assert first.kafka.counters.submitted == 0
    places.broker.slow(60_000)
    for _ in range(20):
        first.poll(0.02)
    assert first.legacy.counters.acknowledged == 0
    first.close()
    places.broker.slow(0)
    second = places.sink("c-0")
    drained(second, lambda: left(places.root) == [second.folder.path])
    assert sorted(set(places.sent())) == sorted(each.key for each in records)


def test_leftovers_are_not_starved(places: Places) -> None:
    """They get their share although there is always more of our own than the producer takes."""
    leave(places.root, [record(n)._replace(key=b"old-%d" % n) for n in range(200)])
    sink = places.sink("b-0", queue=100)
    number = 0

    def push() -> bool:
        nonlocal number
        for _ in range(150):
            sink.submit(record(number))
            number += 1
        return len(left(places.root)) == 1

    drained(sink, push)
    assert sink.in_flight > 0
    assert sink.flush(30) == 0


def test_many_leftovers(places: Places) -> None:
    """Three hundred incarnations: few are open at a time, all are sent."""
    for n in range(300):
        name = f"0b0d4ab5-1111-4222-8333-{n:012d}-0"
        leave(places.root, [record(n)], name=name)
    sink = places.sink("b-0")
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    most = 0

    def counted() -> bool:
        nonlocal most
        most = max(most, len(list(Path("/proc/self/fd").iterdir())))
        return len(left(places.root)) == 1

    drained(sink, counted)
    assert most < open_before + 100
    assert sorted(places.sent()) == sorted(b"key-%d" % n for n in range(300))


def test_a_file_that_can_not_be_opened_now(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said, nothing is called lost, and it is tried again."""
    from shipper.delivery import legacy  # noqa: PLC0415 - for its clock

    monkeypatch.setattr(legacy, "_LOOK_S", 0.5)
    paths = leave(places.root, mixed(21))
    hidden = paths[3].with_name("elsewhere")
    paths[3].rename(hidden)
    paths[3].symlink_to(paths[3].name)  # ELOOP
    sink = places.sink("b-0")
    drained(sink, lambda: sink.legacy.counters.submitted == 18 and not sink.kafka.in_flight)
    for _ in range(20):
        sink.poll(0.02)
    assert len(left(places.root)) == 2
    assert any("symbolic links" in line for line in places.said.loud())
    paths[3].unlink()
    hidden.rename(paths[3])
    drained(sink, lambda: len(left(places.root)) == 1)
    assert sorted(places.sent()) == sorted(each.key for each in mixed(21))


def test_found_in_the_order_of_their_frames(tmp_path: Path) -> None:
    """Names are believed only where nothing inside says more."""
    paths = leave(tmp_path, mixed(21))
    paths[0].rename(paths[0].with_name("z.log"))
    paths[1].write_bytes(b"")
    assert [segment.first for segment in found(tmp_path / NAME)] == [0, 3, 6, 9, 12, 15, 18]

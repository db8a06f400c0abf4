"""The sink with the spool: what is accepted is counted, kept, and sent in its order."""

import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.conftest import record
from delivery.spool.conftest import (
    Places,
    big,
    drained,
    equation,
    left,
    letter,
    numbers,
    on_disk,
    submit,
)
from shipper.delivery import Backpressure, Full, Leftover
from shipper.delivery.spool import Folder, Log, backlog
from shipper.delivery.spool.watermark import Watermark

SEGMENT = 1 << 16


def test_what_is_accepted_arrives_and_goes(places: Places) -> None:
    """In its order; then the segments go, and with the last account the folder."""
    sink = places.sink(segment_bytes=SEGMENT)
    submit(sink, *(big(n) for n in range(500)))
    assert sink.flush(20) == 0
    assert places.sent() == [b"key-%d" % n for n in range(500)]
    assert (sink.counters.submitted, sink.counters.acknowledged) == (500, 500)
    assert sink.settled_sequence == 500
    assert sink.size < 2 * SEGMENT
    assert len(list(sink.folder.path.glob("*.log"))) <= 1 + 1  # one may wait for a sync
    sink.accounted = True
    sink.close()
    assert left(places.root) == []


def test_what_was_accepted_is_on_disk_before_it_is_handed_on(places: Places) -> None:
    """After the turn of the loop all stands in files that only the agent may read."""
    sink = places.cut_off(segment_bytes=SEGMENT)
    submit(sink, *(big(n) for n in range(1, 200)))
    sink.poll(0)
    assert [frame.position for frame in on_disk(sink.folder.path)] == list(range(200))
    assert [frame.record for frame in on_disk(sink.folder.path)] == [big(n) for n in range(200)]
    assert stat.S_IMODE(sink.folder.path.stat().st_mode) == 0o700
    modes = {stat.S_IMODE(path.stat().st_mode) for path in sink.folder.path.iterdir()}
    assert modes == {0o600}


def test_an_outage_is_longer_than_memory(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not stay in memory is read back while more is written, letters in their places."""
    monkeypatch.setattr(backlog, "_AT_HAND", 20_000)
    sink = places.cut_off(segment_bytes=SEGMENT, queue=100)
    sent = [big(0)]
    for n in range(1, 600):
        sent.append(big(n))
        if n % 7 == 0:
            sent.append(letter(n))
        submit(sink, *sent[-1 - (n % 7 == 0) :])
        if n % 50 == 0:
            sink.poll(0)
    assert len(sink._backlog._queue) < 400
    places.broker.up()
    more = [big(n) for n in range(600, 900)]
    for each in more:
        submit(sink, each)
        sink.poll(0.001)
        assert equation(sink)
    assert sink.flush(30) == 0
    assert places.sent() == [each.key for each in [*sent, *more]]
    assert sink.lost.ranges == []


@given(st.permutations(range(60)), st.data())
@settings(max_examples=60)
def test_settled_in_any_order(order: list[int], data: st.DataObject) -> None:
    """The watermark is the first that is not settled, ranges among them or not."""
    watermark, done = Watermark(), set()
    while order:
        count = data.draw(st.integers(1, 9))
        batch, order = order[:count], order[count:]
        if data.draw(st.booleans()):
            first = data.draw(st.integers(0, 60))
            end = data.draw(st.integers(0, 70))
            watermark.settle_range(first, end)
            done |= set(range(first, end))
        watermark.settle(batch)
        done |= set(batch)
        expected = next(n for n in range(200) if n not in done)
        assert watermark.at == expected
        assert watermark.open(0, 80) == [n for n in range(80) if n not in done]


def test_segments_go_when_their_last_is_settled(tmp_path: Path) -> None:
    """Not one record earlier; sizes are those of the files, and the mark comes first."""
    folder = Folder.make(tmp_path, "a-0")
    log = Log(folder, segment_bytes=3000)
    for n in range(9):
        log.append(big(n))
    log.commit()
    assert [(s.first, s.end) for s in log.segments] == [(0, 3), (3, 6), (6, 9)]
    assert log.size == sum(path.stat().st_size for path in tmp_path.glob("a-0/*.log"))
    log.settle([4, 5, 1, 2])
    assert len(log.segments) == 3
    log.settle([3])
    assert len(log.segments) == 3
    log.settle([0])
    assert [s.first for s in log.segments] == [6]
    assert folder.state.marks.watermark == 6
    assert log.settled_sequence == 6
    log.close()
    assert log.size == sum(path.stat().st_size for path in tmp_path.glob("a-0/*.log"))
    folder.close()


def _fill(sink: Any, first: int, count: int) -> list[int]:  # noqa: ANN401 - a sink, or what a test makes of it
    """The numbers that were accepted; what is refused takes no number."""
    number = first
    for _ in range(count):
        try:
            sink.submit(big(number))
            number += 1
        except (Full, Backpressure):
            pass
        sink.poll(0)
        assert equation(sink)
    return list(range(first, number))


def test_block_when_full(places: Places) -> None:
    """Nothing more is taken, nothing is lost, and it goes on when Kafka is back."""
    sink = places.cut_off(total_bytes=1 << 19, segment_bytes=SEGMENT, queue=50)
    taken = [0, *_fill(sink, 1, 699)]
    assert 300 < len(taken) < 600
    assert sink.size <= 1 << 19
    with pytest.raises(Backpressure):
        sink.submit(big(len(taken)))
    places.broker.up()
    submit(sink, *(big(n) for n in range(len(taken), 700)))
    assert sink.flush(30) == 0
    assert places.sent() == [b"key-%d" % n for n in range(700)]
    assert not sink.counters.failed


def test_drop_newest_when_full(places: Places) -> None:
    """What comes is refused with the reason; what was accepted arrives."""
    sink = places.cut_off(
        total_bytes=1 << 19, segment_bytes=SEGMENT, queue=50, when_full="drop_newest"
    )
    taken = [0, *_fill(sink, 1, 699)]
    with pytest.raises(Full, match="spool_full"):
        sink.submit(big(len(taken)))
    assert not sink.counters.failed
    places.broker.up()
    assert sink.flush(30) == 0
    assert places.sent() == [b"key-%d" % n for n in taken]


@pytest.mark.parametrize("at_hand", [4 << 20, 10_000])
@pytest.mark.parametrize("letters", [False, True])
def test_drop_oldest_when_full(
    places: Places, monkeypatch: pytest.MonkeyPatch, *, letters: bool, at_hand: int
) -> None:
    """What waited longest goes, but nothing that the producer has; the numbers are named."""
    monkeypatch.setattr(backlog, "_AT_HAND", at_hand)
    sink = places.cut_off(
        total_bytes=1 << 19, segment_bytes=SEGMENT, queue=50, when_full="drop_oldest"
    )
    sent = [big(0)]
    for n in range(1, 1500):
        sent.append(big(n))
        if letters and n % 3 == 0:
            sent.append(letter(n))
        submit(sink, *sent[-1 - (letters and n % 3 == 0) :])
        if n % 20 == 0:
            sink.poll(0)
            assert equation(sink)
    assert sink.size <= 1 << 19
    handed = sink.kafka.counters.submitted
    assert handed == 51
    dropped = sink.counters.failed["spool_full"]
    places.broker.up()
    assert sink.flush(30) == 0
    arrived = places.sent()
    assert arrived == [each.key for each in sent if each.key in set(arrived)]
    assert arrived[:51] == [each.key for each in sent[:51]]
    assert len(sent) - len(arrived) == sink.counters.failed["spool_full"] == dropped > 500
    missing = {each.sequence for each in sent if each.sequence >= 0 and each.key not in arrived}
    assert numbers(sink) == dict.fromkeys(missing, "spool_full")
    assert list(sink.counters.failed) == ["spool_full"]
    assert places.said.loud() != []


def test_dropped_ones_are_told_once_after_a_kill(places: Places) -> None:
    """Tombstones keep what was given up apart from what can't be read."""
    sink = places.cut_off(
        total_bytes=1 << 19, segment_bytes=SEGMENT, queue=50, when_full="drop_oldest"
    )
    submit(sink, *(big(n) for n in range(1, 1500)))
    sink.poll(0)
    dropped = numbers(sink)
    assert len(list(sink.folder.path.glob("*.lost"))) == 1  # neighbours are one
    sink.close()
    closed: list[Leftover] = []
    places.broker.up()
    heir = places.sink("b-0", close_account=closed.append)
    drained(heir, lambda: bool(closed))
    (leftover,) = closed
    assert numbers(leftover) == dropped
    assert leftover.discarded == {"spool_full": len(dropped)}
    arrived = places.sent()
    expected = {b"key-%d" % n for n in range(1500) if n not in dropped}
    assert set(arrived) == expected
    drained(heir, lambda: left(places.root) == [heir.folder.path])


def test_a_record_that_is_larger_than_all_the_room(places: Places) -> None:
    """It is taken when nothing else waits, for it would never be."""
    sink = places.sink(total_bytes=1 << 17, segment_bytes=1 << 14)
    submit(sink, big(0, 400_000), big(1, 400_000))
    assert sink.flush(20) == 0
    assert places.sent() == [b"key-0", b"key-1"]


def test_each_is_told_of_its_own(places: Places) -> None:
    """A record that came with a function to call is told when it is settled, once."""
    told: list[tuple[int, str | None]] = []
    sink = places.sink(segment_bytes=SEGMENT)
    for n in range(50):
        sink.submit(record(n), lambda reason, n=n: told.append((n, reason)))  # type: ignore[misc]
    assert sink.flush(20) == 0
    assert sorted(told) == [(n, None) for n in range(50)]


def test_damage_while_running(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    """What can't be read back is named exactly, letters apart; all else goes, segments too."""
    monkeypatch.setattr(backlog, "_AT_HAND", 0)
    sink = places.cut_off(segment_bytes=8000, queue=10)
    sent = [big(0)]
    for n in range(1, 100):
        sent += [big(n), letter(n)] if n % 4 == 0 else [big(n)]
    submit(sink, *sent[1:])
    sink.poll(0)
    paths = sorted(sink.folder.path.glob("*.log"))
    paths[3].unlink()
    torn = paths[5].read_bytes()
    paths[5].write_bytes(torn[: len(torn) // 2])
    raw = bytearray(paths[7].read_bytes())
    raw[1500] ^= 4
    paths[7].write_bytes(raw)
    last = bytearray(paths[-1].read_bytes())
    last[4] ^= 255
    paths[-1].write_bytes(last)
    readable = {frame.position for frame in on_disk(sink.folder.path)}
    gone = [each for n, each in enumerate(sent) if n not in readable]
    places.broker.up()
    assert sink.flush(30) == 0
    arrived = places.sent()
    assert arrived == [each.key for n, each in enumerate(sent) if n in readable]
    assert sink.counters.failed == {"spool_unreadable": len(gone)}
    lost = {each.sequence for each in gone if each.sequence >= 0}
    assert numbers(sink) == dict.fromkeys(lost, "spool_unreadable")
    assert len(gone) > 10

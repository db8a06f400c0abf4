"""Files, standard output and several sinks at once: real files, real pipes."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from shipper.contract.record import EncodedRecord
from shipper.delivery.files import FileSink, StdoutSink
from shipper.delivery.sink import Backpressure, Counters, ReaderGone, Settled
from shipper.delivery.tee import TeeSink
from shipper.errors import ConfigError

from .conftest import Said, record


def lines(path: Path) -> list[bytes]:
    """A file's lines."""
    return path.read_bytes().splitlines()


def test_file_gets_json_lines_for_its_owner_only(tmp_path: Path, said: Said) -> None:
    """One line a record, mode 0600, acknowledged when written."""
    path = tmp_path / "records.jsonl"
    sink = FileSink(path, log=said)
    for number in range(3):
        sink.submit(record(number))
    assert (sink.in_flight, sink.counters.acknowledged) == (3, 0)
    assert sink.poll(0) == 3
    assert lines(path) == [record(n).value for n in range(3)]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    sink.close()


def test_file_follows_rotation(tmp_path: Path, said: Said) -> None:
    """Renamed away or deleted: the next line goes to a new file under the old name."""
    path, old = tmp_path / "records.jsonl", tmp_path / "records.jsonl.1"
    sink = FileSink(path, log=said)
    sink.submit(record(1))
    sink.flush(1)
    path.rename(old)
    sink.submit(record(2))
    sink.flush(1)
    assert (lines(old), lines(path)) == ([record(1).value], [record(2).value])
    path.unlink()
    sink.submit(record(3))
    sink.close()
    assert lines(path) == [record(3).value]
    assert sink.counters.acknowledged == 3


def test_file_ends_a_torn_line(tmp_path: Path, said: Said) -> None:
    """What a crash left is not continued."""
    path = tmp_path / "records.jsonl"
    path.write_bytes(b'{"n":')
    sink = FileSink(path, log=said)
    sink.submit(record(1))
    sink.close()
    assert lines(path) == [b'{"n":', record(1).value]


def test_directory_gone_keeps_the_records(tmp_path: Path, said: Said) -> None:
    """Said in one line; written when the directory is back."""
    folder = tmp_path / "log"
    folder.mkdir()
    path = folder / "records.jsonl"
    sink = FileSink(path, log=said)
    path.unlink()
    folder.rmdir()
    sink.submit(record(1))
    assert sink.flush(0.2) == 1
    assert said.loud() == [
        f"can't write to {path} (No such file or directory): records are kept, trying on"
    ]
    folder.mkdir()
    assert sink.flush(1) == 0
    sink.close()
    assert lines(path) == [record(1).value]


def test_full_device_pushes_back(said: Said) -> None:
    """Nothing is dropped and memory stays bounded when the disk is full."""
    sink = FileSink("/dev/full", log=said)
    big = record(1)._replace(value=b"x" * 100_000)
    for _ in range(3):
        sink.submit(big)
    with pytest.raises(Backpressure):
        sink.submit(big)
    assert sink.counters.unsettled == sink.in_flight == 3
    sink.close()
    assert sink.counters.failed == {"closed": 3}


def test_file_that_cannot_be_is_one_line(said: Said) -> None:
    """At start it is a mistake in the configuration."""
    with pytest.raises(ConfigError) as error:
        FileSink("/nonexistent/x", log=said)
    assert str(error.value) == (
        "can't write to /nonexistent/x (No such file or directory): "
        "give a file in a directory that this user may write to"
    )


def test_closed_pipe_is_the_readers_leave(said: Said) -> None:
    """`| head` ends the agent in order; what was not read has failed with its reason."""
    reading, writing = os.pipe()
    sink = StdoutSink(log=said, fd=writing)
    sink.submit(record(1))
    sink.poll(0)
    os.close(reading)
    sink.submit(record(2))
    with pytest.raises(ReaderGone):
        sink.poll(0)
    assert (sink.counters.acknowledged, sink.counters.failed) == (1, {"reader_gone": 1})
    sink.close()
    os.close(writing)


def test_full_pipe_pushes_back(said: Said) -> None:
    """A reader that does not read, on a non-blocking pipe."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    sink = StdoutSink(log=said, fd=writing)
    big = record(1)._replace(value=b"x" * 100_000)
    for _ in range(4):
        sink.submit(big)
    with pytest.raises(Backpressure):
        sink.submit(big)
    held = sink.in_flight
    got = b""
    while sink.in_flight:
        sink.poll(0)
        got += os.read(reading, 1 << 16)
    os.set_blocking(reading, False)
    while True:
        try:
            got += os.read(reading, 1 << 16)
        except BlockingIOError:
            break
    assert held > 0
    assert got == (big.value + b"\n") * sink.counters.acknowledged
    os.close(reading)
    os.close(writing)


def test_process_ends_quietly_when_its_pipe_is_closed() -> None:
    """No traceback of the interpreter's last flush."""
    program = (
        "from shipper.delivery.files import StdoutSink\n"
        "from shipper.delivery.sink import ReaderGone\n"
        "from shipper.contract.record import EncodedRecord\n"
        "sink = StdoutSink(log=print)\n"
        "try:\n"
        "    while True:\n"
        "        sink.submit(EncodedRecord('t', b'k', b'{}', 0, (), b'', 0)); sink.poll(0)\n"
        "except ReaderGone: pass\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        assert child.stdout.readline() == b"{}\n"
        child.stdout.close()
        assert child.wait(10) == 0
        assert child.stderr.read() == b""


class Gate:
    """A sink with a door, to make back-pressure certain."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.shut = False
        self.taken: list[tuple[EncodedRecord, Settled | None]] = []

    @property
    def in_flight(self) -> int:
        """Taken and not let go."""
        return len(self.taken)

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Take it, unless shut."""
        if self.shut:
            raise Backpressure
        self.counters.submitted += 1
        self.taken.append((record, settled))

    def settle(self, reason: str | None) -> None:
        """Let one go."""
        _, settled = self.taken.pop(0)
        if settled is not None:
            settled(reason)

    def poll(self, timeout_s: float) -> int:
        """Nothing is due."""
        del timeout_s
        return 0

    def flush(self, timeout_s: float) -> int:
        """Nothing to press."""
        del timeout_s
        return self.in_flight

    def close(self) -> None:
        """Let all go."""
        self.taken.clear()


def test_tee_gives_no_sink_a_record_twice(tmp_path: Path, said: Said) -> None:
    """The file has the record already when the other sink refuses; the retry passes it by."""
    path = tmp_path / "records.jsonl"
    file, gate = FileSink(path, log=said), Gate()
    tee = TeeSink({"file": file, "gate": gate})
    gate.shut = True
    for _ in range(3):
        with pytest.raises(Backpressure):
            tee.submit(record(1))
    tee.poll(0)
    with pytest.raises(ValueError, match="the same record"):
        tee.submit(record(2))
    gate.shut = False
    tee.submit(record(1))
    assert lines(path) == [record(1).value]
    assert gate.taken == [(record(1), None)]
    assert tee.in_flight == 1
    tee.close()


def test_tee_counts_as_the_sink_that_is_furthest_behind(tmp_path: Path, said: Said) -> None:
    """Each sink has its own counts under its name; the tee's are those of the slowest."""
    file, gate = FileSink(tmp_path / "a", log=said), Gate()
    tee = TeeSink({"file": file, "gate": gate})
    for number in range(5):
        tee.submit(record(number))
    assert tee.poll(0) == 0  # none was settled by both
    assert tee.sinks["file"].counters.acknowledged == 5
    assert tee.counters is gate.counters
    assert (tee.in_flight, tee.flush(0)) == (5, 5)
    tee.close()


@pytest.mark.parametrize("reason", [None, "too_large"])
def test_tee_calls_back_when_all_have_settled(
    tmp_path: Path, said: Said, reason: str | None
) -> None:
    """Once a record, with the reason that one of the sinks had."""
    reports: list[str | None] = []
    file, gate = FileSink(tmp_path / "a", log=said), Gate()
    tee = TeeSink({"file": file, "gate": gate})
    for number in range(3):
        tee.submit(record(number), reports.append)
    tee.poll(0)
    assert reports == []
    for _ in range(3):
        gate.settle(reason)
    assert reports == [reason] * 3
    tee.close()

"""The rooms joined: numbers without holes, back-pressure, and rejects that take no number."""

import json
import logging
from pathlib import Path

import pytest

from shipper.contract.exchange import Connection, Exchange, Request, Response
from shipper.contract.record import EncodedRecord
from shipper.delivery.sink import Backpressure, Counters, Settled
from shipper.http import Assembler
from shipper.pipeline import Pipeline
from shipper.privileges import account
from shipper.record import Identity, RecordBuilder, RecordSettings

EPHEMERAL = "00000000-0000-4000-8000-000000000000"


class SlowSink:
    """A sink that takes a record only at every third try."""

    def __init__(self, *, never: bool = False) -> None:
        """`never`: it takes none at all."""
        self.counters = Counters()
        self.taken: list[EncodedRecord] = []
        self._never = never

    @property
    def in_flight(self) -> int:
        """All that was taken."""
        return len(self.taken)

    def submit(self, record: EncodedRecord, settled: Settled | None = None) -> None:
        """Refuse twice, then take."""
        del settled
        self.counters.refused += 1
        if self._never or self.counters.refused % 3:
            raise Backpressure
        self.counters.submitted += 1
        self.taken.append(record)

    def poll(self, timeout_s: float) -> int:
        """Nothing is settled."""
        del timeout_s
        return 0

    def flush(self, timeout_s: float) -> int:
        """Nothing is settled."""
        del timeout_s
        return self.in_flight

    def close(self) -> None:
        """Nothing to let go of."""


def exchange(method: str = "GET", status: int = 200) -> Exchange:
    """A request and its response."""
    here = bytes([127, 0, 0, 1])
    connection = Connection("tcp", "cgroup", "ingress", here, 40000, here, 80, flow=1)
    request = Request("1.1", (), 1, 2, 20, 0, method=method, target="/")
    return Exchange(connection, request, Response("1.1", (), 3, 4, 20, 0, status=status))


def pipeline(sink: SlowSink, *, patience: int = 1000) -> Pipeline:
    """A pipeline that waits so many times in all for its sink."""
    left = [patience]

    def waiting() -> bool:
        left[0] -= 1
        return left[0] > 0

    builder = RecordBuilder(RecordSettings(), Identity("a", EPHEMERAL, 0, "0"))
    log = logging.getLogger("test")
    return Pipeline(Assembler(), builder, sink, waiting=waiting, log=log)


def test_numbers_have_no_holes_although_records_are_refused() -> None:
    """A record that is not valid takes no number; one that had to wait keeps its own."""
    sink = SlowSink()
    joined = pipeline(sink)
    told = (("GET", 200), ("", 200), ("POST", 404), ("GET", 70000), ("PUT", 201))
    joined._ship([exchange(method, status) for method, status in told], 0, 10)
    assert [record.sequence for record in sink.taken] == [0, 1, 2]
    assert [json.loads(record.value)["event"]["sequence"] for record in sink.taken] == [0, 1, 2]
    assert [record.key for record in sink.taken] == [
        f"{EPHEMERAL}-0-{number}".encode() for number in range(3)
    ]
    totals = joined.totals()
    assert totals["exchanges"] == 5
    assert totals["rejected"] == {"invalid": 2}
    assert totals["shipped"] == 3


def test_what_the_sink_never_takes_is_counted() -> None:
    """Who gives up at the shutdown's deadline says how much was lost, and of what."""
    joined = pipeline(SlowSink(never=True), patience=3)
    joined._ship([exchange()], 0, 10)
    assert joined.totals()["lost"] == {"shutdown": 1}
    assert joined.totals()["shipped"] == 0


def test_a_rejection_does_not_tell_the_value(caplog: pytest.LogCaptureFixture) -> None:
    """The log names the field that was wrong, not what stood in it."""
    with caplog.at_level(logging.ERROR):
        pipeline(SlowSink())._ship([exchange("GET", 4242424242)], 0, 10)
    assert "status_code" in caplog.text
    assert "4242424242" not in caplog.text


def test_the_account_to_become_exists() -> None:
    """The default user is there on every distribution."""
    assert account("nobody")[0] > 0
    assert Path("/proc/self/status").exists()

"""Records, spools, and the broker behind them."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from delivery.broker import FaultyBroker
from delivery.conftest import TOPIC, Said, record
from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery import Backpressure, KafkaSink, Leftover, SpooledSink, SpoolSettings
from shipper.delivery.consume import Start, TopicReader
from shipper.delivery.spool import Frame, folders
from shipper.delivery.spool.segments import frames

PATIENCE_S = 30.0
SETTINGS = {"reconnect.backoff.max.ms": 200}

Made = Callable[..., SpooledSink]


def big(number: int, size: int = 1000) -> EncodedRecord:
    """A record of `size` bytes."""
    return record(number)._replace(value=b"%d:" % number + b"x" * (size - 8))


def letter(number: int) -> EncodedRecord:
    """A message that is no record."""
    return big(number)._replace(key=b"letter-%d" % number, sequence=UNNUMBERED)


class Places:
    """A root, a broker, and the sinks between them; all are closed at the end."""

    def __init__(self, root: Path, broker: FaultyBroker, said: Said) -> None:
        self.root, self.broker, self.said = root, broker, said
        self._made: list[SpooledSink] = []

    def sink(self, name: str = "a-0", root: Path | None = None, **more: Any) -> SpooledSink:  # noqa: ANN401 - any setting
        """A sink with a spool folder of this name; `more` are its settings, or `close_account`."""
        account = more.pop("close_account", lambda _: None)
        queue = more.pop("queue", 100_000)
        kafka = KafkaSink(
            {
                "bootstrap.servers": self.broker.bootstrap,
                "queue.buffering.max.messages": queue,
                **SETTINGS,
            },
            log=self.said,
        )
        settings = SpoolSettings(root or self.root, name, **more)
        made = SpooledSink(kafka, settings, log=self.said, close_account=account)
        self._made.append(made)
        return made

    def cut_off(self, name: str = "a-0", **more: Any) -> SpooledSink:  # noqa: ANN401 - any setting
        """A sink that has sent record 0, and whose broker is away since."""
        sink = self.sink(name, **more)
        submit(sink, big(0))
        assert sink.flush(PATIENCE_S) == 0
        self.broker.down()
        return sink

    def sent(self) -> list[bytes]:
        """The keys in the topic, in their order."""
        settings = {"bootstrap.servers": self.broker.bootstrap}
        with TopicReader(settings, TOPIC, log=self.said, start=Start.BEGINNING) as reader:
            return [got.key or b"" for got in reader.until_end()]

    def close(self) -> None:
        """Close every sink."""
        for sink in self._made:
            sink.close()


@pytest.fixture
def places(tmp_path: Path, broker: FaultyBroker, said: Said) -> Iterator[Places]:
    """An empty spool and a broker with the topic."""
    it = Places(tmp_path, broker, said)
    yield it
    it.close()


def equation(sink: SpooledSink) -> bool:
    """What was accepted is settled, given up, or waits; the positions say so too."""
    counters = sink.counters
    gone = counters.acknowledged + counters.dead_lettered.total() + counters.failed.total()
    return counters.submitted == gone + sink.in_flight and sink.in_flight >= 0


def submit(sink: SpooledSink, *records: EncodedRecord) -> None:
    """Submit as the agent does; the equation holds at every moment."""
    deadline = time.monotonic() + PATIENCE_S
    for each in records:
        while True:
            try:
                sink.submit(each)
                break
            except Backpressure:
                assert time.monotonic() < deadline
                sink.poll(0.01)
                assert equation(sink)
    assert equation(sink)


def drained(sink: SpooledSink, until: Callable[[], bool]) -> None:
    """Poll until that is so."""
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline
        sink.poll(0.02)
        assert equation(sink)


def left(root: Path) -> list[Path]:
    """The folders of agents below the root."""
    return folders(root)


def on_disk(folder: Path) -> list[Frame]:
    """The intact frames of a log, file by file."""
    found = [one for path in sorted(folder.glob("*.log")) for one in frames(path)]
    return [one for one in found if isinstance(one, Frame)]


def numbers(leftover_or_sink: Leftover | SpooledSink) -> dict[int, str]:
    """Each lost number with its reason."""
    told = leftover_or_sink.lost.ranges
    return {number: why for first, last, why in told for number in range(first, last + 1)}

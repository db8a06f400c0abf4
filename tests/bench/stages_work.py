"""What each stage does with the traffic, once without and once with callgrind's counting.

Run under callgrind by `stages_cost`, which reads the counts: `python -m bench.stages_work LIBRARY`,
the library being `callgrind_marks.c`, compiled.
"""

import ctypes
import gc
import logging
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from shipper.contract.exchange import Exchange
from shipper.contract.record import EncodedRecord
from shipper.delivery import KafkaSink, MockBroker
from shipper.delivery.spool import Folder, Log
from shipper.http import Assembler
from shipper.http.block import parse_block
from shipper.record import RecordBuilder, RecordSettings

from . import stages_traffic as traffic

#: Exchanges of which nothing is counted, that caches are as they are after a while; and those that
#: are.
WARM: Final = 600
COUNTED: Final = 400
_OFFSET: Final = traffic.BEGIN
_NOW: Final = traffic.BEGIN + 10**12
_TURN: Final = 100  # records between two turns of the agent's loop

Work = Callable[[], object]


def _drain() -> Iterator[Work]:
    given = traffic.events(WARM + COUNTED)
    rings = [traffic.ring(given[: 2 * WARM]), traffic.ring(given[2 * WARM :])]
    for each in rings:
        yield each.drain


def _parse() -> Iterator[Work]:
    blocks = [event.data for event in traffic.events(WARM + COUNTED)]

    def work(some: list[bytes]) -> Work:
        return lambda: [parse_block(block) for block in some]

    yield work(blocks[: 2 * WARM])
    yield work(blocks[2 * WARM :])


def _assemble() -> Iterator[Work]:
    given = traffic.events(WARM + COUNTED)
    feed = Assembler().feed

    def work(first: int, last: int) -> Work:
        return lambda: [feed(event) for event in given[first:last]]

    yield work(0, 2 * WARM)
    yield work(2 * WARM, len(given))


def _exchanges() -> list[Exchange]:
    feed = Assembler().feed
    return [each for event in traffic.events(WARM + COUNTED) for each in feed(event)]


def _each(some: list[Exchange], work: Callable[[Exchange], object]) -> Iterator[Work]:
    for part in (some[:WARM], some[WARM:]):
        yield lambda part=part: [work(each) for each in part]  # type: ignore[misc]


def _builder() -> RecordBuilder:
    return RecordBuilder(RecordSettings(), traffic.IDENTITY)


def _redact() -> Iterator[Work]:
    drafts = _builder()._documents
    return _each(_exchanges(), lambda each: drafts.draft(each, _OFFSET, _NOW))


def _validate() -> Iterator[Work]:
    builder = _builder()
    drafts = [builder._documents.draft(each, _OFFSET, _NOW) for each in _exchanges()]
    for part in (drafts[:WARM], drafts[WARM:]):
        yield lambda part=part: [builder._valid(draft) for draft in part]  # type: ignore[misc]


def _encode() -> Iterator[Work]:
    builder = _builder()
    made = [builder.build(each, _OFFSET, _NOW) for each in _exchanges()]
    for part in (made[:WARM], made[WARM:]):
        yield lambda part=part: [builder.encode(each, 7) for each in part]  # type: ignore[misc]


def _records() -> list[EncodedRecord]:
    builder = _builder()
    made = [builder.build(each, _OFFSET, _NOW) for each in _exchanges()]
    return [builder.encode(each, number) for number, each in enumerate(made)]


def _spool() -> Iterator[Work]:
    records = _records()
    with tempfile.TemporaryDirectory(prefix="shipper-bench-") as root:
        log = Log(Folder.make(Path(root), "bench-0"), segment_bytes=16 << 20)

        def work(part: list[EncodedRecord]) -> None:
            for at in range(0, len(part), _TURN):
                for record in part[at : at + _TURN]:
                    log.append(record)
                log.commit()
                log.settle(range(log.next_position - _TURN, log.next_position))
                log.mark()

        for part in (records[:WARM], records[WARM:]):
            yield lambda part=part: work(part)  # type: ignore[misc]
        log.close()


def _produce() -> Iterator[Work]:
    records = _records()
    with MockBroker() as broker:
        broker.create_topic(records[0].topic)
        sink = KafkaSink({"bootstrap.servers": broker.bootstrap}, log=logging.log)

        def work(part: list[EncodedRecord]) -> None:
            for record in part:
                sink.submit(record)
            if sink.flush(120):
                raise SystemExit("records were not acknowledged")

        for part in (records[:WARM], records[WARM:]):
            yield lambda part=part: work(part)  # type: ignore[misc]
        sink.close()


#: In the order in which an exchange passes them. `assemble` is `parse` and what pairing adds.
STAGES: Final[dict[str, Callable[[], Iterator[Work]]]] = {
    "drain": _drain,
    "parse": _parse,
    "assemble": _assemble,
    "redact": _redact,
    "validate": _validate,
    "encode": _encode,
    "spool": _spool,
    "produce": _produce,
}


@contextmanager
def counting(marks: ctypes.CDLL, stage: str) -> Iterator[None]:
    """Have instructions counted, and written down under this name."""
    marks.start()
    try:
        yield
    finally:
        marks.stop(stage.encode())


def main() -> None:
    """Every stage in turn."""
    marks = ctypes.CDLL(sys.argv[1])
    gc.disable()
    for name, stage in STAGES.items():
        works = stage()
        next(works)()
        work = next(works)
        with counting(marks, name):
            work()
        for _ in works:
            pass


if __name__ == "__main__":
    main()

"""A process with a spool: accepts records for ever and prints how many stand in it.

`python -m delivery.spool.writer ROOT NAME BOOTSTRAP [FIRST]`
"""

import logging
import sys
from pathlib import Path

from delivery.spool.conftest import big
from shipper.delivery import Backpressure, KafkaSink, SpooledSink, SpoolSettings


def main() -> None:
    """Write until somebody ends it."""
    root, name, bootstrap = sys.argv[1:4]
    first = int(sys.argv[4]) if len(sys.argv) > 4 else 0
    count = 0 if first < 0 else 1 << 40

    def say(level: int, line: str) -> None:
        if level >= logging.INFO:
            print(f"said {line}", flush=True)  # noqa: T201 - for the test

    kafka = KafkaSink({"bootstrap.servers": bootstrap}, log=say)
    settings = SpoolSettings(Path(root), name, segment_bytes=1 << 16, total_bytes=64 << 20)
    sink = SpooledSink(kafka, settings, log=say)
    number = 0
    print("ready", flush=True)  # noqa: T201
    while True:
        while number < count:
            try:
                sink.submit(big(number)._replace(key=b"%d" % (first + number)))
            except Backpressure:
                break
            number += 1
            if number % 64 == 0:
                break
        sink.poll(0)
        print(f"accepted {number} adopted {sink.legacy.counters.submitted}", flush=True)  # noqa: T201
        if number >= count:
            sink.poll(0.02)


if __name__ == "__main__":
    main()

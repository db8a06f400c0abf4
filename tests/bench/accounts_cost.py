"""What a worker's accounts cost in a second: the note beside its spool, a share of a message."""

import logging
import tempfile
import time
import uuid
from pathlib import Path
from typing import Final

from shipper import wiring
from shipper.config import Config
from shipper.delivery import KafkaSink, SpooledSink, SpoolSettings
from shipper.ledger import Accounts, Observed

_TIMES: Final = 300


def account_us() -> float:
    """µs of CPU a second, with a note every second and an account every `ledger.interval`."""
    config = Config()
    log = logging.getLogger("shipper.bench")
    who = wiring.origin(config, str(uuid.uuid4()), 0, time.time_ns())
    kernel = {f"counter_{number}": number for number in range(60)}
    coverage = {"http1": 1, "http2": 2, "tls": 3, "other": 4, "late": 5}
    seen = Observed(kernel=kernel, coverage=coverage, clock_steps=0, now_ns=time.time_ns())
    with tempfile.TemporaryDirectory() as folder:
        kafka = KafkaSink({"bootstrap.servers": "127.0.0.1:9"}, log=lambda _level, _line: None)
        sink = SpooledSink(kafka, SpoolSettings(Path(folder), "a-0"), log=log.log)
        outputs = wiring.Outputs(sink)
        pipeline = wiring.pipeline(config, who.identity, outputs, waiting=lambda: True, log=log)
        accounts = Accounts(pipeline, sink, who)
        begin = time.process_time()
        for _ in range(_TIMES):
            sink.folder.state.write(accounts.note(seen, clean=False))
        note = time.process_time() - begin
        begin = time.process_time()
        for _ in range(_TIMES):
            accounts.next(seen, "running")
        account = time.process_time() - begin
        sink.close()
    return (note + account / config.ledger.interval) / _TIMES * 1e6

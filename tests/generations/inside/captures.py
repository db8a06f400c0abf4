"""Capture files through this kernel, held against what the host's kernel made of them.

Compiling takes longer than everything else here, so the program is loaded once for all files, and
its tables are emptied between them. Each file has a process of its own, which gives up its
privileges as `shipper replay` does.
"""

import json
import os
import time
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path

from shipper import replay
from shipper.capture import Kernel, open_kernel
from shipper.delivery import StdoutSink
from shipper.log import set_up

from .message import tell
from .objects import forget_flows, verified_instructions
from .patient import capture_settings, configuration


def replay_alone(kernel: Kernel, capture: Path, out: Path) -> int:
    """Replay one file in a process of its own, as `shipper replay` does; its exit code."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        log = set_up("error", "json")
        # Opened as root: a sink of `file:` would look for its path again without the right to.
        sink = StdoutSink(log=log.log, fd=os.open(out, os.O_WRONLY | os.O_CREAT, 0o600))
        replay.replay(capture, configuration(), sink, log, kernel)
        code = 1 if sink.in_flight else 0
    finally:
        os._exit(code)


def first_difference(expected: bytes, found: bytes) -> dict[str, object]:
    """The first record that is not the same here and on the host: its number, and both."""
    pairs = zip_longest(expected.splitlines(), found.splitlines())
    for number, (theirs, ours) in enumerate(pairs):
        if theirs != ours:
            return {
                "record": number,
                "host": json.loads(theirs) if theirs else None,
                "guest": json.loads(ours) if ours else None,
            }
    return {"record": None, "host": None, "guest": None}


def replay_all(folder: Path, out: Path) -> Iterator[tuple[Path, int]]:
    """Load the program for replay, and replay the captures in `folder`, one after the other.

    Yields the files with their records, which lie in `out`, and the exit codes.
    """
    started = time.monotonic()
    kernel = open_kernel(capture_settings(configuration(), "replay"))
    tell(
        "loaded",
        hook="replay",
        seconds=round(time.monotonic() - started, 1),
        instructions=verified_instructions(kernel.program),
    )
    try:
        for capture in sorted(folder.iterdir()):
            records = out / f"{capture.stem}.jsonl"
            yield records, replay_alone(kernel, capture, records)
            forget_flows(kernel.program)
    finally:
        kernel.close()


def compare(job: Path, work: Path) -> None:
    """Tell for each capture of the job whether its records are those of the host."""
    for records, code in replay_all(job / "captures", work):
        found = records.read_bytes() if records.exists() else b""
        expected = (job / "expected" / records.name).read_bytes()
        same = code == 0 and found == expected
        difference = {} if same else {"code": code, **first_difference(expected, found)}
        tell("capture", name=records.stem, same=same, **difference)

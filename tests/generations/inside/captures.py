"""Capture files through this kernel, held against what the host's kernel made of them.

Compiling takes longer than everything else here, so the program is loaded once for all files, and
its tables are emptied between them. Each file has a process of its own, which gives up its
privileges as `shipper replay` does.
"""

import json
import os
import time
from itertools import zip_longest
from pathlib import Path

from shipper import replay
from shipper.capture import Kernel, open_kernel
from shipper.delivery import FileSink
from shipper.log import set_up

from .message import tell
from .objects import forget_flows, verified_instructions
from .patient import capture_settings, configuration


def replay_alone(kernel: Kernel, capture: Path, out: Path) -> int:
    """Replay one file in a process of its own; its exit code."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    code = 1
    try:
        config = configuration()
        log = set_up("error", "json")
        sink = FileSink(out, log=log.log)
        replay.replay(capture, config, sink, log, kernel)
        sink.close()
        code = 0
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


def compare(job: Path, work: Path) -> None:
    """Load the program for replay, and tell for each capture whether its records are the same."""
    started = time.monotonic()
    kernel = open_kernel(capture_settings(configuration(), "replay"))
    tell(
        "loaded",
        hook="replay",
        seconds=round(time.monotonic() - started, 1),
        instructions=verified_instructions(kernel.program),
    )
    for capture in sorted((job / "captures").iterdir()):
        out = work / f"{capture.stem}.jsonl"
        code = replay_alone(kernel, capture, out)
        found = out.read_bytes() if out.exists() else b""
        expected = (job / "expected" / out.name).read_bytes()
        same = code == 0 and found == expected
        difference = {} if same else {"code": code, **first_difference(expected, found)}
        tell("capture", name=capture.name, same=same, **difference)
        forget_flows(kernel.program)
    kernel.close()

"""Waiting for what takes its time."""

import time
from collections.abc import Callable
from pathlib import Path

from shipper.errors import UnavailableError


def eventually(holds: Callable[[], bool], what: str, timeout_s: float) -> None:
    """Wait until it holds; UnavailableError says what did not come."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise UnavailableError(f"{timeout_s:.0f} s passed without: {what}")
        time.sleep(0.1)


def until_empty(cgroup: Path, timeout_s: float) -> None:
    """Wait until it can be removed: it lists no process for a while before the last has ended."""
    events = cgroup / "cgroup.events"
    eventually(lambda: "populated 0" in events.read_text(), "an empty cgroup", timeout_s)

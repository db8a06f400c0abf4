"""Waiting for what takes its time."""

import time
from collections.abc import Callable

from shipper.errors import UnavailableError


def eventually(holds: Callable[[], bool], what: str, timeout_s: float) -> None:
    """Wait until it holds; UnavailableError says what did not come."""
    end = time.monotonic() + timeout_s
    while not holds():
        if time.monotonic() > end:
            raise UnavailableError(f"{timeout_s:.0f} s passed without: {what}")
        time.sleep(0.1)

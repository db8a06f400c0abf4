"""What is being done and how long it took, line by line on stderr."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class Progress:
    """Says each step when it begins, and its seconds when it is done."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)

    @contextlib.contextmanager
    def step(self, what: str) -> Iterator[None]:
        """One step; what fails in it leaves its line without a time."""
        begin = time.monotonic()
        self._console.print(f"{what} … ", end="", markup=False)
        yield
        self._console.print(f"{time.monotonic() - begin:.0f} s")

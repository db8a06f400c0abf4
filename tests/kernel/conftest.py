"""One loaded program for all tests of this folder: loading takes a second or two."""

from collections.abc import Iterator

import pytest

from shipper.capture.settings import CaptureSettings

from .wire import Connection, Harness, loaded


@pytest.fixture(scope="session")
def kernel() -> Iterator[Harness]:
    """The replay build with its defaults; at the end its counters agree with what was read."""
    yield from loaded(CaptureSettings(hook="replay"))


@pytest.fixture
def connection(kernel: Harness) -> Connection:
    """A fresh connection that was seen from its SYN on."""
    return kernel.connection()

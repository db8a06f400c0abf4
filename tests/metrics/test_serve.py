"""Who answers on `metrics.listen`, by itself: in this process, over real sockets."""

import http.client
import logging
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from brokers.ports import Ports

from shipper.metrics.serve import Server


@contextmanager
def answering(**vitals: object) -> Iterator[str]:
    """Where somebody answers who knows no more than this."""
    known: Any = SimpleNamespace(**vitals)
    listen = f"127.0.0.1:{Ports().free()}"
    server = Server(listen, known, logging.getLogger("shipper.test"))
    server.open()
    try:
        yield listen
    finally:
        server.close()


def test_a_mistake_of_ours_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """One line, however often it comes; no traceback, and the port goes on answering."""
    with answering(beat="never") as listen:
        for _ in range(3):
            with pytest.raises(http.client.RemoteDisconnected):
                urllib.request.urlopen(f"http://{listen}/healthz", timeout=10)
    (said,) = caplog.messages
    assert said.startswith("metrics.listen: a question is left unanswered (TypeError(")


def test_who_leaves_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    """A question that is not waited for is no mistake of ours."""
    with answering() as listen:
        for _ in range(3):
            asked = http.client.HTTPConnection(listen)
            asked.request("GET", "/nothing")
            asked.close()
    assert not caplog.messages

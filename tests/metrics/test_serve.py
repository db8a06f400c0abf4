"""Who answers on `metrics.listen`, by itself: in this process, over real sockets."""

import http.client
import logging
import urllib.request
from types import SimpleNamespace
from typing import Any

import pytest
from brokers.ports import Ports

from shipper.metrics.serve import Server


def test_a_mistake_of_ours_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """One line, however often it comes; no traceback, and the port goes on answering."""
    broken: Any = SimpleNamespace(beat="never")
    listen = f"127.0.0.1:{Ports().free()}"
    server = Server(listen, broken, logging.getLogger("shipper.test"))
    server.open()
    try:
        for _ in range(3):
            with pytest.raises(http.client.RemoteDisconnected):
                urllib.request.urlopen(f"http://{listen}/healthz", timeout=10)
    finally:
        server.close()
    (said,) = caplog.messages
    assert said.startswith("metrics.listen: a question is left unanswered (TypeError(")


def test_who_leaves_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    """A question that is not waited for is no mistake of ours."""
    vitals: Any = SimpleNamespace()
    listen = f"127.0.0.1:{Ports().free()}"
    server = Server(listen, vitals, logging.getLogger("shipper.test"))
    server.open()
    try:
        for _ in range(3):
            asked = http.client.HTTPConnection(listen)
            asked.request("GET", "/nothing")
            asked.close()
    finally:
        server.close()
    assert not caplog.messages

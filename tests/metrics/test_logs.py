"""The agent's own log: bounded, and without anything that is nobody's business."""

import io
import json
import logging
import socket

import pytest
from faults.agent import eventually

from shipper.log import Bounded, JsonLines, Readable, say

from .running import running, total

PRIVATE = "geheimnis"


@pytest.mark.usefixtures("root")
def test_no_header_value_and_no_secret_is_logged() -> None:
    """At every level, with values in all places of a request, one that is none, and secrets."""
    with running() as world:
        agent = world.start(
            {
                "agent.log_level": "debug",
                "privacy.hash_key": f"{PRIVATE}-hash-key",
                "privacy.hash_key_id": "one",
                "privacy.headers": "x-token=hash",
                "kafka.sasl.password": f"{PRIVATE}-password",
                "kafka.debug": "all",
            }
        )
        header = f"Cookie: a={PRIVATE}\r\nX-Token: {PRIVATE}\r\nAuthorization: Basic {PRIVATE}\r\n"
        world.traffic.send(5, header=header)
        world.traffic.send(5, header=f"{PRIVATE} no header at all\r\n\xe9: {PRIVATE}\r\n")
        with socket.create_connection(("127.0.0.1", world.traffic.port), timeout=5) as broken:
            broken.sendall(f"GET /{PRIVATE} HTTP/1.1\r\nContent-Length: {PRIVATE}\r\n".encode())
        eventually(
            lambda: (
                total(world.asked.samples(), "shipper_stage_received_total", stage="exchanges")
                >= 10
            ),
            "the exchanges are seen",
        )
        assert agent.stop() == 0
    said = json.dumps(agent.said)
    assert "librdkafka" in said, "debugging lines are not there: nothing was tested"
    assert PRIVATE not in said


def _failed() -> logging.LogRecord:
    try:
        int(PRIVATE)
    except ValueError as error:
        information = (ValueError, error, error.__traceback__)
    return logging.LogRecord("shipper", logging.ERROR, "", 0, "failed", (), information)


def test_an_unexpected_error_is_told_without_its_text() -> None:
    """Its kind and place are: the text may hold what was being read."""
    line = json.loads(JsonLines().format(_failed()))
    assert (line["exception"], line["message"]) == ("ValueError", "failed")
    assert line["trace"][-1].endswith(" _failed")
    readable = Readable(colour=False).format(_failed())
    assert "failed: ValueError (" in readable
    assert PRIVATE not in json.dumps(line) + readable


def test_a_flood_of_lines_is_bounded() -> None:
    """So many at once, one a second then; how many were left out is told; debugging is not."""
    now = 0.0
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.addFilter(Bounded(10, clock=lambda: now))
    logger = logging.Logger("flood")  # noqa: LOG001 - outside the tree
    logger.addHandler(handler)
    for number in range(1000):
        logger.error("line %d", number)
    assert out.getvalue().splitlines() == [f"line {number}" for number in range(10)]
    now = 1.5
    logger.error("once more")
    logger.error("and again")
    logger.debug("details")
    say(logger, "stopped", "stopped")
    assert out.getvalue().splitlines()[10:] == [
        "once more (990 lines before this were left out)",
        "details",
        "stopped",
    ]

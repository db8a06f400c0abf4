"""The whole agent: what stands in a record of a process that is no more, and what is counted."""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from product.agent import Agent

from .asking import curl
from .conftest import PORT, Serve

_ASKED = 10
#: A client that lives until its exchange was told, with a secret among its words.
_SLOW = """
import http.client, sys, time
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
connection.request("GET", "/slow")
connection.getresponse().read()
time.sleep(3)
connection.request("GET", "/slower")
connection.getresponse().read()
"""
_SETTINGS = {
    "CAPTURE__ROLES": "client",
    "ATTRIBUTION__PARENTS": "true",
    "ATTRIBUTION__LOOKUP": "true",
    "ATTRIBUTION__HASHES": "true",
    "ATTRIBUTION__COMMAND_LINES": "true",
    "METRICS__LISTEN": "",
}


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that the agent may reach as nobody."""
    with tempfile.TemporaryDirectory(prefix="showner-") as made:
        Path(made).chmod(0o755)
        yield Path(made)


def test_records_name_who_asked(
    serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pid, name, start, user and parent of a curl that is no more; of a slow one its words too."""
    for name, value in _SETTINGS.items():
        monkeypatch.setenv(f"SHIPPER_{name}", value)
    serve("prefork")
    agent = Agent([sys.executable, "-m", "shipper"], folder / "records.jsonl", PORT)
    before = datetime.now(UTC)
    try:
        curl(PORT, _ASKED)
        slow = [sys.executable, "-c", _SLOW, str(PORT), "--password", "hunter2"]
        subprocess.run(slow, check=True)
    finally:
        code = agent.stop()
    assert code == 0
    *records, early, last = agent.records()
    assert len(records) == _ASKED
    assert {**last["process"], **early["process"]} == last["process"]
    program = Path(sys.executable).resolve()
    assert last["process"]["executable"] == str(program)
    assert last["process"]["hash"]["sha256"] == hashlib.sha256(program.read_bytes()).hexdigest()
    assert last["process"]["command_line"].endswith(f" {PORT} --password ***")
    assert "hunter2" not in agent.output.read_text()
    assert len({record["process"]["pid"] for record in records}) == _ASKED
    for record in records:
        process = record["process"]
        assert process["name"] == "curl"
        assert process["parent"]["name"] == "xargs"
        assert record["user"]["id"] == "0"
        started = datetime.fromisoformat(process["start"])
        assert before - timedelta(milliseconds=20) <= started <= datetime.now(UTC)
    stopped = next(json.loads(line) for line in reversed(agent.said) if '"stopped"' in line)
    totals = stopped["workers"][0]
    assert totals["named"] + sum(totals["unnamed"].values()) == totals["exchanges"] == _ASKED + 2

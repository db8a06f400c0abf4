"""`shipper demo`, as the README names it."""

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

DEMO = [sys.executable, "-m", "shipper", "demo"]
ROW = re.compile(r"[\d:.]{12}  (\w+) +(\d{3}) +(\S+) +(\S+) +[\d.]+ ms  shipper-demo$")

pytestmark = pytest.mark.usefixtures("root")


def _leftovers() -> set[Path]:
    return set(Path(tempfile.gettempdir()).glob("shipper-demo-*"))


def test_demo_loses_nothing_and_says_so_in_its_last_line() -> None:
    """Requested, captured and delivered agree, and each request has its row."""
    before = _leftovers()
    done = subprocess.run(DEMO, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    *lines, last = done.stdout.splitlines()
    counts = json.loads(last)
    number = counts["requested"]
    assert counts == {"requested": number, "captured": number, "delivered": number, "lost": 0}
    rows = [found.groups() for line in lines if (found := ROW.match(line))]
    assert len(rows) == number > 0
    assert {row[0] for row in rows} == {"GET", "HEAD", "POST"}
    assert {row[1] for row in rows} == {"200", "201", "404", "500"}
    assert {row[3] for row in rows} == {"127.0.0.1", "::1"}
    assert _leftovers() <= before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_demo_stopped_by_hand_leaves_nothing(number: int, code: int) -> None:
    """No agent, no temporary folder, no traceback."""
    before = _leftovers()
    demo = subprocess.Popen(DEMO, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert demo.stdout is not None
    for line in demo.stdout:
        if ROW.match(line):
            break
    children = Path(f"/proc/{demo.pid}/task/{demo.pid}/children").read_text().split()
    demo.send_signal(number)
    _, errors = demo.communicate(timeout=30)
    assert demo.returncode == code
    assert not errors
    assert children
    assert not [pid for pid in children if Path(f"/proc/{pid}").exists()]
    assert _leftovers() <= before

"""`shipper top` as a process: what scripts read, what a pipe gets, exit codes."""

import json
import os
import pty
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from shipper.delivery import MockBroker

from .records import EXAMPLES, TOPIC, publish, record

_TIMEOUT = 60


def top(*arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "shipper", "top", *arguments],
        input=stdin, capture_output=True, timeout=_TIMEOUT, check=False,
    )  # fmt: skip


def story(end: float) -> list[dict[str, Any]]:
    """Ten orders of 10 to 100 ms, one of them failing, and a request that nobody answered."""
    orders = [
        record(end - n, f"/orders/{n}", status=503 if n == 4 else 200, seconds=0.01 * n)
        for n in range(1, 11)
    ]
    return [*orders, record(end, "/slow", status=None, seconds=None, client="198.51.100.9")]


def test_json_of_the_topic() -> None:
    """Counts, classes, errors and quantiles of what the topic holds, by every dimension."""
    with MockBroker() as broker:
        broker.create_topic(TOPIC)
        publish(broker.bootstrap, *story(time.time()), b"no record")
        done = top(
            "--bootstrap-servers", broker.bootstrap, "--once", "--json", "--from-beginning"
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["malformed"] == 1
    assert found["total"]["requests"] == 11
    assert found["total"]["errors"] == 2
    assert found["total"]["status"] == {"none": 1, "2xx": 9, "5xx": 1}
    orders, slow = found["routes"]
    assert orders["name"] == "GET /orders/{id}"
    assert orders["requests"] == 10
    assert orders["error_share"] == 0.1
    assert orders["p50_ms"] == pytest.approx(50, rel=0.01)
    assert orders["p99_ms"] == pytest.approx(90, rel=0.01)
    assert slow["name"] == "GET /slow"
    assert "p50_ms" not in slow
    assert [c["name"] for c in found["clients"]] == ["192.0.2.7", "198.51.100.9"]
    assert found["seconds"] == pytest.approx(10, abs=0.01)


def test_filters_are_those_of_tail() -> None:
    """Only what they admit is counted."""
    lines = b"\n".join(json.dumps(each).encode() for each in story(time.time()))
    done = top("--once", "--json", "--input", "-", "--status", "5xx", stdin=lines)
    assert json.loads(done.stdout)["total"]["requests"] == 1


def test_golden_records_from_a_file(tmp_path: Path) -> None:
    """JSON lines, as `shipper replay` writes them: each is counted as what it stands for, once."""
    golden = [json.loads(path.read_text()) for path in sorted((EXAMPLES / "1.0").glob("*.json"))]
    file = tmp_path / "records.jsonl"
    file.write_text("\n".join(map(json.dumps, golden)))
    exchanges = [record["shipper"].get("fold_count", 1) for record in golden]
    assert sum(exchanges) > len(golden)
    done = top("--once", "--json", "--input", str(file))
    assert json.loads(done.stdout)["total"]["requests"] == sum(exchanges)


def test_a_table_for_a_person() -> None:
    """`--once` without `--json`: sums, then a line a route, the greatest rate first."""
    lines = b"\n".join(json.dumps(each).encode() for each in story(time.time()))
    done = top("--once", "--input", "-", stdin=lines)
    sums, statuses, heading, first, second = done.stdout.decode().splitlines()
    assert "11 requests" in sums
    assert "5xx 9.1 %" in statuses
    assert heading.split()[0] == "req/s"
    assert heading.endswith("route")
    assert first.endswith("GET /orders/{id}")
    assert second.endswith("GET /slow")


def test_a_pipe_gets_a_table_a_second() -> None:
    """What comes while it runs is in a later table; it ends without a complaint when told to."""
    with MockBroker() as broker:
        broker.create_topic(TOPIC)
        process = subprocess.Popen(
            [sys.executable, "-m", "shipper", "top", "--bootstrap-servers", broker.bootstrap],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        seen = 0
        for line in process.stdout:
            if line.startswith(b"status"):  # each table has one
                publish(broker.bootstrap, record(time.time(), "/users/4711"))
            seen += line.endswith(b"  GET /users/{id}\n")
            if seen > 1:
                break
        process.send_signal(2)
        _, said = process.communicate(timeout=_TIMEOUT)
    assert process.returncode == 0, said
    assert not said


def test_a_dumb_terminal_gets_the_same() -> None:
    """No escape sequence where the terminal knows none."""
    ours, theirs = pty.openpty()
    lines = json.dumps(record(time.time() - 2, "/users/4711")).encode()
    process = subprocess.Popen(
        [sys.executable, "-m", "shipper", "top", "--input", "-"],
        stdin=subprocess.PIPE, stdout=theirs, stderr=theirs,
        env={**os.environ, "TERM": "dumb"},
    )  # fmt: skip
    process.communicate(lines, timeout=_TIMEOUT)
    os.close(theirs)
    shown = b""
    while b"GET /users/{id}" not in shown:
        shown += os.read(ours, 65536)
    os.close(ours)
    assert process.returncode == 0
    assert b"\x1b" not in shown


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--json",), 64, "--json is for --once"),
        (("--live", "--from-beginning"), 64, "exclude each other"),
        (("--seconds", "3"), 64, "--seconds is for --once"),
        (("--once", "--seconds", "-1"), 64, "more than none"),
        (("--since", "soon"), 64, "as in 90s, 15m or 2h"),
        (("--rows", "0"), 64, "at least one"),
        (("--input", "/no/such/file"), 65, "No such file"),
        (("--live", "--once", "--interface", "nosuch0"), 69, "No such device"),
    ],
)
def test_what_can_not_be(arguments: tuple[str, ...], code: int, words: str) -> None:
    """One line that says what is wrong, and a code for scripts."""
    done = top(*arguments)
    said = done.stderr.decode()
    assert done.returncode == code, said
    assert words in said
    assert re.fullmatch(r"shipper: .*\n", said), said


def test_without_the_extra() -> None:
    """Where its libraries are missing it says what to install."""
    program = (
        "import importlib.util as u, sys; f = u.find_spec;"
        "u.find_spec = lambda name, *a: None if name == 'textual' else f(name, *a);"
        "from shipper.cli import main; sys.exit(main(['top']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, timeout=_TIMEOUT, check=False
    )
    assert done.returncode == 69
    assert b"pip install 'shipper[top]'" in done.stderr

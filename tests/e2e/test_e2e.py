"""The short form of `make e2e`, and that it can fail and be stopped."""

import dataclasses
import json
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from shipper.capture.cgroups import find_root

from .account import Account

_COMMAND = [sys.executable, "-m", "e2e"]
_TESTS = Path(__file__).parents[1]
_REQUESTS = 180
_WELL = Account(
    asked=Counter("abc"),
    told=Counter("abc"),
    indexed=Counter("abc"),
    captured=3,
    messages=4,
    valid=4,
    schema_ids={2},
    given=8,
    refused=5,
    audit="explained",
    fed_back=1,
    asked_framed=Counter("de"),
    framed={"one": Counter("de"), "another": Counter("de")},
)


@pytest.mark.usefixtures("root")
def test_short_form() -> None:
    """Every exchange is captured, in the topic and in the data stream, by the same number."""
    words = ["--requests", str(_REQUESTS), "--idle", "3"]
    done = subprocess.run(
        [*_COMMAND, *words], cwd=_TESTS, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    line = json.loads(done.stdout.splitlines()[-1])
    assert line.pop("schema_id") > 0
    assert line == dict.fromkeys(("captured", "in_topic", "indexed"), _REQUESTS)


@pytest.mark.usefixtures("root")
def test_stopped_by_hand_leaves_nothing() -> None:
    """After Ctrl-C its cgroup is gone, which it can't be with a process in it."""
    running = subprocess.Popen(
        _COMMAND, cwd=_TESTS, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    said = ""
    while "Kafka Connect" not in said:
        said += running.stderr.read(1)
        assert running.poll() is None, said
    cgroup = find_root().path / f"shipper-e2e-{running.pid}"
    assert len((cgroup / "cgroup.procs").read_text().split()) > 2
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130, errors
    assert "Traceback" not in errors
    assert not cgroup.exists()


@pytest.mark.parametrize(
    "change",
    [
        {"captured": 2},
        {"told": Counter("ab")},
        {"told": Counter("abcc")},
        {"indexed": Counter("ab")},
        {"indexed": Counter("aabc")},
        {"changed": 1},
        {"valid": 3},
        {"schema_ids": {1, 2}},
        {"messages": 3, "valid": 3},
        {"given": 7, "refused": 4},
        {"refused": 6},
        {"dead": 1},
        {"audit": "unexplained"},
        {"idle": 1},
        {"fed_back": 0},
        {"framed": {}},
        {"framed": {"one": Counter("de"), "another": Counter("dee")}},
        {"framed": {"one": Counter("d"), "another": Counter("de")}},
    ],
    ids=str,
)
def test_a_figure_that_differs_falls_short(change: dict[str, object]) -> None:
    """One that differs is named; none is where all is well."""
    assert not _WELL.shortfalls()
    assert len(dataclasses.replace(_WELL, **change).shortfalls()) == 1  # type: ignore[arg-type]

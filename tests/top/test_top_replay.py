"""Capture files through the kernel program into `top`: what it counts is what tshark counts."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest


@pytest.mark.usefixtures("root")
def test_a_replayed_capture(captures: Path) -> None:
    """As many responses of each class of status, and requests of each method: 41 exchanges."""
    path = captures / "http-range-multiflows.pcap"
    replayed = subprocess.run(
        [sys.executable, "-m", "shipper", "replay", str(path)],
        capture_output=True, timeout=120, check=True,
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "top", "--once", "--json", "--input", "-"],
        input=replayed.stdout, capture_output=True, timeout=60, check=True,
    )  # fmt: skip
    found = json.loads(done.stdout)
    told = found["total"]["status"]
    assert {title: told[title] for title in told if title != "none"} == Counter(
        f"{code[0]}xx" for code in _tshark(path, "http.response.code")
    )
    methods: Counter[str] = Counter()
    for line in found["routes"]:
        methods[line["name"].partition(" ")[0]] += line["requests"]
    assert methods == Counter(_tshark(path, "http.request.method"))


def _tshark(path: Path, field: str) -> list[str]:
    """Every value of a field; of several messages in one frame, each."""
    done = subprocess.run(
        ["tshark", "-r", str(path), "-Y", field, "-T", "fields", "-e", field],
        capture_output=True, timeout=60, check=True, text=True,
    )  # fmt: skip
    return [value for line in done.stdout.split() for value in line.split(",")]

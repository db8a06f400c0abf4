"""Captures of real and hostile traffic, replayed by the program as a user would."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from shipper.contract.events import Kind
from shipper.http.accounts import BLOCK_FATES, EVENT_FATES, MESSAGE_FATES

CAPTURES = Path(__file__).parents[3] / "shared" / "captures"
NAMES = sorted(path.name for path in CAPTURES.glob("*.pcap"))


@dataclass(frozen=True)
class Replayed:
    """What the program said of one capture file."""

    code: int
    records: tuple[dict[str, Any], ...]
    output: bytes
    errors: str


def replay(path: Path, *arguments: str) -> Replayed:
    """Run the program on a file as a user would."""
    done = subprocess.run(
        [sys.executable, "-m", "shipper", "replay", str(path), *arguments],
        capture_output=True,
        check=False,
    )
    records = tuple(json.loads(line) for line in done.stdout.splitlines())
    return Replayed(done.returncode, records, done.stdout, done.stderr.decode())


@cache
def replayed() -> dict[str, Replayed]:
    """Every capture, once a session; two at a time, for each loads the kernel program."""
    assert NAMES, (
        f"no capture files in {CAPTURES}: the folder `shared` beside the checkout is missing"
    )
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(NAMES, pool.map(replay, (CAPTURES / name for name in NAMES)), strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_every_capture_replays_without_an_error(name: str) -> None:
    """Whatever is in the file: records on standard output, one line of account, no traceback."""
    result = replayed()[name]
    assert "Traceback" not in result.errors
    assert result.code == 0, result.errors
    assert [json.loads(line)["event"] for line in result.errors.splitlines()][-1] == "replayed"
    account = json.loads(result.errors.splitlines()[-1])
    assert account["totals"]["exchanges"] == len(result.records)
    assert account["totals"]["rejected"] == {}


@pytest.mark.parametrize("name", NAMES)
def test_it_adds_up(name: str) -> None:
    """From the kernel's events to the records: what goes into a stage comes out, or is counted."""
    result = replayed()[name]
    account = json.loads(result.errors.splitlines()[-1])
    kernel, totals = Counter(account["kernel"]), account["totals"]
    assembly = Counter(totals["assembly"])
    emitted = sum(kernel[f"events_{kind.name.lower()}"] for kind in Kind)
    assert emitted == assembly["events"] == sum(assembly[fate] for fate in EVENT_FATES)
    assert assembly["blocks"] == sum(assembly[fate] for fate in BLOCK_FATES)
    assert assembly["messages"] == sum(assembly[fate] for fate in MESSAGE_FATES)
    told = assembly["messages_paired"] // 2 + assembly["messages_alone"]
    assert assembly["exchanges"] == told == totals["exchanges"]
    assert told == totals["shipped"] + sum(totals["rejected"].values()) + sum(
        totals["lost"].values()
    )
    assert totals["shipped"] == totals["acknowledged"] == len(result.records)
    # Every exchange names the packet's way into it: no message without a record.
    requests = sum("request" in record["http"] for record in result.records)
    responses = sum("response" in record["http"] for record in result.records)
    assert requests + responses == assembly["messages_paired"] + assembly["messages_alone"]


def test_replay_is_a_function_of_the_file() -> None:
    """Two runs give the same bytes: times come from the capture, ids from the file's hash."""
    again = replay(CAPTURES / "http-range-multiflows.pcap")
    assert again.output == replayed()["http-range-multiflows.pcap"].output
    assert len(again.records) > 1


def _without_ids(records: tuple[dict[str, Any], ...]) -> list[dict[str, Any]]:
    """The records less what comes from the file's hash."""
    for record in records:
        record.pop("agent")
        record["event"].pop("id")
    return list(records)


def test_other_containers_hold_the_same(tmp_path: Path) -> None:
    """Pcapng and gzip give the records of the plain pcap."""
    name = "http-pipelining.pcap"
    (tmp_path / "a.pcap.gz").write_bytes(gzip.compress((CAPTURES / name).read_bytes()))
    subprocess.run(
        ["editcap", "-F", "pcapng", str(CAPTURES / name), str(tmp_path / "a.pcapng")], check=True
    )
    plain = _without_ids(replay(CAPTURES / name).records)
    for other in ("a.pcap.gz", "a.pcapng"):
        assert _without_ids(replay(tmp_path / other).records) == plain
    assert len(plain) == 5


def test_a_file_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """What is readable comes out, the rest is said, and the exit code tells a script."""
    cut = tmp_path / "cut.pcap"
    whole = (CAPTURES / "http-range-multiflows.pcap").read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    result = replay(cut)
    assert result.code == 65
    assert 0 < len(result.records) < len(replayed()["http-range-multiflows.pcap"].records)
    assert "damaged or cut off" in result.errors.splitlines()[-1]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is no capture file"),
        (b"hello, world" * 9, "is no capture file"),
        (None, "No such file"),
    ],
)
def test_what_is_no_capture_is_refused_in_one_line(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    """Empty, foreign or missing: one line, exit code 65."""
    path = tmp_path / "x.pcap"
    if content is not None:
        path.write_bytes(content)
    result = replay(path)
    assert (result.code, len(result.errors.splitlines())) == (65, 1)
    assert said in result.errors

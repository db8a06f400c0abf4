"""The judge of `make kernels`: what it takes for the same, and what it does not let pass."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from shipper import wiring
from shipper.capture import Kernel, open_kernel
from shipper.config import load
from shipper.errors import UnavailableError

from .archive import Archive, parse_targets
from .inside.captures import first_difference, replay_alone
from .inside.objects import forget_flows
from .outcome import Outcome, table

TARGETS = """\
http://mirror.example/debian/ bookworm contrib
http://mirror.example/debian/ bookworm main
http://mirror.example/debian/ bookworm-updates main
http://mirror.example/security/ bookworm-security main
"""


def test_other_suites_lie_where_this_machine_gets_its_packages() -> None:
    """The address of a suite is this machine's, security updates have their own."""
    archive = parse_targets(TARGETS, "bookworm")
    assert archive == Archive(
        "bookworm", "http://mirror.example/debian/", "http://mirror.example/security/"
    )
    assert archive.source("trixie").endswith(" http://mirror.example/debian/ trixie main\n")
    assert " http://mirror.example/security/ bullseye-" in archive.source("bullseye-security")


def test_a_machine_without_security_updates_is_told_so() -> None:
    """What can't be derived is said in one line, not guessed."""
    with pytest.raises(UnavailableError, match="bookworm-security main"):
        parse_targets("http://mirror.example/debian/ bookworm main", "bookworm")


GOOD: tuple[dict[str, Any], ...] = (
    {"kind": "system", "release": "5.10.0", "features": {"may_goto": False},
     "unprivileged_refused": True},
    {"kind": "loaded", "hook": "replay", "seconds": 9.5, "instructions": None},
    {"kind": "capture", "name": "a.pcap", "same": True},
    {"kind": "capture", "name": "b.pcap", "same": True},
    {"kind": "live", "hook": "cgroup", "seconds": 9.0, "instructions": 70000, "records": 21},
    {"kind": "live", "hook": "interface", "seconds": 9.0, "instructions": 70000, "records": 21},
    {"kind": "end"},
)  # fmt: skip


def outcome(*messages: dict[str, Any]) -> Outcome:
    """What comes of a guest that was given two captures and said this."""
    made = Outcome("5.10", expected=2)
    for message in messages:
        made.note(message)
    return made


def test_everything_as_on_the_host_is_enough() -> None:
    """The good case is good, and has nothing to explain."""
    made = outcome(*GOOD)
    assert made.ok
    assert list(made.explanation()) == []
    assert "| has may_goto | no |" in table([made])
    assert "| captures with the same records as on this host | 2 of 2 |" in table([made])


def test_a_kernel_that_said_less_has_gaps_in_the_table() -> None:
    """Not the words of another, and not its place in the row."""
    lines = table([outcome(), outcome(*GOOD)]).splitlines()
    assert "| has may_goto | - | no |" in lines
    assert "| all in all | FALLS SHORT | ok |" in lines


@pytest.mark.parametrize("missing", [0, 2, 3, 4, 5, 6])
def test_nothing_may_be_missing(missing: int) -> None:
    """A guest that leaves out a check, or dies before its end, falls short."""
    made = outcome(*GOOD[:missing], *GOOD[missing + 1 :])
    assert not made.ok
    assert "FALLS SHORT" in table([made])


@pytest.mark.parametrize(
    "bad",
    [
        {"kind": "capture", "name": "c.pcap", "same": False, "code": 0,
         "record": 3, "host": {"a": 1}, "guest": None},
        {"kind": "problem", "check": "cgroup", "text": "not so: a record for each request"},
        {**GOOD[0], "unprivileged_refused": False},
    ],
)  # fmt: skip
def test_nothing_may_be_wrong(bad: dict[str, Any]) -> None:
    """A difference, a problem, or bpf() calls that nobody may still make: each is told."""
    made = outcome(*GOOD, bad)
    assert not made.ok
    assert list(made.explanation())


def test_the_first_record_that_differs_is_shown() -> None:
    """Equal ones before it are not, and a missing one is a difference."""
    here, there = b'{"a":1}\n{"b":1}\n', b'{"a":1}\n{"b":2}\n{"c":3}\n'
    assert first_difference(here, there) == {"record": 1, "host": {"b": 1}, "guest": {"b": 2}}
    assert first_difference(here, here + b'{"c":3}\n')["guest"] == {"c": 3}


@pytest.fixture
def kernel(root: None) -> Iterator[Kernel]:  # noqa: ARG001 - it asks for root
    """The program, loaded for replay."""
    made = open_kernel(wiring.capture_settings(load(environ={}), hook="replay"))
    yield made
    made.close()


def test_a_program_that_forgot_its_flows_is_as_if_new(
    kernel: Kernel, captures: Path, public: Path
) -> None:
    """One load serves all captures: without forgetting, the second time finds all seen already."""

    def records(name: str) -> bytes:
        out = public / name
        assert replay_alone(kernel, captures / "http-pipelining.pcap", out) == 0
        return out.read_bytes()

    first = records("first")
    assert first.count(b"\n") == 5
    assert records("without") != first
    forget_flows(kernel.program)
    assert records("after") == first

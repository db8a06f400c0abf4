"""Cases written down by hand, of every kind that hostile and damaged captures hold.

Each is a connection of its own. What is to be told of it stands with it; whether tshark tells the
same, or why not, is looked at as for the captures (`reasons`).
"""

from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from ipaddress import ip_address
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from shipper.capture import Kernel

from . import cases_bodies, cases_lines, cases_links, cases_tcp, ours, tshark
from .case import Case, build, talk_of
from .packets import ETHERNET, write
from .reasons import REASONS
from .told import Connections, Ends, Told, differences

CASES = (
    *cases_lines.REQUEST_LINES,
    *cases_lines.RESPONSE_LINES,
    *cases_lines.HEADER_LINES,
    *cases_bodies.LENGTHS,
    *cases_bodies.CODINGS,
    *cases_bodies.CHUNKS,
    *cases_bodies.EXCHANGES,
    *cases_tcp.SEGMENTS,
    *cases_tcp.ORDER,
    *cases_tcp.REPEATS,
    *cases_tcp.LOSS,
    *cases_tcp.ENDS,
)
NUMBERS = {case.name: number for number, case in enumerate(CASES, 1)}


@cache
def read() -> tuple[Connections, Connections]:
    """All cases in one capture, by both readers."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "cases.pcap")
        write(path, (frame for case in CASES for frame in build(case, NUMBERS[case.name])))
        return tshark.exchanges(path), ours.connections(next(ours.read(path)))


def of(case: Case, found: Connections) -> Connections:
    """What was found on the connection of a case: whoever asks, one end is its client's."""
    client = str(ip_address(talk_of(case, NUMBERS[case.name]).addresses[0]))
    told: dict[Ends, list[Told]] = defaultdict(list)
    for ends, exchanges in found.items():
        if client in {address for address, _ in ends}:
            told[ends] += exchanges
    return told


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.usefixtures("root")
def test_a_case(case: Case) -> None:
    """The exchanges wanted, with the anomalies wanted; as tshark tells them, or a reason stands."""
    theirs, mine = (of(case, found) for found in read())
    told = [one for exchanges in mine.values() for one in exchanges]
    assert tuple(one.line for one in told) == case.told
    assert case.odd <= {name for one in told for name in one.odd}
    apart = differences(theirs, mine)
    if case.name in REASONS:
        assert apart, "the reason no longer applies"
    else:
        assert not apart


@pytest.fixture(scope="module")
def kernel(root: None) -> Iterator[Kernel]:  # noqa: ARG001 - it needs root
    """One program for all links: each case has addresses of its own."""
    opened = ours.opened()
    yield opened
    opened.close()


def _links() -> Iterator[tuple[str, int, list[bytes]]]:
    number = count(1)
    for name, wrap, version in cases_links.WRAPPED:
        yield name, ETHERNET, cases_links.carried(next(number), wrap, version)
    for name, split, version in cases_links.SPLIT:
        yield name, ETHERNET, [*cases_links.split(next(number), split, version)]
    for name, link_type, wrap in cases_links.LINKS:
        yield name, link_type, cases_links.carried(next(number), wrap)


LINKS = [*_links()]


@pytest.mark.parametrize(
    ("link_type", "frames"), [link[1:] for link in LINKS], ids=[name for name, *_ in LINKS]
)
def test_a_link(tmp_path: Path, kernel: Kernel, link_type: int, frames: list[bytes]) -> None:
    """Whatever carries it, the exchange is told between the innermost addresses, as by tshark."""
    path = tmp_path / "link.pcap"
    write(path, frames, link_type)
    mine = ours.connections(ours.exchanges(path, kernel))
    assert [one.line for exchanges in mine.values() for one in exchanges] == ["GET / -> 200"]
    assert not differences(tshark.exchanges(path), mine)


def test_every_reason_is_of_a_case() -> None:
    """No name is misspelt, and none stands twice."""
    assert len(NUMBERS) == len(CASES)
    assert REASONS.keys() <= NUMBERS.keys()

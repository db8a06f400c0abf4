"""Several processes at one spool, some of which are killed."""

import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from delivery.conftest import record
from delivery.spool.conftest import Places, drained, left, numbers
from delivery.spool.test_leftover import NAME, leave

if TYPE_CHECKING:
    from shipper.delivery import Leftover

KILLS = 20 if os.environ.get("CI") else 8
TESTS = Path(__file__).parents[2]


@contextmanager
def writer(places: Places, name: str, first: int = 0) -> Iterator[subprocess.Popen[str]]:
    """A process that accepts records from `first` on; from -1 it only adopts."""
    broker = places.broker.bootstrap
    process = subprocess.Popen(
        [sys.executable, "-m", "delivery.spool.writer", str(places.root), name, broker, str(first)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": str(TESTS)},
    )  # fmt: skip
    assert process.stdout
    try:
        assert "ready" in process.stdout.readline()
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def killed(process: subprocess.Popen[str]) -> list[str]:
    """Kill it; what it has printed in whole lines."""
    assert process.stdout
    os.set_blocking(process.stdout.fileno(), True)
    process.kill()
    text = process.stdout.read()
    process.wait()
    return text.splitlines() if text.endswith("\n") else text.splitlines()[:-1]


def accepted(lines: list[str]) -> int:
    """How many records stood in the spool when it last said so."""
    return max((int(line.split()[1]) for line in lines if line.startswith("accepted")), default=0)


def test_killed_at_any_moment(places: Places) -> None:
    """What was accepted before SIGKILL arrives, under its key; nothing of it is called lost."""
    chance = random.Random(1 if os.environ.get("CI") else None)
    taken: dict[str, range] = {}
    for n in range(KILLS):
        first = n * 1_000_000
        with writer(places, f"w{n}-0", first) as process:
            time.sleep(chance.uniform(0, 0.25))
            taken[f"w{n}-0"] = range(first, first + accepted(killed(process)))
    assert sum(map(len, taken.values())) > 1000
    closed: list[Leftover] = []
    heir = places.sink("heir-0", close_account=closed.append)
    drained(heir, lambda: left(places.root) == [heir.folder.path])
    # A later writer may have adopted and closed an earlier one's.
    arrived = set(places.sent())
    for name, numbered in taken.items():
        missing = [number for number in numbered if b"%d" % number not in arrived]
        assert missing == [], name
    for leftover in closed:
        first = taken[leftover.folder.name].start
        lost = [first + number for number in numbers(leftover)]
        assert not set(lost) & set(taken[leftover.folder.name])
        assert not {b"%d" % number for number in lost} & arrived


def test_two_agents_side_by_side(places: Places) -> None:
    """Neither takes the other's folder; the one that dies is adopted by the one that lives."""
    with writer(places, "w0-0", 0) as one, writer(places, "w1-0", 1_000_000) as other:
        time.sleep(1)
        assert {path.name for path in left(places.root)} == {"w0-0", "w1-0"}
        taken = accepted(killed(one))
        others = accepted(killed(other))
    assert taken
    assert others
    heir = places.sink("heir-0")
    drained(heir, lambda: left(places.root) == [heir.folder.path])
    assert heir.legacy.incarnations == 2
    expected = [b"%d" % number for number in [*range(taken), *range(10**6, 10**6 + others)]]
    assert set(places.sent()) >= set(expected)


def test_the_race_for_leftovers(places: Places) -> None:
    """Three processes start at once: every folder is taken by one, every record comes once."""
    for n in range(40):
        leave(places.root, [record(n * 3 + k) for k in range(3)], name=f"old{n}-0")
    with writer(places, "w0-0", -1), writer(places, "w1-0", -1), writer(places, "w2-0", -1):
        deadline = time.monotonic() + 30
        while len(left(places.root)) > 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert sorted(places.sent()) == sorted(b"key-%d" % n for n in range(120))


def test_an_heir_is_killed(places: Places) -> None:
    """The next one gets all that was not acknowledged, of both."""
    leave(places.root, [record(n) for n in range(3000)], name="old-0")
    with writer(places, "w0-0", -1) as process:
        time.sleep(0.02)
        killed(process)
    closed: list[Leftover] = []
    heir = places.sink("heir-0", close_account=closed.append)
    drained(heir, lambda: left(places.root) == [heir.folder.path])
    assert set(places.sent()) == {b"key-%d" % n for n in range(3000)}
    assert all(leftover.lost.ranges == [] for leftover in closed)


def test_making_and_adopting_exclude_each_other(places: Places) -> None:
    """A folder that is being made is never taken for a dead one's."""
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", _STARTS, str(places.root), name],
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
        for name in ("a", "b", "c")
    ]
    assert [starter.wait(60) for starter in starters] == [0, 0, 0]


_STARTS = """
import sys
from pathlib import Path
from shipper.delivery.spool import Folder, folders
root, name = Path(sys.argv[1]), sys.argv[2]
for number in range(150):
    mine = Folder.make(root, f"{name}{number}-0")
    for path in folders(root):
        try:
            other = Folder.open(path)
        except FileNotFoundError:
            continue
        assert other is None, path
    mine.remove()
"""


def test_folders_of_another_owner(places: Places) -> None:
    """Said in one line with what to do, and left alone; all else goes on."""
    leave(places.root, [record(n) for n in range(10)], name=NAME)
    places.root.chmod(0o777)
    for parent in places.root.parents:
        if parent == Path(tempfile.gettempdir()):
            break
        parent.chmod(0o755)
    nobody = subprocess.run(
        [sys.executable, "-c", _ADOPTS, str(places.root)],
        env={**os.environ, "PYTHONPATH": str(TESTS)},
        user=65534, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert nobody.returncode == 0, nobody.stderr
    assert f"{NAME}: what it holds is not sent (Permission denied)" in nobody.stdout
    assert nobody.stdout.count("\n") == 1
    assert [path.name for path in left(places.root)] == [NAME]


_ADOPTS = """
import sys
from pathlib import Path
from shipper.delivery.legacy import Legacy
from shipper.delivery.spool import Folder
it = Legacy(Path(sys.argv[1]), None, lambda _: None, lambda _, line: print(line))
it.turn(9)
it._look_at = 0.0
it.turn(9)
Folder.make(Path(sys.argv[1]), "mine-0").remove()
"""

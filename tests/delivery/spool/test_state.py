"""What a log remembers of itself, and the account that is made from it when its owner is dead."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.spool.test_leftover import NAME, adopt, leave, mixed
from shipper.delivery.spool import Folder, Marks, State
from shipper.ledger import Origin, closing
from shipper.record import Identity, RecordSettings

_BY = Origin(
    settings=RecordSettings(),
    identity=Identity(
        agent_id="a", ephemeral_id=NAME[:-2], worker=0, version="1", host_id="h", host_name="h"
    ),
    workers=1,
    started_ns=1_764_000_000_000_000_000,
    interval=60.0,
)


@given(st.data())
@settings(max_examples=100)
def test_a_torn_store(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Whatever happens to the slot that is written next, the last one is read."""
    path = tmp_path_factory.mktemp("state") / "state"
    state = State(path)
    count = data.draw(st.integers(1, 5))
    for n in range(1, count + 1):
        state.mark(Marks(n, n, n + 1, n + 1))
        state.write({"n": n})
    state.close()
    raw = bytearray(path.read_bytes())
    noise = data.draw(st.binary(max_size=44))
    for at in (0, 64)[(count + 1) % 2], (4096, 36864)[(count + 1) % 2]:
        raw[at : at + len(noise)] = noise
    path.write_bytes(raw)
    again = State(path)
    assert again.marks == Marks(count, count, count + 1, count + 1)
    assert again.note == {"n": count}
    assert again.known
    again.close()


def test_too_long_a_note(tmp_path: Path) -> None:
    """The one before stays."""
    state = State(tmp_path / "state")
    state.write({"n": 1})
    with pytest.raises(ValueError, match="longer than"):
        state.write({"n": "x" * 40_000})
    state.close()
    again = State(tmp_path / "state")
    assert again.note == {"n": 1}
    again.close()


@pytest.mark.parametrize(
    "note",
    [
        {},
        {"identity": {}, "ledger": {}, "number": 0},
        {"identity": {"of": "another version"}, "ledger": {"state": "running"}, "number": 0},
        {"identity": 3, "ledger": [], "number": None},
    ],
)
def test_a_note_that_is_no_account(tmp_path: Path, note: dict[str, Any]) -> None:
    """It closes nothing, and is no error."""
    leave(tmp_path, mixed(6))
    folder = Folder.open(tmp_path / NAME)
    assert folder is not None
    folder.state.write(note)
    folder.close()
    leftover = adopt(tmp_path)
    for position, _ in leftover.records():
        leftover.settle(position)
    assert closing(leftover, _BY) is None
    leftover.close()

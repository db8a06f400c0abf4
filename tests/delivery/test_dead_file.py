"""Dead letters in a file: real files, real locks."""

import fcntl
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shipper.contract.record import UNNUMBERED, EncodedRecord
from shipper.delivery.dead_file import DeadFile
from shipper.errors import InputError

from .conftest import record

texts = st.text(max_size=20)
letters = st.builds(
    EncodedRecord,
    topic=texts,
    key=st.binary(max_size=20),
    value=st.one_of(st.binary(max_size=50), texts.map(str.encode)),
    timestamp_ms=st.integers(-1, 1 << 50),
    headers=st.lists(st.tuples(texts, st.binary(max_size=9)), max_size=3).map(tuple),
    partition_key=st.just(b""),
    sequence=st.just(UNNUMBERED),
)


def letter(number: int) -> EncodedRecord:
    """One letter as it comes back from the file."""
    return record(number)._replace(partition_key=b"", sequence=UNNUMBERED)


@given(st.lists(st.tuples(letters, texts), max_size=5))
def test_what_is_kept_is_read_back(kept: list[tuple[EncodedRecord, str]]) -> None:
    """Whatever bytes a letter has, in order."""
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"letters-{os.getpid()}.jsonl"  # noqa: S108
    path.unlink(missing_ok=True)
    file = DeadFile(path)
    for each, why in kept:
        assert file.keep(each, why)
    assert [(found.letter, found.why) for found in file.read()] == kept
    path.unlink(missing_ok=True)


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Also after letters were taken out; the folder is made."""
    path = tmp_path / "spool" / "dead.jsonl"
    file = DeadFile(path)
    for number in range(3):
        file.keep(letter(number), "why")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    first, *others = file.read()
    file.keep(letter(3), "later")  # comes in between
    file.remove([first.line])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [kept.letter for kept in file.read()] == [letter(1), letter(2), letter(3)]
    file.remove([kept.line for kept in others])
    assert [kept.letter for kept in file.read()] == [letter(3)]


def test_a_full_file_keeps_the_oldest(tmp_path: Path) -> None:
    """What finds no room is counted."""
    file = DeadFile(tmp_path / "dead.jsonl", most_bytes=400)
    taken = [file.keep(letter(number), "why") for number in range(5)]
    assert taken == [True, True, False, False, False]
    assert file.dropped == 3
    assert [kept.letter for kept in file.read()] == [letter(0), letter(1)]


def test_a_torn_line_costs_no_other(tmp_path: Path) -> None:
    """What a crash left is passed over and not continued."""
    path = tmp_path / "dead.jsonl"
    file = DeadFile(path)
    file.keep(letter(0), "why")
    with path.open("ab") as end:
        end.write(b'{"topic": "x", "ke')
    file.keep(letter(1), "why")
    assert [kept.letter for kept in file.read()] == [letter(0), letter(1)]


def test_a_locked_file_is_not_waited_for(tmp_path: Path) -> None:
    """A worker is not held up by who takes letters out: it tries again later."""
    path = tmp_path / "dead.jsonl"
    file = DeadFile(path)
    file.keep(letter(0), "why")
    with path.open("rb") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(BlockingIOError):
            file.keep(letter(1), "why")
    assert file.keep(letter(1), "why")


def test_a_full_device_raises(tmp_path: Path) -> None:
    """Who keeps the letter keeps the record too."""
    path = tmp_path / "dead.jsonl"
    path.symlink_to("/dev/full")
    with pytest.raises(OSError, match="No space left"):
        DeadFile(path).keep(letter(0), "why")


def test_no_file_and_no_right(tmp_path: Path) -> None:
    """None is no letters; one that can't be read is one line."""
    assert list(DeadFile(tmp_path / "none").read()) == []
    with pytest.raises(InputError, match=r"can't read the dead letters in .* \(Is a directory\)"):
        list(DeadFile(tmp_path).read())

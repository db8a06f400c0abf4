"""Fuzzing: each harness over its corpus, a short run of all, and the proof that it can fail."""

import importlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

import pytest

from fuzz import campaign
from fuzz.events import read, written
from fuzz.seeds import seeds, sessions
from fuzz.smaller import smaller

SECONDS = 15
SEED = 1 if os.environ.get("CI") else secrets.randbelow(1 << 31) + 1


@pytest.mark.parametrize("name", campaign.HARNESSES)
def test_the_corpus(name: str) -> None:
    """Nothing that fuzzing ever found interesting fails."""
    harness = importlib.import_module(f"fuzz.{name}")
    inputs = sorted((campaign.HERE / "corpus" / name).iterdir())
    assert inputs
    for path in inputs:
        harness.check(path.read_bytes())


@pytest.mark.usefixtures("captures")
def test_the_seeds() -> None:
    """Nor does what the corpus was made of: the captures' blocks, and what was made by hand."""
    for name, data in seeds():
        importlib.import_module(f"fuzz.{name}").check(data)


def test_events_as_they_are_written() -> None:
    """A session is read as it was written down: seeds say what they are meant to say."""
    for session in sessions():
        steps = list(read(written(session)))
        assert [step._replace(number=0) for step in steps] == [
            step._replace(number=0) for step in session
        ]
        for one, other in zip(steps, session, strict=True):
            assert one.what < 4 or one.number == other.number


def test_a_short_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No input fails or hangs in a while of looking for one; the seed is printed."""
    code = campaign.main([f"--seconds={SECONDS}", f"--seed={SEED}", f"--folder={tmp_path}"])
    output = capsys.readouterr().out
    assert code == 0, output
    harnesses = json.loads(output.splitlines()[-1])["harnesses"]
    assert harnesses.keys() == set(campaign.HARNESSES)
    assert all(figures["executions"] > 1000 for figures in harnesses.values()), output


def planted(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> tuple[bytes, Any]:
    """The input that fuzzing found in a harness with an error, and what it told of it."""
    code = campaign.main([name, "--seconds=60", "--timeout=1", f"--folder={folder}"])
    output = capsys.readouterr().out
    assert code == 1
    (path,) = folder.glob(f"{name}-*")
    assert str(path) in output
    return path.read_bytes(), json.loads(output.splitlines()[-1])["harnesses"][name]


def test_an_error_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An input that fails is found, told, kept, and made small."""
    found, figures = planted("planted_crash", tmp_path, capsys)
    assert found == b"!c"
    assert (figures["crashes"], figures["hangs"]) == (1, 0)


def test_a_hang_is_found(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An input that never ends is found, told and kept."""
    found, figures = planted("planted_hang", tmp_path, capsys)
    assert found.startswith(b"!h")
    assert (figures["crashes"], figures["hangs"]) == (0, 1)


def test_smaller() -> None:
    """What does not belong to the failure is left out, and another failure is not taken for it."""

    def check(data: bytes) -> None:
        if b"x" in data and data.endswith(b"y"):
            raise ValueError
        if not data:
            raise KeyError

    assert smaller(b"abcxdefghijky", check) == b"xy"

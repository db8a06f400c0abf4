"""pom.xml in; the class path of a real Apache Kafka out.

Maven copies the jars once into `build/kafka` (55 MB, from wherever this machine's Maven is told
to look); after that neither it nor a network is needed.
"""

import hashlib
import re
import shutil
from pathlib import Path

from shipper.errors import UnavailableError

from .fetching import alone, artefact, dependencies

POM = Path(__file__).parent / "pom.xml"
JARS = Path(__file__).parents[2] / "build" / "kafka"
#: The last version whose `connect-runtime` has VerifiableSinkConnector.
_PRINTING = "3.5.2"


def archive() -> Path:
    """Where the classes that a broker loaded are kept for the next, which starts twice as fast.

    Java makes this file when a broker ends in order, and ignores one that does not fit (class data
    sharing). It need not be there.
    """
    return JARS / "classes.jsa"


def class_path() -> str:
    """What `java -cp` takes; copied first when it is not there yet.

    Raises UnavailableError when Java or, for the first time, Maven is missing or fails.
    """
    if shutil.which("java") is None:
        raise UnavailableError(
            "a real Kafka needs Java, and there is none", "apt-get install default-jre-headless"
        )
    stamp = JARS / "stamp"
    wanted = hashlib.sha256(POM.read_bytes()).hexdigest()
    with alone(JARS):
        if not stamp.is_file() or stamp.read_text() != wanted:
            _copy()
            stamp.write_text(wanted)
    return f"{JARS}/*"


def connect_class_path() -> str:
    """The same with Kafka's own connectors, which lie beside: brokers don't need them.

    The one that prints records is in no later version of Kafka that is published. It comes last,
    so that everything else is of the worker's own version.

    Raises UnavailableError as `class_path` does.
    """
    path = [class_path()]
    (version,) = re.findall(r"<kafka.version>(.+)</kafka.version>", POM.read_text("utf-8"))
    folder = JARS.with_name("connect")
    with alone(folder):
        for jar in (f"connect-file:{version}", f"connect-runtime:{_PRINTING}"):
            file = folder / f"{jar.replace(':', '-')}.jar"
            if not file.is_file():
                artefact(f"Kafka's {jar}", f"org.apache.kafka:{jar}", folder)
            path.append(str(file))
    return ":".join(path)


def _copy() -> None:
    for old in [*JARS.glob("*.jar"), *JARS.glob("*.jsa")]:
        old.unlink()
    dependencies("Apache Kafka", POM, JARS)

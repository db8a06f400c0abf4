"""pom.xml in; the class path of a real Apache Kafka out.

Maven copies the jars once into `build/kafka` (55 MB, from wherever this machine's Maven is told
to look); after that neither it nor a network is needed.
"""

import contextlib
import fcntl
import hashlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from shipper.errors import UnavailableError

POM = Path(__file__).parent / "pom.xml"
JARS = Path(__file__).parents[2] / "build" / "kafka"
_PATIENCE_S = 600


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
    with _alone():
        if not stamp.is_file() or stamp.read_text() != wanted:
            _copy()
            stamp.write_text(wanted)
    return f"{JARS}/*"


def connect_class_path() -> str:
    """The same with Kafka's connector for files, which lies beside: brokers don't need it.

    Raises UnavailableError as `class_path` does.
    """
    kafka = class_path()
    (version,) = re.findall(r"<kafka.version>(.+)</kafka.version>", POM.read_text("utf-8"))
    folder = JARS.with_name("connect")
    with _alone():
        if not (folder / f"connect-file-{version}.jar").is_file():
            _maven(
                "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy",
                f"-Dartifact=org.apache.kafka:connect-file:{version}",
                f"-DoutputDirectory={folder}",
            )
    return f"{kafka}:{folder}/connect-file-{version}.jar"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """One process copies, the others wait for it."""
    JARS.mkdir(parents=True, exist_ok=True)
    with (JARS.parent / "kafka.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _copy() -> None:
    sys.stderr.write("Fetching Apache Kafka with Maven into build/kafka\n")
    for old in [*JARS.glob("*.jar"), *JARS.glob("*.jsa")]:
        old.unlink()
    _maven("--file", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={JARS}")


def _maven(*arguments: str) -> None:
    maven = shutil.which("mvn")
    if maven is None:
        raise UnavailableError(
            "the jars of a real Kafka have to be fetched, and Maven is missing",
            "apt-get install maven",
        )
    done = subprocess.run(
        [maven, "--quiet", "--batch-mode", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    if done.returncode:
        said = [line for line in done.stdout.splitlines() if line.startswith("[ERROR]")]
        first = said[0].removeprefix("[ERROR]").strip() if said else "it said nothing"
        raise UnavailableError(f"Maven can't fetch Apache Kafka: {first}", "try mvn by hand")

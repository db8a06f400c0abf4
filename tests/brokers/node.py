"""Properties in; one running JVM with a Kafka node out, ours alone to stop, kill or freeze."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from shipper.errors import UnavailableError

from .artefacts import archive, class_path
from .server import last_words, started

_LOGGING = Path(__file__).parent / "log4j2.properties"
_QUICK = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData")
_STOP_S = 30.0


class Node:
    """A broker and controller in one process; `number` from 1."""

    def __init__(
        self,
        number: int,
        folder: Path,
        properties: Mapping[str, object],
        *,
        heap_mb: int,
        jvm: Sequence[str] = (),
    ) -> None:
        self.number = number
        self.output = folder / f"node-{number}.log"
        self._properties = folder / f"node-{number}.properties"
        self._properties.write_text("".join(f"{k}={v}\n" for k, v in properties.items()))
        self._java = ("java", *_QUICK, f"-Xmx{heap_mb}m", *jvm)
        self._process: subprocess.Popen[bytes] | None = None
        self._gathered = archive().with_suffix(f".{os.getpid()}-{id(self)}")

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the process lives (frozen counts)."""
        return self._process is not None and self._process.poll() is None

    def format(self, cluster: str, arguments: Sequence[str]) -> None:
        """Prepare its data folder, once."""
        command = ("kafka.tools.StorageTool", "format", "-t", cluster, "-c", self._properties)
        done = subprocess.run(
            [*self._java, *_loaded(), "-cp", class_path(), *command, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise UnavailableError("Kafka can't format its storage", last_words(done.stdout))

    def start(self) -> None:
        """Start it; when it is ready is for others to see. No broker outlives its test."""
        # The first broker of all gathers what the others then have.
        gather = (f"-XX:ArchiveClassesAtExit={self._gathered}", "-Xlog:disable")
        loaded = _loaded() or gather
        kafka = (f"-Dlog4j2.configurationFile={_LOGGING}", "-cp", class_path(), "kafka.Kafka")
        self._process = started(*self._java, *loaded, *kafka, self._properties, output=self.output)

    def kill(self) -> None:
        """SIGKILL: nothing is closed in order."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL when it takes too long."""
        self.resume()
        self._end(signal.SIGTERM)

    def pause(self) -> None:
        """SIGSTOP: its connections stay and nothing is answered."""
        self._send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._send(signal.SIGCONT)

    def close(self) -> None:
        """End it for good; in order when that saves the next one's start time."""
        if _loaded():
            self.kill()
            self._gathered.unlink(missing_ok=True)
            return
        self.stop()
        with contextlib.suppress(FileNotFoundError):  # it was killed, or never ran
            self._gathered.replace(archive())

    def complaint(self) -> str:
        """The last thing that it said."""
        return last_words(self.output.read_text(errors="replace"))

    def _send(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(number)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._send(number)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None


def _loaded() -> tuple[str, ...]:
    return (f"-XX:SharedArchiveFile={archive()}",) if archive().is_file() else ()

"""An agent that can be asked, what it sees and where it ships: all in this process's care."""

import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from brokers.ports import Ports
from faults.agent import Agent, eventually
from faults.traffic import Traffic
from prometheus_client.parser import text_string_to_metric_families

from shipper.delivery import MockBroker

#: A metric's value by its name and labels.
Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Asked:
    """The agent's answers on its own port."""

    def __init__(self, port: int) -> None:
        self.listen = f"127.0.0.1:{port}"

    def get(self, path: str) -> tuple[int, str]:
        """Status and body."""
        try:
            with urllib.request.urlopen(f"http://{self.listen}{path}", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read().decode()

    def answers(self, path: str = "/healthz") -> bool:
        """Whether somebody is there, and says yes; who asks too slowly is asked to come again."""
        try:
            return self.get(path)[0] == 200
        except OSError:
            return False

    def samples(self) -> Samples:
        """One scrape, as Prometheus' own parser reads it."""
        families = text_string_to_metric_families(self.get("/metrics")[1])
        return {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in families
            for sample in family.samples
        }

    def checks(self) -> dict[str, bool]:
        """What `/readyz` says of each."""
        told = json.loads(self.get("/readyz")[1])
        return {name: check["ok"] for name, check in told["checks"].items()}

    def reloads(self) -> dict[str, Any]:
        """What `/healthz` says of them."""
        told: dict[str, Any] = json.loads(self.get("/healthz")[1])["reloads"]
        return told


def value(samples: Samples, name: str, **labels: str) -> float:
    """One of them; KeyError where it is not there."""
    return samples[name, frozenset(labels.items())]


def total(samples: Samples, name: str, **labels: str) -> float:
    """All with these labels, summed."""
    wanted = set(labels.items())
    return sum(v for (each, found), v in samples.items() if each == name and wanted <= found)


class Running:
    """Agent, broker, traffic; `folder` is where the agent may look after it has become nobody."""

    def __init__(self, folder: Path, bootstrap: str, *, workers: int = 1) -> None:
        port = Ports().free()
        self.folder = folder
        self.traffic = Traffic()
        self.asked = Asked(port)
        self.file = folder / "shipper.toml"
        self.file.write_text("")
        self.settings: dict[str, object] = {
            "output": "kafka",
            "capture.include.ports": [self.traffic.port],
            "capture.workers": workers,
            "kafka.bootstrap.servers": bootstrap,
            "kafka.reconnect.backoff.max.ms": 200,
            "spool.path": str(folder / "spool"),
            "metrics.listen": self.asked.listen,
            "agent.log_format": "json",
        }
        self._agent: Agent | None = None

    @property
    def agent(self) -> Agent:
        """The one that was started last."""
        assert self._agent is not None
        return self._agent

    def start(self, more: Mapping[str, object] | None = None, **environment: str) -> Agent:
        """Start one; it captures and answers when this returns."""
        variables = {"SHIPPER_CONFIG": str(self.file), **environment}
        made = self._agent = Agent({**self.settings, **(more or {})}, environment=variables)
        made.ready()
        eventually(self.asked.answers, "the agent answers")
        return made

    def ready(self) -> None:
        """Wait until all is well with it."""
        eventually(lambda: self.asked.answers("/readyz") or self._ended(), "the agent is ready")
        assert not self._ended(), self.agent.last_words()[-5:]

    def counted(self, count: int) -> None:
        """Wait until so many records are acknowledged, as the agent tells it."""
        eventually(
            lambda: (
                total(self.asked.samples(), "shipper_stage_sent_total", stage="records") >= count
                and total(self.asked.samples(), "shipper_stage_held", stage="delivery") == 0
            ),
            f"{count} records",
        )

    def _ended(self) -> bool:
        return self.agent.process.poll() is not None

    def close(self) -> None:
        """End what was begun."""
        self.traffic.close()
        if self._agent is not None and not self._ended():
            self._agent.kill()


@contextmanager
def running(*, workers: int = 1) -> Iterator[Running]:
    """A broker and, once it is started, an agent."""
    with tempfile.TemporaryDirectory(prefix="shipper-test-") as folder, MockBroker() as broker:
        Path(folder).chmod(0o755)
        for topic in ("http.header.v1", "http.header.ledger.v1", "http.header.dead.v1"):
            broker.create_topic(topic)
        made = Running(Path(folder), broker.bootstrap, workers=workers)
        try:
            yield made
        finally:
            made.close()

"""One scenario's surroundings: a broker, traffic, agents, a spool, and the account at the end."""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from brokers.proxy import Proxy
from delivery.broker import FaultyBroker

from .agent import Agent
from .judge import Found, Verdict, accounts, in_spool, messages, name_of, take, verdict
from .places import Place
from .traffic import Traffic


class World:
    """Everything that a scenario is given; `close` ends what it began.

    `topic` is its own, so that scenarios may share a broker.
    """

    def __init__(self, name: str, place: Place, *, create: bool = True) -> None:
        self.place = place
        self.kafka = kafka = place.kafka
        self.folder = Path(tempfile.mkdtemp(prefix="shipper-faults-"))
        self.folder.chmod(0o755)
        self.spool = self.folder / "spool"
        self.traffic = Traffic()
        self.agents: list[Agent] = []
        self.ids: set[str] = set()
        self.topic = f"{name}.v1"
        self.ledger = f"{name}.ledger.v1"
        self.dead = f"{name}.dead.v1"
        self.topics = self.topic, self.ledger, self.dead
        self._ends: list[Callable[[], object]] = []
        if create:
            for topic in self.topics:
                kafka.create_topic(topic)

    @property
    def proxy(self) -> Proxy:
        """The bad network before the broker."""
        assert self.place.proxy is not None
        return self.place.proxy

    @property
    def faulty(self) -> FaultyBroker:
        """The broker that answers as it is told."""
        assert self.place.faulty is not None
        return self.place.faulty

    def at_end(self, end: Callable[[], object]) -> None:
        """Something to be done when it is over, in any case."""
        self._ends.append(end)

    def settings(self, **more: object) -> dict[str, object]:
        """Of an agent in this world; names in `more` have `__` for the dot."""
        base: dict[str, object] = {
            "output": "kafka",
            "capture.include.ports": [self.traffic.port],
            "http.response_timeout": 5,
            "kafka.topic": self.topic,
            "kafka.ledger_topic": self.ledger,
            "kafka.dead_topic": self.dead,
            "kafka.topic.metadata.refresh.interval.ms": 1000,
            "kafka.reconnect.backoff.max.ms": 500,
            "spool.path": str(self.spool),
            "ledger.interval": 1,
            "agent.log_format": "json",
            **{f"kafka.{name}": value for name, value in self.kafka.client.items()},
        }
        return base | {name.replace("__", "."): value for name, value in more.items()}

    def agent(
        self,
        settings: Mapping[str, object] | None = None,
        *,
        environment: Mapping[str, str] | None = None,
        wait: bool = True,
    ) -> Agent:
        """A running agent; with `wait` it captures when this returns."""
        one = Agent(settings or self.settings(), environment=environment)
        self.agents.append(one)
        return one.ready() if wait else one

    def delivered(self) -> int:
        """How many of the ids that were sent are in the topic."""
        names = {name_of(value) for _, value in messages(self.kafka.inside, self.topic)}
        return len(names & self.traffic.sent.keys())

    def await_delivery(self, within_s: float = 60.0) -> None:
        """Until all that was sent is in the topic: AssertionError with the agents' words if not."""
        if not self.await_what_comes(within_s):
            said = [line for agent in self.agents for line in agent.lines()[-8:]]
            left = len(self.traffic.sent) - self.delivered()
            raise AssertionError(f"{left} did not arrive in {within_s:.0f} s; {said}")

    def await_what_comes(self, within_s: float) -> bool:
        """Until all that was sent is in the topic, or the time is over; whether it is."""
        end = time.monotonic() + within_s
        while self.delivered() < len(self.traffic.sent):
            if time.monotonic() > end:
                return False
            time.sleep(0.3)
        return True

    def stop(self) -> None:
        """End the agents in order."""
        for agent in self.agents:
            if agent.process.poll() is None:
                agent.stop()

    def verdict(self) -> Verdict:
        """What became of everything that was sent."""
        found = Found()
        for key, value in messages(self.kafka.inside, self.topic):
            found.keys[key] += 1
            if name := name_of(value):
                found.topic[name] += 1
        for _, value in messages(self.kafka.inside, self.dead):
            self._letter(found, json.loads(value))
        for line in self._kept():
            self._letter(found, json.loads(json.loads(line)["value"]))
        found.audit = self._audit()
        found.spooled = in_spool(self.spool)
        ledgers = [value for _, value in messages(self.kafka.inside, self.ledger)]
        take(found, accounts(ledgers, self.spool))
        return verdict(self.traffic.sent, found)

    def close(self) -> None:
        """Leave nothing running and nothing behind."""
        for agent in self.agents:
            if agent.process.poll() is None:
                agent.kill()
        self.traffic.close()
        for end in self._ends:
            end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _audit(self) -> str:
        """What `shipper audit` says, asked as a user without limits asks it."""
        names = ("kafka.topic", "kafka.ledger_topic", "kafka.dead_topic", "spool.path")
        settings = {name: self.settings()[name] for name in names}
        settings |= {f"kafka.{name}": value for name, value in self.kafka.inside.items()}
        flags = [f"--set={name}={value}" for name, value in settings.items()]
        done = subprocess.run(
            [sys.executable, "-m", "shipper", "audit", "--json", *flags],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        if not done.stdout:
            raise AssertionError(f"the audit ended with {done.returncode}: {done.stderr}")
        return str(json.loads(done.stdout)["verdict"])

    def _kept(self) -> list[str]:
        file = self.spool / "dead-letters.jsonl"
        with suppress(FileNotFoundError):
            return file.read_text().splitlines()
        return []

    @staticmethod
    def _letter(found: Found, letter: dict[str, Any]) -> None:
        with suppress(ValueError):  # an original that was cut is no JSON
            if name := name_of(letter["dead"]["original"]):
                found.dead.add(name)

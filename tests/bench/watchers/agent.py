"""The agent, the complete way: all headers, paired, validated, redacted, spooled, acknowledged.

The settings are the defaults, but for where things lie. What it told is read back from the topic,
and when the broker wrote it down is the broker's word; the agent's own numbers are asked only for
what nobody else knows.
"""

import shutil
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import orjson
from brokers.kafka import Kafka
from brokers.ports import Ports
from confluent_kafka import Message
from faults.agent import Agent as Process
from metrics.running import Asked, Samples, total

from bench.load import Group, Site
from bench.load.programs import held_by
from bench.load.site import ID

from .watcher import Told

#: How old the agent's numbers may be (s).
_FRESH_S: Final = 1.3
_LAG: Final = "shipper_acknowledgement_lag_seconds_bucket"
_LOST: Final = "shipper_kernel_events_lost_total"


class Agent:
    """`shipper run` to a real Kafka; `settings` are laid over."""

    def __init__(
        self, kafka: Kafka, settings: Mapping[str, object] | None = None, *, name: str = "shipper"
    ) -> None:
        self.name = name
        self.asked = Asked(Ports().free())
        self._kafka = kafka
        self._settings = dict(settings or {})
        self._topics: list[str] = []
        self._spool = Path()
        self._process: Process | None = None
        self._before: Samples = {}
        self._after: Samples = {}
        #: run time of all kernel programs (ns), before and after
        self._ran = (0, 0)

    @property
    def process(self) -> Process:
        """What was started."""
        assert self._process is not None
        return self._process

    @property
    def topic(self) -> str:
        """That of its records."""
        return self._topics[0]

    def start(self, site: Site, group: Group, run: str) -> None:
        """Begin; it says itself when it captures."""
        records, ledger, dead = (f"bench.{run}.{kind}" for kind in ("records", "ledger", "dead"))
        self._spool = site.folder / f"{run}-spool"
        for topic, partitions in ((records, 3), (ledger, 1), (dead, 1)):
            self._kafka.create_topic(topic, partitions, message_timestamp_type="LogAppendTime")
            self._topics.append(topic)
        settings: dict[str, object] = {
            "output": "kafka",
            "capture.cgroup_root": site.host,
            "capture.allow_private_cgroup": True,
            "kafka.topic": records,
            "kafka.ledger_topic": ledger,
            "kafka.dead_topic": dead,
            "spool.path": self._spool,
            "metrics.listen": self.asked.listen,
            "agent.log_format": "json",
            **{f"kafka.{name}": value for name, value in self._kafka.client.items()},
            **self._settings,
        }
        self._process = Process(settings)
        group.adopt(self._process.process.pid)
        self._process.ready()

    def loaded(self) -> None:
        """Note the numbers before the load."""
        self._before = self.asked.samples()
        self._ran = (self._run_time(), 0)

    def settled(self) -> None:
        """And after it."""
        self._ran = (self._ran[0], self._run_time())
        time.sleep(_FRESH_S)
        self._after = self.asked.samples()

    def stop(self) -> Told:
        """SIGTERM, then read the topic."""
        code = self.process.stop()
        assert code == 0, f"the agent ended with {code}: {self.process.lines()[-3:]}"
        ids: Counter[str] = Counter()
        partial: set[str] = set()
        appended = []
        for name, message, record in self.records():
            ids[name] += 1
            if "incomplete" in record["shipper"]:
                partial.add(name)
            elif end := record["event"].get("end"):
                appended.append(message.timestamp()[1] - _ms(end))
        kernel_s = (self._ran[1] - self._ran[0]) / 1e9
        return Told(ids, partial, kernel_s, appended, self._acknowledged(), self._counted())

    def records(self) -> Iterator[tuple[str, Message, dict[str, Any]]]:
        """Id, message and record of what is in its topic, partition after partition."""
        for message in self._kafka.read(self.topic):
            record = orjson.loads(message.value() or b"")
            if found := ID.match(record.get("url", {}).get("path", "").encode()):
                yield found[1].decode(), message, record

    def close(self) -> None:
        """SIGKILL, and forget what it made."""
        if self._process is None:
            return
        if self._process.process.poll() is None:
            self._process.kill()
        shutil.rmtree(self._spool, ignore_errors=True)
        while self._topics:
            self._kafka.delete_topic(self._topics.pop())

    def _run_time(self) -> int:
        return sum(runs.time for runs in held_by(self.process.process.pid).values())

    def _more(self, name: str) -> float:
        return total(self._after, name) - total(self._before, name)

    def _acknowledged(self) -> dict[float, float]:
        bounds = {dict(labels)["le"] for name, labels in self._after if name == _LAG}
        return {
            float(le) * 1000: total(self._after, _LAG, le=le) - total(self._before, _LAG, le=le)
            for le in bounds
        }

    def _counted(self) -> dict[str, int]:
        lost = {"ring_full": self._more(_LOST)}
        return {reason: int(count) for reason, count in lost.items() if count}


def _ms(text: str) -> float:
    return datetime.fromisoformat(text).timestamp() * 1000

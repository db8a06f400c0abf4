"""Records with a time of their own in; the alerts of real `shipper watch` processes out."""

import json
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from brokers.kafka import Kafka
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv-insight" / "bin" / "shipper"
#: A whole minute, long past: every window of it has ended.
BEGIN = 1_767_225_600.0

_GET = ROOT / "schemas/http.header.v1/examples/1.1/get.json"
_AGENT = "bf8c6f4e-6d1f-4f5e-9a54-0b6a3a1c7f11-0"
_PATIENCE_S = 120
_PARTITIONS = 3

Record = dict[str, Any]


def record(number: int, at: float, **other: Any) -> Record:  # noqa: ANN401 - whatever a field holds
    """The golden record, numbered, with another time (seconds since the epoch) and other fields.

    Names are dotted with two underscores: `http__response__status_code=503`.
    """
    made: Record = json.loads(_GET.read_text("utf-8"))
    stamp = datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    made["@timestamp"] = made["event"]["start"] = made["event"]["end"] = stamp
    made["event"]["id"] = f"{_AGENT}-{number}"
    for name, value in other.items():
        *path, last = name.split("__")
        part = made
        for step in path:
            part = part.setdefault(step, {})
        part[last] = value
    return made


def publish(kafka: Kafka, topic: str, records: Iterable[Record]) -> None:
    """As the agent does: the id is the key, the time the message's."""
    producer = Producer({**kafka.inside, "linger.ms": 20})
    for one in records:
        moment = datetime.fromisoformat(one["@timestamp"]).timestamp()
        producer.produce(
            topic,
            key=one["event"]["id"],
            value=json.dumps(one).encode(),
            timestamp=int(moment * 1000),
        )
        producer.poll(0)
    assert producer.flush(30) == 0


class Place:
    """Topics, a consumer group and rules of a test's own."""

    def __init__(self, kafka: Kafka, name: str, rules: str, folder: Path) -> None:
        self.kafka = kafka
        self.name = name
        self.records = f"{name}.records"
        self.alerts = f"{name}.alerts"
        #: What the last run said of itself at its end.
        self.counted: Record = {}
        self._log = folder / f"{name}.log"
        self.rules = folder / f"{name}.toml"
        self.rules.write_text(f'group = "{name}"\n{rules}')
        # Their times are long past: Kafka would delete them for their age.
        kafka.create_topic(self.records, partitions=_PARTITIONS, retention_ms=-1)
        kafka.create_topic(self.alerts, partitions=1, retention_ms=-1)

    def publish(self, records: Iterable[Record]) -> None:
        """More records."""
        publish(self.kafka, self.records, records)

    def command(self, *arguments: str) -> list[str]:
        """The program with this place's configuration."""
        return [
            *(str(PROGRAM), "watch", "--rules", str(self.rules), "--from-beginning"),
            *("--topic", self.records, "--set", f"kafka.alerts_topic={self.alerts}"),
            *("--set", "agent.log_format=json"),
            *("--bootstrap-servers", str(self.kafka.client["bootstrap.servers"])),
            *arguments,
        ]

    def until_end(self) -> list[Record]:
        """What one run finds in all that is there, as the topic has it."""
        done = subprocess.run(
            self.command("--until-end", "--json"),
            capture_output=True,
            text=True,
            check=False,
            timeout=_PATIENCE_S,
        )
        assert done.returncode == 0, done.stderr
        self.counted = json.loads(done.stderr.splitlines()[-1])
        said = [json.loads(line) for line in done.stdout.splitlines()]
        found = self.raised()
        assert {_which(alert) for alert in said} <= {_which(alert) for alert in found}
        return found

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[bytes]]:
        """A process that watches until it is ended."""
        with self._log.open("ab") as log:
            process = subprocess.Popen(self.command(), stdout=subprocess.DEVNULL, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def said(self, *words: str) -> list[Record]:
        """The lines with these words in them of those that ran, each of which has to be ours."""
        lines = [json.loads(line) for line in self._log.read_text().splitlines()]
        return [line for line in lines if all(word in line["message"] for word in words)]

    def read_up_to(self) -> int:
        """Records whose effects are committed, by all processes together."""
        consumer = Consumer({**self.kafka.inside, "group.id": self.name})
        try:
            places = [TopicPartition(self.records, partition) for partition in range(_PARTITIONS)]
            return sum(max(0, at.offset) for at in consumer.committed(places, timeout=10))
        finally:
            consumer.close()

    def members(self) -> dict[str, int]:
        """Who reads -> from how many partitions of the records, as Kafka has it."""
        admin = AdminClient(self.kafka.inside)  # which has to live until it is answered
        found = admin.describe_consumer_groups([self.name])[self.name].result(timeout=60)
        return {
            member.member_id: sum(
                one.topic == self.records for one in member.assignment.topic_partitions
            )
            for member in found.members
        }

    def raised(self) -> list[Record]:
        """The alerts that are committed, in their order."""
        # Not by their number: what ends a transaction takes an offset too.
        consumer = Consumer({**self.kafka.inside, "group.id": "test", "enable.partition.eof": True})
        consumer.assign([TopicPartition(self.alerts, 0, 0)])
        found = []
        try:
            while (message := consumer.poll(_PATIENCE_S)) is not None and message.error() is None:
                found.append(json.loads(message.value() or b""))
        finally:
            consumer.close()
        error = None if message is None else message.error()
        assert error is not None
        assert error.code() == KafkaError._PARTITION_EOF
        return found


def _which(alert: Record) -> tuple[str, str]:
    return alert["event"]["id"], alert["alert"]["state"]

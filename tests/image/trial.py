"""An image and a set of rights -> the agent started with them, requests, and their records."""

import json
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from brokers.kafka import Kafka
from brokers.waiting import eventually
from product.agent import serving

from shipper.errors import UnavailableError

from .agent import Agent, Seen
from .neighbour import PORT, Neighbour, ask
from .rights import Rights

TOPIC = "http.header.v1"
_REQUESTS = 10
_ARRIVED_S = 20.0


class Trial:
    """A broker, a server on this host and one in another container, for one start after another."""

    def __init__(self, image: str, kafka: Kafka, other: Neighbour, port: int) -> None:
        self._image = image
        self._kafka = kafka
        self._servers = {"host": ("127.0.0.1", port), "other": (other.address, other.port)}

    def start(self, rights: Rights) -> Seen:
        """Start, ask, stop; what was seen."""
        with spool(rights) as folder:
            agent = Agent(self._image, rights, self._settings(rights), folder)
            try:
                if agent.ready():
                    self._requests(agent.seen)
                    agent.stop()
            finally:
                agent.remove()
        return agent.seen

    def _requests(self, seen: Seen) -> None:
        token = uuid.uuid4().hex
        for number in range(_REQUESTS):
            for where, (address, port) in self._servers.items():
                ask(address, port, f"/{where}/{token}/{number}")
        seen.asked = _REQUESTS

        def count(where: str) -> int:
            return len({path for path in self._paths() if path.startswith(f"/{where}/{token}/")})

        def arrived() -> bool:
            return count("host") + count("other") >= 2 * _REQUESTS

        with suppress(UnavailableError):  # the figures say it
            eventually(arrived, "records", _ARRIVED_S)
        seen.host_records, seen.other_records = count("host"), count("other")

    def _paths(self) -> list[str]:
        messages = self._kafka.read(TOPIC)
        return [json.loads(message.value() or b"{}")["url"]["path"] for message in messages]

    def _settings(self, rights: Rights) -> list[str]:
        ports = f"{self._servers['host'][1]},{PORT}"
        settings = [
            f"kafka.bootstrap.servers={self._kafka.client['bootstrap.servers']}",
            f"capture.hook={rights.hook}",
            f"capture.include.ports={ports}",
            "agent.log_format=json",
            # Of what passes the cable to the other container, this host is the one that asks.
            *(["capture.roles=server,client"] if rights.hook == "interface" else []),
        ]
        if rights.private_cgroup:
            settings.append("capture.cgroup_root=/host/cgroup/unified")
        return settings


@contextmanager
def spool(rights: Rights) -> Iterator[Path]:
    """A fresh folder for the spool, its user's own where that is not root."""
    with tempfile.TemporaryDirectory(prefix="shipper-image-") as folder:
        at = Path(folder)
        at.chmod(0o777 if rights.user else 0o755)
        yield at


@contextmanager
def trial(image: str, other: Neighbour) -> Iterator[Trial]:
    """Everything that the starts have in common."""
    with Kafka() as kafka, serving() as port:
        for topic in (TOPIC, "http.header.ledger.v1", "http.header.dead.v1"):
            kafka.create_topic(topic)
        yield Trial(image, kafka, other, port)

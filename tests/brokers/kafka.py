"""A real Apache Kafka 4.1 in the care of this process: one node, or three.

    with Kafka() as kafka:                                # ready when constructed
        kafka.create_topic("t", partitions=3)
        sink = KafkaSink({**kafka.client}, log=log)       # as `kafka.*` of the configuration
        kafka.kill(1); kafka.start(1)                     # same port, same data

    Kafka(nodes=3, properties={"min.insync.replicas": 2}) # 3 x 192 MB, replication 3
    Kafka(security=scram({"shipper": "secret"}, tls=certificates))    # see security.py
    Kafka(advertise={1: proxy.port}); proxy.to(kafka.address(1))      # see proxy.py

Every node listens on 127.0.0.1 only, on two ports that it keeps: `client` are settings for the
one that the tested program talks to (with `security`, and through `advertise`), `inside` for one
without security where everything is allowed and no fault is put in between: what a test creates,
changes and reads goes there. Topics don't come into being by themselves. Data lies in a temporary
folder and is forgotten at `close`; only processes that were started here are ever signalled. They
end with the thread that started them: make and start a cluster in the main thread.
"""

import base64
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from shipper.closing import Closing
from shipper.delivery.errors import Setting
from shipper.errors import UnavailableError

from .administration import Administration
from .node import Node
from .ports import Ports
from .security import PLAIN, Security
from .waiting import eventually

#: How long a start may take (seconds); 3 to 12 s on an idle machine.
READY_S = 120.0
_HEAP_MB = {1: 256, 3: 192}


class Kafka(Administration, Closing):
    """A cluster of `nodes` (1 or 3), each broker and controller.

    `properties` are laid over the brokers' own. `advertise` gives a node's port for clients when
    it is not the node's own. Raises UnavailableError when it does not get ready.
    """

    def __init__(
        self,
        *,
        nodes: int = 1,
        security: Security = PLAIN,
        properties: Mapping[str, object] | None = None,
        advertise: Mapping[int, int] | None = None,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shipper-kafka-")
        self._numbers = range(1, nodes + 1)
        self._security = security
        self._advertise = dict(advertise or {})
        ports = Ports()
        self._ports = {n: (ports.free(), ports.free(), ports.free()) for n in self._numbers}
        self._nodes: dict[int, Node] = {
            n: Node(
                n,
                Path(self._folder.name),
                {**self._defaults(n), **security.server, **(properties or {})},
                heap_mb=_HEAP_MB[nodes],
                jvm=security.jvm,
            )
            for n in self._numbers
        }
        super().__init__(self.inside)
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    @property
    def client(self) -> dict[str, Setting]:
        """Settings of librdkafka for the tested program."""
        ports = [self._advertise.get(n, self._ports[n][0]) for n in self._numbers]
        return {"bootstrap.servers": _addresses(ports), **self._security.client}

    @property
    def inside(self) -> dict[str, Setting]:
        """Settings of librdkafka for the test itself: no log-in, no limits."""
        return {"bootstrap.servers": _addresses(self._ports[n][1] for n in self._numbers)}

    def address(self, number: int = 1) -> tuple[str, int]:
        """Where a node itself listens for clients, whatever it advertises."""
        return "127.0.0.1", self._ports[number][0]

    def node(self, number: int = 1) -> Node:
        """One node, for what is not done to it here."""
        return self._nodes[number]

    def start(self, number: int = 1, *, wait: bool = True) -> None:
        """Start a node again on its ports and data; with `wait` until it serves."""
        self._nodes[number].start()
        if wait:
            self.ready(number)

    def stop(self, number: int = 1) -> None:
        """End a node in order: its partitions are handed over first."""
        self._nodes[number].stop()

    def kill(self, number: int = 1) -> None:
        """SIGKILL a node."""
        self._nodes[number].kill()

    def pause(self, number: int = 1) -> None:
        """SIGSTOP a node: connections stay, answers don't come."""
        self._nodes[number].pause()

    def resume(self, number: int = 1) -> None:
        """SIGCONT a node."""
        self._nodes[number].resume()

    def ready(self, *numbers: int, timeout_s: float = READY_S) -> None:
        """Wait until these nodes (all, when none is named) are in a broker's metadata."""
        for number in numbers or self._numbers:
            eventually(partial(self._serves, number), "Kafka serves", timeout_s)

    def close(self) -> None:
        """End every process and forget the data."""
        for node in self._all:
            node.close()
        self._folder.cleanup()

    def _begin(self) -> None:
        # An id that begins with "-" would be taken for an option.
        cluster = "a" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode()[1:22]
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: node.format(cluster, self._security.format), self._all))
        for node in self._all:
            node.start()
        self.ready()

    @property
    def _all(self) -> list[Node]:
        return list(self._nodes.values())

    def _serves(self, number: int) -> bool:
        """Whether the node itself answers, and its controller has let it in."""
        if not self._nodes[number].running:
            raise UnavailableError("a Kafka has ended", self._nodes[number].complaint())
        asked: dict[str, Setting] = {
            "bootstrap.servers": _addresses([self._ports[number][1]]),
            "log_level": 0,
        }
        try:
            return number in AdminClient(asked).list_topics(timeout=2).brokers
        except KafkaException:
            return False

    def _defaults(self, number: int) -> dict[str, object]:
        client, inside, controller = self._ports[number]
        replicas = min(3, len(self._numbers))
        shown = self._advertise.get(number, client)
        return {
            "process.roles": "broker,controller",
            "node.id": number,
            "controller.quorum.voters": ",".join(
                f"{n}@127.0.0.1:{self._ports[n][2]}" for n in self._numbers
            ),
            "listeners": f"CLIENT://127.0.0.1:{client},INSIDE://127.0.0.1:{inside},"
            f"CONTROLLER://127.0.0.1:{controller}",
            "advertised.listeners": f"CLIENT://127.0.0.1:{shown},INSIDE://127.0.0.1:{inside}",
            "listener.security.protocol.map": f"CLIENT:{self._security.protocol},"
            "INSIDE:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "INSIDE",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": Path(self._folder.name) / f"data-{number}",
            "auto.create.topics.enable": "false",
            "default.replication.factor": replicas,
            "offsets.topic.replication.factor": replicas,
            "offsets.topic.num.partitions": 1,
            "transaction.state.log.replication.factor": replicas,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 1,
            "share.coordinator.state.topic.replication.factor": replicas,
            # The default of 9 s is how long a killed leader is waited for.
            "broker.session.timeout.ms": 3000,
            "broker.heartbeat.interval.ms": 500,
            "controlled.shutdown.enable": "true",
            "group.initial.rebalance.delay.ms": 0,
            "num.network.threads": 2,
            "num.io.threads": 2,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 4 * 1024 * 1024,
        }


def _addresses(ports: Iterable[int]) -> str:
    return ",".join(f"127.0.0.1:{port}" for port in ports)

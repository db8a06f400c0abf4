"""Nothing in; everything that records go through out, started and set up as the documents say."""

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from brokers.connect import PRINTING_SINK, Connect
from brokers.kafka import Kafka
from brokers.proxy import Proxy
from consumers.connectors import shipped, standing_in, worker_settings
from consumers.installed import install
from faults.agent import Agent
from registries.apicurio import Apicurio
from registries.converter import plugins
from stores.artefacts import OPENSEARCH
from stores.store import Store

from .commands import shipper
from .progress import Progress

#: What each connector is called, and the file that it has its configuration from.
CONNECTOR, AVRO_CONNECTOR = "http-header-opensearch", "http-header-opensearch-avro"
FILES = {CONNECTOR: "opensearch", AVRO_CONNECTOR: "opensearch-avro-confluent"}
PREFIXES = {name: shipped(file)["data.stream.prefix"] for name, file in FILES.items()}
STREAM = "logs-http.header-default"
#: Of what was Avro; as a pattern, which may match nothing yet.
AVRO_STREAM = "logs-http.header.avro-*"
#: The connector's dead letters.
DEAD = "http.header.opensearch.dead"
_PARTITIONS = 2


@dataclass(frozen=True)
class Stack:
    """Kafka, behind a proxy that can keep its answers back; registry, Connect worker and store.

    `folder` is for files that the agent may read after it has become nobody.
    """

    kafka: Kafka
    proxy: Proxy
    registry: Apicurio
    connect: Connect
    store: Store
    folder: Path
    agents: list[Agent] = field(default_factory=list)

    @property
    def spool(self) -> Path:
        """What the agents leave one another."""
        return self.folder / "spool"

    @property
    def bootstrap(self) -> str:
        """The broker without the proxy."""
        return str(self.kafka.inside["bootstrap.servers"])

    @property
    def sinks(self) -> list[str]:
        """Where the pipeline itself speaks HTTP, as `capture.sinks` has it."""
        return [self.store.address, self.connect.address, self.registry.address]

    def agent(self, settings: Mapping[str, object]) -> Agent:
        """One that captures; it does not outlive the stack."""
        agent = Agent(settings)
        self.agents.append(agent)
        return agent.ready()

    def end_agents(self) -> None:
        """Leave none running."""
        for agent in self.agents:
            if agent.process.poll() is None:
                agent.kill()


@contextlib.contextmanager
def started(progress: Progress) -> Iterator[Stack]:
    """All of it, ready; the slow ones start side by side."""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="shipper-e2e-")))
        folder.chmod(0o755)
        with progress.step("Kafka 4.1 (meanwhile OpenSearch 3.6 and Apicurio 3.3)"):
            store = ends.enter_context(Store(OPENSEARCH, wait=False))
            registry = ends.enter_context(Apicurio(wait=False))
            proxy = ends.enter_context(Proxy())
            kafka = ends.enter_context(Kafka(advertise={1: proxy.port}))
            proxy.to(kafka.address())
        with progress.step("Kafka Connect, and all that is not ready yet"):
            settings = {**worker_settings(folder), "plugin.path": str(plugins())}
            connect = ends.enter_context(Connect(kafka.inside, settings, wait=False))
            for part in (registry, store, connect):
                part.ready()
        stack = Stack(kafka, proxy, registry, connect, store, folder)
        ends.callback(stack.end_agents)
        with progress.step("Topics, templates, connector"):
            _set_up(stack)
        yield stack


def _set_up(stack: Stack) -> None:
    where = ("--bootstrap-servers", stack.bootstrap, "--partitions", str(_PARTITIONS))
    shipper("topics", "create", "--json", *where)
    install(stack.store)
    config = shipped(FILES[CONNECTOR])
    config = standing_in("opensearch", config, {"connector.class": PRINTING_SINK})
    stack.connect.put(CONNECTOR, config)

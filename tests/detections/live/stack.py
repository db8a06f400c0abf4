"""Nothing in; Kafka, OpenSearch, an agent, what fills the store, and who watches, out."""

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from brokers.kafka import Kafka
from consumers.installed import install
from e2e.commands import shipper
from e2e.progress import Progress
from faults.agent import Agent
from stores.artefacts import OPENSEARCH
from stores.store import Store

from .feed import Feed
from .watchers import Watchers, watching

_PARTITIONS = 4
_WATCHERS = 2


@dataclass(frozen=True)
class Stack:
    """All of it, running."""

    kafka: Kafka
    store: Store
    feed: Feed
    watchers: Watchers
    agent: Agent


@contextlib.contextmanager
def started(host: Path, progress: Progress) -> Iterator[Stack]:
    """In the cgroup `host`, which the agent looks at."""
    with contextlib.ExitStack() as ends:
        folder = Path(ends.enter_context(tempfile.TemporaryDirectory(prefix="shipper-e2e-")))
        folder.chmod(0o755)
        with progress.step("Kafka 4.1 and OpenSearch 3.6"):
            store = ends.enter_context(Store(OPENSEARCH, wait=False))
            kafka = ends.enter_context(Kafka())
            store.ready()
        with progress.step("Topics, templates, agent, two processes that watch"):
            bootstrap = str(kafka.inside["bootstrap.servers"])
            where = ("--bootstrap-servers", bootstrap, "--partitions", str(_PARTITIONS))
            shipper("topics", "create", "--json", *where)
            install(store)
            feed = ends.enter_context(Feed(kafka.inside, store))
            watchers = ends.enter_context(watching(bootstrap, folder, _WATCHERS))
            agent = _agent(kafka, store, host, folder)
            ends.callback(_end, agent)
            agent.ready()
        yield Stack(kafka, store, feed, watchers, agent)


def _agent(kafka: Kafka, store: Store, host: Path, folder: Path) -> Agent:
    return Agent(
        {
            "output": "kafka",
            "capture.cgroup_root": host,
            "capture.allow_private_cgroup": True,
            "capture.sinks": [store.address],
            "spool.path": folder / "spool",
            "ledger.interval": 2,
            "agent.log_format": "json",
            **{f"kafka.{name}": value for name, value in kafka.client.items()},
        }
    )


def _end(agent: Agent) -> None:
    if agent.process.poll() is None:
        agent.kill()

"""Where a scenario takes place: brokers of each kind, started when they are first wanted."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from brokers.certificates import Authority
from brokers.kafka import Kafka
from brokers.proxy import Proxy
from brokers.security import scram
from delivery.broker import FaultyBroker

if TYPE_CHECKING:
    from .catalogue import Needs

_THREE = {"min.insync.replicas": 2}
_PASSWORD = "of-the-fault-suite"  # noqa: S105 - it opens nothing but a test


class Fake(FaultyBroker):
    """The broker that answers with errors, seen as the real one is."""

    @property
    def client(self) -> dict[str, str | int | float | bool]:
        """Settings for whoever connects."""
        return {"bootstrap.servers": self.bootstrap}

    inside = client


@dataclass
class Place:
    """A broker, and what is special about the way to it."""

    kafka: Kafka
    proxy: Proxy | None = None
    faulty: FaultyBroker | None = None


class Places:
    """One of each kind; `close` ends what is shared."""

    def __init__(self) -> None:
        self._shared: Kafka | None = None
        self._secured: Kafka | None = None
        self._folder = tempfile.TemporaryDirectory(prefix="shipper-faults-")

    @contextmanager
    def found(self, needs: "Needs") -> Iterator[Place]:
        """What a scenario needs, for as long as it takes."""
        match needs:
            case "shared":
                self._shared = self._shared or Kafka()
                yield Place(self._shared)
            case "secured":
                self._secured = self._secured or self._guarded()
                yield Place(self._secured)
            case "three":
                with Kafka(nodes=3, properties=_THREE) as kafka:
                    yield Place(kafka)
            case "proxied":
                with Proxy() as proxy, Kafka(advertise={1: proxy.port}) as kafka:
                    proxy.to(kafka.address())
                    yield Place(kafka, proxy=proxy)
            case "faulty":
                with Fake() as fake:
                    yield Place(fake, faulty=fake)  # type: ignore[arg-type]  # as far as it goes
            case _:
                with Kafka() as kafka:
                    yield Place(kafka)

    def close(self) -> None:
        """End them."""
        for kafka in (self._shared, self._secured):
            if kafka is not None:
                kafka.close()
        self._folder.cleanup()

    def _guarded(self) -> Kafka:
        folder = Path(self._folder.name)
        folder.chmod(0o755)
        return Kafka(security=scram({"shipper": _PASSWORD}, tls=Authority(folder)))

"""Topics in; the data streams of a store out, as a sink writes them, while it is told to."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Any, Self

import orjson
from confluent_kafka import Consumer, Message
from consumers.contracts import LEDGER, RECORD
from stores.store import Store

#: Topic -> data stream.
STREAMS = {RECORD: "logs-http.header-default", LEDGER: "metrics-http.header.ledger-default"}
_BATCH = 500
_POLL_S = 0.5


class Feed:
    """One consumer and its thread."""

    def __init__(self, settings: Mapping[str, Any], store: Store) -> None:
        self._consumer = Consumer(
            {**settings, "group.id": "feed", "auto.offset.reset": "earliest", "log_level": 0}
        )
        self._consumer.subscribe(list(STREAMS))
        self._store = store
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self._made: Counter[str] = Counter()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def written(self, topic: str) -> int:
        """How many different messages of a topic are in the store; says why there are no more."""
        if self._failed is not None:
            raise AssertionError("the feed has ended") from self._failed
        return self._made[topic]

    def close(self) -> None:
        """Write no more."""
        self._over.set()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _follow(self) -> None:
        try:
            while not self._over.is_set():
                self._write(self._consumer.consume(_BATCH, _POLL_S))
        except BaseException as error:  # noqa: BLE001 - it is raised where somebody looks
            self._failed = error
        finally:
            self._consumer.close()

    def _write(self, messages: list[Message]) -> None:
        for topic, stream in STREAMS.items():
            given = [
                ((one.key() or b"").decode(), orjson.loads(one.value() or b""))
                for one in messages
                if one.error() is None and one.topic() == topic
            ]
            if given:
                statuses = Counter(self._store.create(stream, given))
                assert set(statuses) <= {201, 409}, statuses
                self._made[topic] += statuses[201]

"""The records that a sink's task was given in; documents of a data stream out, as the sink does it.

The vendors' sinks for OpenSearch are on no registry that the tests reach, and Camel's writes with
`index`, which a data stream refuses. So the shipped configuration runs in the real worker with its
converters, its transform and its error handling, and Kafka's own VerifiableSinkConnector stands in
the vendor's place: it prints what the task is given. From there on this does what Aiven's does
with that configuration: one `_bulk` for a batch, `create`, `_id` = key, into the data stream
<prefix>-<topic>; a key that is there already (409) is a repetition and passes.
"""

import json
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from brokers.connect import printed
from stores.store import Store

from shipper.closing import Closing

_BATCH = 500
_PAUSE_S = 0.1
_CREATED, _EXISTS = 201, 409


class Writer(Closing):
    """Follows a worker's output until it is closed; what went wrong is raised there."""

    def __init__(self, printed: Path, store: Store, prefixes: Mapping[str, str]) -> None:
        """What was printed, where to, and the stream's prefix of each connector."""
        self.statuses: Counter[int] = Counter()  #: of each record that it was given
        self.requests = 0
        self._printed = printed
        self._store = store
        self._prefixes = prefixes
        self._over = threading.Event()
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    @property
    def given(self) -> int:
        """How many records are dealt with."""
        if self._failed is not None:
            raise AssertionError("the writer has ended") from self._failed
        return self.statuses.total()

    @property
    def created(self) -> int:
        """Documents that were new."""
        return self.statuses[_CREATED]

    @property
    def repeated(self) -> int:
        """Documents that were there already."""
        return self.statuses[_EXISTS]

    def close(self) -> None:
        """Write no more."""
        self._over.set()
        self._thread.join()

    def _follow(self) -> None:
        try:
            with self._printed.open("rb") as lines:
                waiting = b""
                while not self._over.wait(_PAUSE_S):
                    *whole, waiting = (waiting + lines.read()).split(b"\n")
                    given = [record for line in whole if (record := printed(line))]
                    for at in range(0, len(given), _BATCH):
                        self._write(given[at : at + _BATCH])
        except Exception as error:  # noqa: BLE001 - it is raised where somebody looks
            self._failed = error

    def _write(self, batch: list[dict[str, Any]]) -> None:
        streams = defaultdict(list)
        for record in batch:
            stream = f"{self._prefixes[record['name']]}-{record['topic']}"
            streams[stream].append((record["task"], _document(record["seqno"])))
        for stream, documents in streams.items():
            self.requests += 1
            self.statuses.update(self._store.create(stream, documents))


def _document(value: dict[str, Any] | str) -> dict[str, Any]:
    """A value as the sink writes it; one that had a schema was printed as its JSON."""
    document: dict[str, Any] = json.loads(value) if isinstance(value, str) else value
    return document

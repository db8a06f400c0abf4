"""Every query of every panel, asked of the real stores: the numbers are those of the records."""

from collections.abc import Iterator

import pytest
from consumers.contracts import LEDGER, Json, golden, key
from consumers.installed import install
from detections.cases import cases
from stores.artefacts import ELASTICSEARCH, OPENSEARCH
from stores.store import Store

from .answers import Shown, grafana, saved_objects

#: All hours of the test: alone it asks for every record, which the stores work out in another way.
_ALWAYS: Json = {"range": {"@timestamp": {"gte": "2025-12-31", "lte": "2026-01-02"}}}
_STREAMS = {
    "exchanges": "logs-http.header-shown",
    "ledger": "metrics-http.header.ledger-shown",
}


def shown() -> dict[str, Shown]:
    """Dashboard -> the records that its panels are asked about."""
    known = {"exchanges": [case.record for case in cases()], "ledger": golden(LEDGER)}
    return {name: Shown(_STREAMS[name], records, _ALWAYS) for name, records in known.items()}


@pytest.fixture(scope="module", params=[OPENSEARCH, ELASTICSEARCH], ids=lambda d: str(d.name))
def store(request: pytest.FixtureRequest) -> Iterator[Store]:
    """One store with records and accounts."""
    with Store(request.param) as running:
        install(running)
        for each in shown().values():
            made = running.create(each.stream, ((key(record), record) for record in each.records))
            assert set(made) == {201}
            running.search(each.stream, {"size": 0})
        yield running


def test_saved_objects(store: Store) -> None:
    """OpenSearch Dashboards' and Kibana's; of each panel's kind there are records."""
    assert not saved_objects(store, shown())


def test_grafana(store: Store) -> None:
    """Grafana's, of the source of this store."""
    assert not grafana(store, shown())

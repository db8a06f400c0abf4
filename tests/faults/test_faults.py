"""Some of the scenarios: whatever fails, no request is missing without a counted reason."""

from collections.abc import Iterator

import pytest

from .catalogue import CATALOGUE, Scenario
from .places import Places
from .playing import MODULES, play

assert MODULES
CHOSEN = [each for each in CATALOGUE.values() if each.pace == "test"]


@pytest.fixture(scope="module")
def places() -> Iterator[Places]:
    """Brokers, started as they are wanted."""
    found = Places()
    yield found
    found.close()


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("scenario", CHOSEN, ids=lambda each: each.name)
def test_nothing_is_unexplained(scenario: Scenario, places: Places) -> None:
    """Every id that was sent is in the topic, dead-lettered, spooled or counted as lost."""
    verdict = play(scenario, places)
    assert verdict.sent
    assert verdict.accepted
    assert not verdict.unexplained, verdict
    assert verdict.audit in {"complete", "explained"}, verdict

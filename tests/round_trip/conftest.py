"""The loaded program, and the seed from which every case of a run comes."""

from collections.abc import Iterator

import pytest
from hypothesis.internal.conjecture.providers import HypothesisProvider
from kernel.wire import Harness, load

from shipper.capture.settings import CaptureSettings

from .plans import CASES, SEED


@pytest.fixture(scope="session", autouse=True)
def _said(request: pytest.FixtureRequest) -> None:
    """The seed stands in every run's output, so that what failed can be seen again."""
    plugins = request.config.pluginmanager
    reporter, capture = plugins.get_plugin("terminalreporter"), plugins.get_plugin("capturemanager")
    if reporter is not None and capture is not None:
        with capture.global_and_fixture_disabled():
            reporter.write_line(f"\nround trip: {CASES} cases, ROUND_TRIP_SEED={SEED} repeats them")


@pytest.fixture(scope="session")
def kernel() -> Iterator[Harness]:
    """The replay build with its defaults."""
    harness = load(CaptureSettings(hook="replay"))
    try:
        yield harness
    finally:
        harness.close()


@pytest.fixture(autouse=True)
def _by_the_seed_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hypothesis mixes in numbers that it finds in whatever modules are loaded: not here.

    With them the same seed would draw other cases when other tests ran before.
    """
    monkeypatch.setattr(HypothesisProvider, "_maybe_draw_constant", lambda *_, **__: None)

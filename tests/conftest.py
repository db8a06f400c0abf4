"""What tests of every kind share: the captures beside the checkout, and no silent skip."""

import os
import signal
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

# Where a landing depends on it, chance does not: the same examples each time. Elsewhere others
# each time, and what failed once is tried first.
settings.register_profile("ci", derandomize=True, database=None, print_blob=True)
settings.register_profile("here", print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "here")

# A shell that starts us in the background has us ignore SIGINT, and our children would inherit
# that: those that are to be stopped by it must be stoppable.
signal.signal(signal.SIGINT, signal.default_int_handler)

CAPTURES = Path(__file__).parents[2] / "shared" / "captures"

# What looks at the host as a whole, or loads it on purpose: one after the other, in one process.
_ON_THE_HOST = frozenset(
    ("cli", "deploy", "e2e", "faults", "live", "metrics", "product", "reload", "top")
)
# These share no server and no host, so that any process may take the next file.
_ALONE = frozenset(("capture", "config", "http", "record", "replay", "round_trip"))


class _Together(LoadScopeScheduling):  # type: ignore[misc]
    """Which tests have to share a process, where there are several (`--dist loadscope`).

    Most tests wait for somebody else's server, so that two cores carry more than two of them; but
    the tests of a folder share theirs.
    """

    def _split_scope(self, nodeid: str) -> str:
        folder, _, names = nodeid.partition("::")[0].removeprefix("tests/").partition("/")
        if folder in _ON_THE_HOST:
            return "host"
        return f"{folder}/{names}" if folder in _ALONE else folder


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:  # noqa: ANN401 - the plugin's
    """By folder, not at random."""
    return _Together(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that can't run has failed: what is not shown must not look as if it were."""
    report = yield
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} did not run ({reason}): nothing is skipped here"
    return report


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of capture files."""
    if not any(CAPTURES.glob("*.pcap")):
        pytest.fail(f"no capture files in {CAPTURES}: the folder is missing", pytrace=False)
    return CAPTURES


@pytest.fixture(scope="session")
def root() -> None:
    """For tests that load the kernel program."""
    if os.geteuid() != 0:
        pytest.fail("this loads a kernel program: run the tests as root", pytrace=False)


@pytest.fixture(scope="session", autouse=True)
def _spool() -> Iterator[None]:
    """What agents leave in their spool is no other run's, and not this host's."""
    with tempfile.TemporaryDirectory(prefix="shipper-test-") as folder:
        Path(folder).chmod(0o755)
        os.environ["SHIPPER_SPOOL__PATH"] = f"{folder}/spool"
        # Agents run side by side in tests: who wants its numbers gives it a port of its own.
        os.environ["SHIPPER_METRICS__LISTEN"] = ""
        yield


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that the agent may look into after it has become nobody (`tmp_path` is root's)."""
    with tempfile.TemporaryDirectory(prefix="shipper-test-") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)

"""What these tests need: root, and a capture of one port that each test begins anew."""

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from live.watch import Watch, only, watching

PORT = 18481
_TESTS = Path(__file__).parents[1]

Serve = Callable[[str], None]


@pytest.fixture(autouse=True, scope="session")
def _able() -> None:
    """Fail, rather than skip, where no program can be loaded."""
    if os.geteuid() != 0:
        pytest.fail("these tests load kernel programs: run them as root", pytrace=False)
    missing = [tool for tool in ("curl", "nginx", "unshare") if not shutil.which(tool)]
    if missing:
        pytest.fail(f"these tests need these programs: {', '.join(missing)}", pytrace=False)


@pytest.fixture(scope="session")
def loaded() -> Iterator[Watch]:
    """A capture by the cgroup hook."""
    with watching(only(PORT)) as watch:
        yield watch


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts one of the servers on the port; it ends with the test."""
    with contextlib.ExitStack() as running:

        def start(kind: str) -> None:
            process = subprocess.Popen(
                [sys.executable, "-m", "attribution_process.servers", kind, str(PORT)],
                env={**os.environ, "PYTHONPATH": os.pathsep.join([*sys.path, str(_TESTS)])},
                stdout=subprocess.PIPE,
                text=True,
            )
            running.callback(process.wait)
            running.callback(process.kill)
            assert process.stdout is not None
            running.callback(process.stdout.close)
            assert process.stdout.readline() == "ready\n"

        yield start

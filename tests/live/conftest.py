"""What every live test needs, said in one line where it is missing."""

import contextlib
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .netns import PORT, Network, Route
from .nginx import PROGRAM, Nginx
from .watch import Watch, only, watching

_TOOLS = ("ip", "nft", "curl", "wrk", "openssl", PROGRAM, "/usr/bin/python3")

StartNginx = Callable[..., Nginx]


@pytest.fixture(autouse=True, scope="session")
def _able() -> None:
    """Fail, rather than skip, where a live test can't run."""
    if os.geteuid() != 0:
        pytest.fail("live tests load a kernel program: run them as root", pytrace=False)
    missing = [tool for tool in _TOOLS if not shutil.which(tool)]
    if missing:
        pytest.fail(f"live tests need these programs: {', '.join(missing)}", pytrace=False)
    if not Path("/run/netns").exists():
        Path("/run/netns").mkdir(parents=True)


@pytest.fixture
def network() -> Iterator[Network]:
    """Namespaces that go with the test."""
    made = Network()
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def loaded() -> Iterator[Watch]:
    """A capture by the cgroup hook, whose ports and roles each test sets anew."""
    with watching(only(PORT)) as watch:
        yield watch


@pytest.fixture
def nginx(tmp_path: Path) -> Iterator[StartNginx]:
    """Starts nginx on a path's server side; it ends with the test."""
    with contextlib.ExitStack() as running:

        def start(path: Route, port: int = PORT, more: str = "") -> Nginx:
            at = tmp_path / f"nginx{len(list(tmp_path.iterdir()))}"
            with path.server.inside():
                made = Nginx(at, list(path.listen.values()), port, more)
            running.callback(made.close)
            return made

        yield start

"""The wheel alone, with the dependencies that it declares, in an environment of its own."""

import json
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from deploy.wheel import build
from packaging.requirements import Requirement

from .agent import Agent, ask, serving

CHECKOUT = Path(__file__).parents[2]
CAPTURE = "http-pipelining.pcap"


def _declared(name: str, found: set[str]) -> set[str]:
    """The distributions that a distribution needs here, itself included."""
    if name not in found:
        found.add(name)
        for line in metadata.requires(name) or ():
            need = Requirement(line)
            if need.marker is None or need.marker.evaluate({"extra": ""}):
                _declared(need.name, found)
    return found


def _copy(name: str, target: Path) -> None:
    """An installed distribution, from this environment into another."""
    for file in metadata.files(name) or ():
        if ".." not in file.parts:
            place = target / file
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(str(file.locate()), place)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the checkout."""
    return build(tmp_path_factory.mktemp("wheel"), compiled=False)


@pytest.fixture(scope="module")
def program(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`shipper` as installed from the wheel, with what the wheel says it needs and no more."""
    folder = tmp_path_factory.mktemp("installed")  # root's own, as a clone below /root is
    venv.create(folder, with_pip=False, symlinks=True)
    try:
        (packages,) = folder.glob("lib/python3*/site-packages")
        for name in _declared("shipper", set()) - {"shipper"}:
            _copy(name, packages)
        subprocess.run(
            [sys.executable, "-m", "pip", "--python", folder / "bin/python", "install", "--quiet",
             "--no-index", "--no-deps", wheel],
            check=True,
        )  # fmt: skip
        yield folder / "bin" / "shipper"
    finally:
        shutil.rmtree(folder)


def _run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, cwd="/", timeout=120, check=False
    )


def test_kernel_sources_schemas_and_licences_travel_with_it(wheel: Path) -> None:
    """Everything under bpf/ and schemas/ is in the wheel, byte for byte."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        for folder in ("bpf", "schemas"):
            for file in filter(Path.is_file, (CHECKOUT / folder).rglob("*")):
                inside = f"shipper/_data/{file.relative_to(CHECKOUT)}"
                assert archive.read(inside) == file.read_bytes()
    licences = {name.split("/licenses/")[1] for name in names if "/licenses/" in name}
    assert licences >= {"LICENSE", "bpf/LICENSE", "bpf/LICENSE.BSD-3-Clause", "bpf/LICENSE.GPL-2.0"}


@pytest.mark.usefixtures("root")
def test_installed_doctor_loads_the_packaged_kernel_program(program: Path) -> None:
    """`doctor` finds nothing missing but the broker that nobody configured."""
    done = _run(program, "doctor", "--json")
    findings = {found["check"]: found for found in json.loads(done.stdout)["findings"]}
    bad = {name for name, found in findings.items() if found["status"] == "fail"}
    assert bad == {"broker"}
    assert "/site-packages/shipper/_data/bpf/" in findings["kernel program"]["found"]


@pytest.mark.usefixtures("root")
def test_installed_replay_says_what_the_checkout_says(program: Path, captures: Path) -> None:
    """The same bytes for the same file."""
    done = _run(program, "replay", captures / CAPTURE)
    assert done.returncode == 0, done.stderr
    here = subprocess.run(
        [sys.executable, "-m", "shipper", "replay", captures / CAPTURE],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        check=True,
    )
    assert done.stdout == here.stdout
    assert len(done.stdout.splitlines()) > 1


@pytest.mark.usefixtures("root")
def test_installed_agent_captures(program: Path, public: Path) -> None:
    """`run` from the wheel records a request and ends in order."""
    with serving() as port:
        agent = Agent([str(program)], public / "records.jsonl", port)
        ask(port, "/from/a/wheel")
        assert agent.stop() == 0
    assert [record["url"]["path"] for record in agent.records()] == ["/from/a/wheel"]

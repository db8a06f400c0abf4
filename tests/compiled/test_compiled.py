"""What every exchange passes through, as machine code: held to the tests of its sources."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Final

import pytest
from bench import stages_cost
from deploy.wheel import build, install

CHECKOUT: Final = Path(__file__).parents[2]
#: What is said of the compiled sources.
_THEIR_TESTS: Final = (
    "tests/attribution/test_attributor.py",
    "tests/capture",
    "tests/delivery/test_kafka.py",
    "tests/delivery/spool",
    "tests/delivery/test_partition.py",
    "tests/http",
    "tests/record/test_record_build.py",
    "tests/record/test_record_forwarded.py",
    "tests/record/test_record_headers.py",
    "tests/record/test_record_redaction.py",
    "tests/record/test_record_shared.py",
    "tests/record/test_record_shorten.py",
    "tests/record/test_record_trace.py",
)
_SHOW: Final = """
import importlib, sys
for name in sys.argv[1:]:
    print(importlib.import_module(name).__file__)
"""
_CAPTURE: Final = "http-pipelining.pcap"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the compiled wheel installs."""
    folder = tmp_path_factory.mktemp("compiled")
    install(build(folder, compiled=True), folder / "installed")
    return folder / "installed"


def _run(installed: Path, *command: str | Path) -> str:
    """What a command prints that takes the compiled program, and no other."""
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


def _sources() -> list[Path]:
    """What is to be compiled."""
    project = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())
    hooks = project["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]
    found = [sorted(CHECKOUT.glob(pattern)) for pattern in hooks["mypyc"]["include"]]
    assert all(found), "a pattern names no source"
    return [path.relative_to(CHECKOUT) for paths in found for path in paths]


def test_each_source_is_taken_as_machine_code(installed: Path) -> None:
    """Python finds the library of each, before the source that lies beside it."""
    names = [".".join(source.with_suffix("").parts) for source in _sources()]
    taken = _run(installed, sys.executable, "-P", "-c", _SHOW, *names).split()
    assert [Path(name).suffix for name in taken] == [".so"] * len(names)
    assert all(Path(name).is_relative_to(installed) for name in taken)


def test_it_passes_the_tests_of_its_sources(installed: Path) -> None:
    """The same tests, which take the program from where it is installed."""
    # Not `python -m pytest`, which takes it from where it is called.
    pytest_itself = Path(sys.executable).with_name("pytest")
    # Two at once: it comes late, when those beside it are done.
    several = ("--numprocesses", "2", "--dist", "loadscope")
    _run(installed, pytest_itself, "-q", "-p", "no:cacheprovider", *several, *_THEIR_TESTS)


def test_no_stage_has_become_dearer(installed: Path) -> None:
    """In instructions, within a tenth of what is stored, as the sources' are held to theirs."""
    now, before = stages_cost.counted(installed), stages_cost.stored(stages_cost.COMPILED)
    assert now.keys() == before.keys()
    assert not stages_cost.dearer(now, before), (now, before)


@pytest.mark.usefixtures("root")
def test_it_tells_what_the_sources_tell(installed: Path, captures: Path) -> None:
    """The same bytes for the same file, kernel program and all."""
    replay = ("-m", "shipper", "replay", captures / _CAPTURE)
    compiled = _run(installed, sys.executable, "-P", *replay)
    assert compiled == _run(CHECKOUT, sys.executable, *replay)
    assert len(compiled.splitlines()) > 1

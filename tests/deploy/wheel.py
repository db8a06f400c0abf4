"""The working tree -> a wheel, or a folder that holds what a wheel would install.

    python -m deploy.wheel [--compiled] [--installed] FOLDER

Compiled, what every exchange passes through is machine code, for this Python and this C library;
otherwise the wheel is for all. It is built from a copy: the compiler lays its libraries beside the
sources, where Python would go on taking them when these have changed.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path(__file__).parents[2]
#: What a wheel is made of.
_SOURCES: Final = ("LICENSE", "README.md", "bpf", "pyproject.toml", "schemas", "shipper")
_COMPILED: Final = {"HATCH_BUILD_HOOK_ENABLE_MYPYC": "true"}


def build(folder: Path, *, compiled: bool) -> Path:
    """Build it into a folder; the file. Raises CalledProcessError, which holds what was said."""
    with tempfile.TemporaryDirectory(prefix="shipper-wheel-") as name:
        # Always the same depth and names: some end up in what is built.
        tree = Path(name) / "shipper"
        tree.mkdir()
        for source in _SOURCES:
            _copy(CHECKOUT / source, tree / source)
        built = Path(name) / "built"
        subprocess.run(
            [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", built, tree],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, **(_COMPILED if compiled else {})},
        )
        (wheel,) = built.glob("*.whl")
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(wheel, folder))


def install(wheel: Path, folder: Path) -> None:
    """Lay down what is in a wheel, and nothing else, in a folder for PYTHONPATH."""
    shutil.rmtree(folder, ignore_errors=True)
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)


def _copy(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copy(source, target)


def main() -> int:
    """The command; its exit code."""
    parser = argparse.ArgumentParser(prog="deploy.wheel", description=__doc__)
    parser.add_argument("--compiled", action="store_true", help="with machine code")
    parser.add_argument("--installed", action="store_true", help="lay down what is in it")
    parser.add_argument("folder", type=Path)
    given = parser.parse_args()
    try:
        if given.installed:
            with tempfile.TemporaryDirectory() as name:
                install(build(Path(name), compiled=given.compiled), given.folder)
            made = given.folder
        else:
            made = build(given.folder, compiled=given.compiled)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"{error.stdout}{error.stderr}\ndeploy.wheel: the wheel can't be built\n")
        return 1
    sys.stdout.write(f"{made}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""The working tree -> what a guest is given: package, captures, what this host made of these.

The package is built as a wheel and installed with the versions of the lock file. The same
installation replays the captures here: what is compared is the kernel.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from shipper.errors import UnavailableError

from .archive import run
from .images import cpio
from .processor import HERE, Processor

_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input", "install", "--quiet")
#: Of the system's C library, as wheels name it; pip knows what else each of them stands for.
_LIBC = ("manylinux2014", "manylinux_2_28")
#: Where the Dockerfile puts the package, for the same Python as here.
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_IN_IMAGE = Path("/opt/shipper/lib") / _PYTHON / "site-packages"
_REFERENCE = "generations.inside.reference"
#: Packages of tests/ that run inside, and what of them does.
_INSIDE = {
    "generations": ("__init__.py", "inside"),
    "live": ("__init__.py", "bpf_objects.py"),
    "product": ("__init__.py", "agent.py"),
}


@dataclass(frozen=True, slots=True)
class Project:
    """A checkout, the captures to replay, and where results are kept between runs."""

    checkout: Path
    captures: Path
    cache: Path


def _dependencies(project: Project, processor: Processor) -> Path:
    """The locked dependencies, installed once for each lock file, Python and processor."""
    lock = project.checkout / "requirements.lock"
    digest = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:12]
    kept = project.cache / f"dependencies-{processor.name}-{digest}"
    if not kept.exists():
        platforms = [f"--platform={libc}_{processor.machine}" for libc in _LIBC]
        hashes = ("--require-hashes", "--only-binary", ":all:", "--requirement", lock)
        with tempfile.TemporaryDirectory(dir=project.cache, prefix="pip-") as folder:
            made = Path(folder) / "site"
            run([sys.executable, *_PIP, *platforms, "--target", made, *hashes])
            made.replace(kept)
    return kept


def install(project: Project, processor: Processor, site: Path) -> None:
    """The package as its users have it, from the working tree, and its dependencies."""
    shutil.rmtree(site, ignore_errors=True)
    shutil.copytree(_dependencies(project, processor), site)
    run(
        [
            sys.executable, *_PIP, "--no-deps", "--no-build-isolation", "--target", site,
            project.checkout,
        ]
    )  # fmt: skip


def replay_here(job: Path) -> None:
    """Replay the captures by what the guests are given; their records are what is expected."""
    (job / "expected").mkdir()
    done = subprocess.run(
        [sys.executable, "-P", "-m", _REFERENCE, job / "captures", job / "expected"],
        env={"PATH": os.defpath, "PYTHONPATH": f"{job / 'site'}:{job}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        words = done.stderr.strip().splitlines() or ["it said nothing"]
        raise UnavailableError(f"the captures can't be replayed here: {words[-1]}")


def lay_out(project: Project, job: Path) -> int:
    """Everything that a guest of this machine's processor needs below `job`; how many captures.

    Raises UnavailableError when the project does not build or a capture does not replay here.
    """
    captures = sorted(project.captures.glob("*.pcap"))
    if not captures:
        raise UnavailableError(f"there are no captures in {project.captures}")
    install(project, HERE, job / "site")
    for package, names in _INSIDE.items():
        (job / package).mkdir()
        for name in names:
            source = project.checkout / "tests" / package / name
            if source.is_dir():
                leave = shutil.ignore_patterns("__pycache__")
                shutil.copytree(source, job / package / name, ignore=leave)
            else:
                shutil.copy(source, job / package)
    (job / "captures").mkdir()
    for path in captures:
        shutil.copyfile(path, job / "captures" / path.name)
    replay_here(job)
    return len(captures)


def pack(
    project: Project, processors: Iterable[Processor], folder: Path, *, installed: bool = False
) -> tuple[int, dict[str, Path]]:
    """The job as an initial file system of its own for each processor, and how many captures.

    `installed`: the guest's root has the package already, where our image has it.
    """
    job = folder / "tree/job"
    job.mkdir(parents=True)
    count = lay_out(project, job)
    packed = {}
    for processor in processors:
        if installed:
            shutil.rmtree(job / "site")
            (job / "site").symlink_to(_IN_IMAGE)
        else:
            install(project, processor, job / "site")
        packed[processor.name] = folder / f"job-{processor.name}.cpio"
        cpio(job.parent, packed[processor.name])
    return count, packed

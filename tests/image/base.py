"""The Dockerfile's base image: fetched where there is a registry, else made from Debian's archive.

What is made here is what `debian:…-slim` is: a minimal system whose dpkg leaves out documentation.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from generations.archive import Archive, find_archive, run
from generations.processor import HERE

from shipper.errors import UnavailableError

from .engine import LIBRARIES, RUNTIME, exists, podman

_FETCH_S = 60
#: What the slim variant leaves out, for packages that come later too.
_LEFT_OUT = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
_DPKG = "".join(f"path-exclude /{path}/*\n" for path in _LEFT_OUT)
_APT = 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache ""; Acquire::Languages "none";\n'


def name(dockerfile: Path) -> str:
    """The image that the Dockerfile is built on."""
    (found,) = re.findall(r"^ARG BASE=(\S+)$", dockerfile.read_text(), re.MULTILINE)
    return str(found)


def ensure(image: str, processor: str = HERE.name) -> str:
    """Have the base image for a processor in the local storage; its full name."""
    full = f"{LIBRARIES[processor]}/{image}"
    if exists(full):
        return full
    try:
        podman("pull", "--quiet", full, timeout_s=_FETCH_S)
    except UnavailableError as error:
        sys.stderr.write(f"{error}\nMaking {image} from Debian's archive instead\n")
        _make(full, image, processor)
    return full


def _make(full: str, image: str, processor: str) -> None:
    archive = find_archive()
    named = re.fullmatch(r"debian:(\w+)-slim", image)
    if named is None:
        raise UnavailableError(
            f"{image} can't be made here", "run this where a registry is reached"
        )
    suite = named.group(1)
    with tempfile.TemporaryDirectory(prefix="shipper-base-") as folder:
        tree = Path(folder)
        architecture = f"--arch={processor}"
        run(["debootstrap", architecture, "--variant=minbase", suite, tree, archive.main])
        _slim(tree, archive, suite)
        packed = subprocess.Popen(
            ["tar", "-C", tree, "--numeric-owner", "-c", "."], stdout=subprocess.PIPE
        )
        try:
            subprocess.run(
                ["podman", "--runtime", RUNTIME, "import", "--quiet", architecture, "-", full],
                stdin=packed.stdout,
                check=True,
                capture_output=True,
            )
        finally:
            packed.kill()
            packed.wait()


def _slim(tree: Path, archive: Archive, suite: str) -> None:
    for path in (*_LEFT_OUT, "var/cache/apt", "var/lib/apt/lists"):
        shutil.rmtree(tree / path, ignore_errors=True)
    (tree / "etc/dpkg/dpkg.cfg.d/docker").write_text(_DPKG)
    (tree / "etc/apt/apt.conf.d/docker").write_text(_APT)
    lines = map(archive.source, (suite, f"{suite}-security"))
    (tree / "etc/apt/sources.list").write_text("".join(lines))

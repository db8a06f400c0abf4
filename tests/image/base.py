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

from shipper.errors import UnavailableError

from .engine import LIBRARY, RUNTIME, exists, podman

_FETCH_S = 60
#: What the slim variant leaves out, for packages that come later too.
_LEFT_OUT = ("usr/share/doc", "usr/share/info", "usr/share/locale", "usr/share/man")
_DPKG = "".join(f"path-exclude /{path}/*\n" for path in _LEFT_OUT)
_APT = 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache ""; Acquire::Languages "none";\n'


def name(dockerfile: Path) -> str:
    """The image that the Dockerfile is built on."""
    (found,) = re.findall(r"^ARG BASE=(\S+)$", dockerfile.read_text(), re.MULTILINE)
    return str(found)


def ensure(image: str) -> str:
    """Have the base image in the local storage; how it came there."""
    full = f"{LIBRARY}/{image}"
    if exists(full):
        return "was here"
    try:
        podman("pull", "--quiet", full, timeout_s=_FETCH_S)
    except UnavailableError as error:
        sys.stderr.write(f"{error}\nMaking {image} from Debian's archive instead\n")
        _make(full, image)
        return "made by debootstrap"
    return "fetched"


def _make(full: str, image: str) -> None:
    archive = find_archive()
    named = re.fullmatch(r"debian:(\w+)-slim", image)
    if named is None:
        raise UnavailableError(
            f"{image} can't be made here", "run this where a registry is reached"
        )
    suite = named.group(1)
    with tempfile.TemporaryDirectory(prefix="shipper-base-") as folder:
        tree = Path(folder)
        run(["debootstrap", "--variant=minbase", suite, tree, archive.main])
        _slim(tree, archive, suite)
        packed = subprocess.Popen(
            ["tar", "-C", tree, "--numeric-owner", "-c", "."], stdout=subprocess.PIPE
        )
        try:
            subprocess.run(
                ["podman", "--runtime", RUNTIME, "import", "--quiet", "-", full],
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

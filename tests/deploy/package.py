"""The working tree -> dist/shipper_<version>_<architecture>.deb (`make deb`).

    python -m deploy.package

The package holds a virtual environment with the locked dependencies, so that it needs nothing of
the distribution but its Python and its bcc. It is for the Python that it is built with. Built
twice, it is the same: files carry the commit's time, byte code none.
"""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from generations.archive import run

from shipper import __version__
from shipper.errors import ShipperError

from . import wheel

CHECKOUT = Path(__file__).parents[2]
SOURCE = CHECKOUT / "config/debian"
#: Of the distribution: its bcc is for it.
PYTHON = "/usr/bin/python3"
HOME = Path("usr/lib/shipper")
_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "--quiet")
_SCRIPTS = ("postinst", "postrm", "prerm")
_PROGRAMS = ("python", "python3", "shipper")


def environment(root: Path, ours: Path) -> None:
    """The virtual environment, as it will be below /usr/lib/shipper."""
    home = root / HOME
    run([PYTHON, "-m", "venv", "--without-pip", home])
    install: list[str | Path] = [*_PIP, "--python", home / "bin/python", "install", "--no-compile"]
    lock = CHECKOUT / "requirements.lock"
    run([*install, "--require-hashes", "--only-binary", ":all:", "--requirement", lock])
    run([*install, "--no-deps", "--no-index", ours])
    for program in (home / "bin").iterdir():
        if program.name not in _PROGRAMS:
            program.unlink()
    # It names the folder that it was made in.
    for path in (home / "bin/shipper", home / "pyvenv.cfg"):
        path.write_text(path.read_text().replace(str(home), f"/{HOME}"))
    for path in home.glob("lib/*/site-packages/*.dist-info/direct_url.json"):
        path.unlink()
    compile_all = ["-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    run([home / "bin/python", *compile_all, "-s", root, "-p", "/", home / "lib"])


def files(root: Path) -> None:
    """All else: the command, the unit, the configuration, documents."""
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/shipper").symlink_to(f"/{HOME}/bin/shipper")
    documents = root / "usr/share/doc/shipper"
    shutil.copytree(CHECKOUT / "docs", documents / "docs")
    for path in (CHECKOUT / "README.md", CHECKOUT / "config/shipper.toml", SOURCE / "copyright"):
        shutil.copy(path, documents)
    with (documents / "changelog.gz").open("wb") as file:
        text = (CHECKOUT / "CHANGELOG.md").read_bytes()
        file.write(gzip.compress(text, mtime=0))
    units = root / "usr/lib/systemd/system"
    units.mkdir(parents=True)
    shutil.copy(CHECKOUT / "config/systemd/shipper.service", units)
    (root / "etc/shipper").mkdir(parents=True)
    shutil.copy(SOURCE / "shipper.toml", root / "etc/shipper")


def control(root: Path) -> str:
    """Fill in and lay down what dpkg is told; the architecture."""
    contents = [
        path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink()
    ]
    major, minor = run([PYTHON, "-c", "import sys; print(*sys.version_info[:2])"]).split()
    architecture = run(["dpkg", "--print-architecture"]).strip()
    values = {
        "VERSION": __version__,
        "ARCHITECTURE": architecture,
        "SIZE": str(sum(path.stat().st_size for path in contents) // 1024),
        "PYTHON": f"{major}.{minor}",
        "NEXT_PYTHON": f"{major}.{int(minor) + 1}",
    }
    text = (SOURCE / "control").read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", value)
    folder = root / "DEBIAN"
    folder.mkdir()
    (folder / "control").write_text(text)
    (folder / "conffiles").write_text("/etc/shipper/shipper.toml\n")
    (folder / "md5sums").write_text("".join(_sum(path, root) for path in contents))
    for name in _SCRIPTS:
        shutil.copy(SOURCE / name, folder)
        (folder / name).chmod(0o755)
    return architecture


def _sum(path: Path, root: Path) -> str:
    digest = hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
    return f"{digest}  {path.relative_to(root)}\n"


def permissions(root: Path) -> None:
    """The same whatever the umask of who builds it."""
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & 0o100 else 0o644)


def moment() -> str:
    """The time that files carry: the commit's, in seconds."""
    given = os.environ.get("SOURCE_DATE_EPOCH")
    git = ("git", "-c", f"safe.directory={CHECKOUT}", "-C", CHECKOUT)
    return given or run([*git, "log", "-1", "--format=%ct"]).strip()


def build() -> Path:
    """Everything; the package."""
    work = CHECKOUT / "build/deb"
    shutil.rmtree(work, ignore_errors=True)
    root = work / "root"
    root.mkdir(parents=True)
    environment(root, wheel.build(work, compiled=True))
    files(root)
    architecture = control(root)
    permissions(root)
    package = CHECKOUT / f"dist/shipper_{__version__}_{architecture}.deb"
    package.parent.mkdir(exist_ok=True)
    subprocess.run(
        ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", root, package],
        env={**os.environ, "SOURCE_DATE_EPOCH": moment()},
        check=True,
        capture_output=True,
    )
    return package


def main() -> int:
    """Build it and say what came out; the exit code."""
    package = build()
    size = package.stat().st_size
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    sys.stdout.write(
        json.dumps({"package": package.name, "megabytes": round(size / 1e6, 1), "sha256": digest})
        + "\n"
    )
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ShipperError as error:
        sys.stderr.write(f"deb: {error}\n")
        sys.exit(error.exit_code)

"""The machine's own apt configuration -> packages of other Debian suites, and a root file system.

No address is written down here: where this machine gets its packages, the other suites lie too.
"""

import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from shipper.errors import UnavailableError

from .processor import HERE, Processor

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
#: What an installation of shipper needs, a shell, users, and what the guest's first process is.
GUEST_PACKAGES = ("python3-bpfcc", "linux-libc-dev", "dash", "base-passwd", "busybox-static")
_PYTHON = "/usr/bin/python3"
#: Python's own examples of what does not compile.
_BROKEN = "bad_coding|badsyntax|lib2to3/tests"
#: Brought along by packages, read by nobody here.
_UNREAD = ("usr/share/doc", "usr/share/man", "usr/share/locale", "var/cache/apt", "var/lib/apt")


@dataclass(frozen=True, slots=True)
class Archive:
    """Where this machine's packages come from; `codename` is its own suite."""

    codename: str
    main: str
    security: str

    def source(self, suite: str) -> str:
        """The line of a sources.list that stands for a suite."""
        where = self.security if suite.endswith("-security") else self.main
        return f"deb [signed-by={KEYRING}] {where} {suite} main\n"


def run(command: Sequence[str | Path], cwd: Path | None = None) -> str:
    """Standard output of a command; UnavailableError with its last words when it fails."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, capture_output=True, text=True, check=False
    )
    if done.returncode:
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()
        raise UnavailableError(f"{' '.join(map(str, command[:2]))} failed: {words[-1]}")
    return done.stdout


def parse_targets(targets: str, codename: str) -> Archive:
    """The archive, from lines of `address suite component` as apt knows them.

    Raises UnavailableError when the suite itself or its security updates are not among them.
    """
    found: dict[str, str] = {}
    for line in targets.splitlines():
        address, suite, component = line.split()
        if component == "main":
            found.setdefault(suite, address)
    try:
        return Archive(codename, found[codename], found[f"{codename}-security"])
    except KeyError as error:
        raise UnavailableError(
            f"apt has no source for {error.args[0]} main on this machine",
            "add it to /etc/apt, and run apt-get update",
        ) from error


def find_archive() -> Archive:
    """The archive that this machine uses, which has to be Debian's, on amd64."""
    system = platform.freedesktop_os_release()
    if system.get("ID") != "debian" or platform.machine() != HERE.machine:
        raise UnavailableError(
            f"this is {system.get('ID')} on {platform.machine()}",
            f"what is compared with is Debian on {HERE.name}: run this on such a machine",
        )
    layout = "$(REPO_URI) $(RELEASE) $(COMPONENT)"
    targets = run(["apt-get", "indextargets", "--format", layout, "Created-By: Packages"])
    return parse_targets(targets, system["VERSION_CODENAME"])


class Suite:
    """One suite, in an apt folder of its own: this machine's lists and packages are not touched."""

    def __init__(self, archive: Archive, name: str, processor: Processor, folder: Path) -> None:
        """Nothing is asked yet."""
        self._name = name
        self._folder = folder
        sources = folder / "sources.list"
        settings = {
            "Dir::Etc::sourcelist": sources,
            "Dir::Etc::sourceparts": "/dev/null",
            "Dir::Etc::preferencesparts": "/dev/null",
            "Dir::State::lists": folder / "lists",
            "Dir::State::status": "/dev/null",
            "Dir::Cache": folder / "cache",
            "APT::Architecture": processor.name,
            "APT::Architectures": processor.name,
            # Else downloads go through a user who may not write here.
            "APT::Sandbox::User": "root",
        }
        self._options = [
            part for key, value in settings.items() for part in ("-o", f"{key}={value}")
        ]
        for below in ("lists/partial", "cache/archives/partial"):
            (folder / below).mkdir(parents=True, exist_ok=True)
        sources.write_text(archive.source(name))

    def kernel(self, meta: str) -> Path:
        """Unpack the packages that `meta` stands for; the folder they are unpacked in.

        Newer kernels lie in several packages, older ones in one: their dependencies tell.
        """
        run(["apt-get", *self._options, "-q", "update"])
        tree = run(
            [
                "apt-cache", *self._options, "depends", "--recurse", "--no-recommends",
                "--no-suggests", "--no-conflicts", "--no-breaks", "--no-replaces", "--no-enhances",
                meta,
            ]
        )  # fmt: skip
        # With a version in its name and of the same flavour: the others hold no file of a kernel.
        wanted = re.compile(rf"linux-[a-z]+-\d.*{re.escape(meta.removeprefix('linux-image'))}")
        names = [line for line in tree.splitlines() if wanted.fullmatch(line)]
        if not names:
            raise UnavailableError(f"there is no {meta} in {self._name}")
        run(["apt-get", *self._options, "-q", "download", *names], cwd=self._folder)
        unpacked = self._folder / "unpacked"
        for package in self._folder.glob("*.deb"):
            run(["dpkg", "-x", package, unpacked])
        return unpacked


def extract(archive: Archive, processor: Processor, folder: Path) -> None:
    """A root file system of this machine's suite, with the loader's packages.

    They are unpacked and no more, since this machine can't run the programs of every processor.
    What installing them would make is made here: users, and Python's byte code.
    """
    run(
        [
            "mmdebstrap", "--quiet", "--variant=extract", f"--architectures={processor.name}",
            f"--include={','.join(GUEST_PACKAGES)}", archive.codename, folder,
            archive.source(archive.codename).strip(),
        ]
    )  # fmt: skip
    for name in _UNREAD:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in ("passwd", "group"):
        shutil.copy(folder / f"usr/share/base-passwd/{name}.master", folder / "etc" / name)
    # By this machine's Python, which is the same: it is of the same suite.
    run([_PYTHON, "-m", "compileall", "-q", "-s", folder, "-p", "/", folder / "usr/lib/python3"])
    for path in (folder / "usr/lib").glob("python3.*"):
        run([_PYTHON, "-m", "compileall", "-q", "-s", folder, "-p", "/", "-x", _BROKEN, path])

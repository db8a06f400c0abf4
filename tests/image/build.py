"""The working tree and its Dockerfile -> an image, and what is in it."""

import configparser
import math
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from generations.processor import AMD64, ARM64, HERE

from shipper import __version__
from shipper.errors import UnavailableError

from . import base
from .engine import NAME, RUNTIME, once, podman, run

#: What was agreed on, unpacked.
LIMIT_MB = 400
#: Nothing of these may be in it: compilers, and what installs packages of Python.
_UNWANTED = ("gcc", "cc", "g++", "clang", "tcc", "make", "ld", "pip", "pip3")
_CA = Path("/etc/ssl/certs/ca-certificates.crt")
#: Size on disk in KiB of what each line of a table stands for; a file counts once, above all.
_PARTS = {
    "LLVM and clang, which bcc compiles with": "/usr/lib/*/libLLVM* /usr/lib/llvm-*",
    "libraries that LLVM asks for (ICU, Z3)": "/usr/lib/*/libicu* /usr/lib/*/libz3*",
    "bcc": "/usr/lib/*/libbcc* /usr/lib/*/libbpf* /usr/lib/python3/dist-packages/bcc",
    "C headers (linux-libc-dev)": "/usr/include",
    "Python": "/usr/lib/python3* /usr/bin/python3*",
    "librdkafka and confluent-kafka": "/opt/shipper/lib/*/site-packages/confluent_kafka*",
    "other packages of the lock file, and shipper": "/opt/shipper",
}


@dataclass(frozen=True, slots=True)
class Image:
    """What was built: megabytes (10^6 bytes) unpacked, in all and part by part."""

    name: str
    identity: str
    megabytes: float
    parts: dict[str, float]
    unwanted: list[str]
    limit_mb: float = LIMIT_MB

    @property
    def ok(self) -> bool:
        """Whether it is as it should be."""
        return self.megabytes <= self.limit_mb and not self.unwanted


def build(
    checkout: Path, *, on: str | None = None, fresh: bool = False, processor: str = HERE.name
) -> Image:
    """Build the image from the working tree. Raises UnavailableError.

    `on`: another base than the Dockerfile's, where the size is free; `fresh`: from nothing;
    `processor`: another than this machine's, which is emulated.
    """
    layers = ("--layers=false", "--no-cache") if fresh else ("--layers",)
    dockerfile = checkout / "Dockerfile"
    if processor != HERE.name:
        _require_emulation(processor)
    below = base.ensure(on or base.name(dockerfile), processor)
    words = [__version__, *([on.replace(":", "-")] if on else [])]
    words += [processor] if processor != HERE.name else []
    tag = f"localhost/{NAME}:{'-'.join(words)}"
    revision, moment = _commit(checkout)
    with _secrets() as secrets:
        run(
            [
                "buildah", "bud", "--pull=never", *layers, "--isolation", "oci",
                "--runtime", RUNTIME, "--network", "host", "--format", "docker",
                "--arch", processor,
                # The same input gives the same image: files carry the commit's time.
                "--timestamp", moment, *secrets,
                "--build-arg", f"VERSION={__version__}", "--build-arg", f"REVISION={revision}",
                "--build-arg", f"BASE={below}", "--tag", tag, "--file", dockerfile, checkout,
            ]
        )  # fmt: skip
    return replace(examine(tag), limit_mb=math.inf if on else LIMIT_MB)


def _require_emulation(processor: str) -> None:
    """The kernel has to know who runs another processor's programs, in containers too (flag F)."""
    (machine,) = (each.machine for each in (AMD64, ARM64) if each.name == processor)
    known = Path(f"/proc/sys/fs/binfmt_misc/qemu-{machine}")
    if not known.exists() or "F" not in known.read_text().partition("flags: ")[2].split()[0]:
        raise UnavailableError(
            f"this machine does not run programs for {processor}",
            "mount binfmt_misc and install qemu-user-static and binfmt-support",
        )


def examine(image: str) -> Image:
    """What is in an image."""
    size, identity = podman(
        "image", "inspect", "--format", "{{.Size}} {{.Id}}", image
    ).split()  # fmt: skip
    script = f"command -v {' '.join(_UNWANTED)} || true; ls /usr/bin/*-gcc* 2>/dev/null || true"
    unwanted = once(image, "/bin/sh", "-c", script).split()
    unwanted += once(
        image, "/bin/sh", "-c", "find / -xdev -type d \\( -name pip -o -name setuptools \\)"
    ).split()
    return Image(image, identity[:12], int(size) / 1e6, _parts(image, int(size)), unwanted)


def _parts(image: str, size: int) -> dict[str, float]:
    # du counts a file once: where it was named first.
    script = "du --summarize --total --bytes --one-file-system $1 2>/dev/null | tail -n 1; shift"
    loop = f"seen=; while [ $# -gt 0 ]; do {script}; done"
    figures = once(image, "/bin/sh", "-c", loop, "sh", *_PARTS.values()).splitlines()
    parts = {what: int(line.split()[0]) / 1e6 for what, line in zip(_PARTS, figures, strict=True)}
    kafka = parts["librdkafka and confluent-kafka"]
    parts["other packages of the lock file, and shipper"] -= kafka
    return {**parts, "the rest of Debian": size / 1e6 - sum(parts.values())}


def _commit(checkout: Path) -> tuple[str, str]:
    """The commit and its time in seconds; a working tree that differs says so."""
    git = ("git", "-c", f"safe.directory={checkout}", "-C", checkout)
    try:
        revision, moment = run([*git, "log", "-1", "--format=%H %ct"]).split()
        changed = run([*git, "status", "--porcelain", "--", "shipper", "bpf", "schemas"]).strip()
    except (UnavailableError, FileNotFoundError):
        return "unknown", os.environ.get("SOURCE_DATE_EPOCH", "0")
    return revision + ("+changes" if changed else ""), moment


@contextmanager
def _secrets() -> Iterator[list[str]]:
    """This machine's settings of pip, as secrets: nothing of them stays in the image."""
    with tempfile.TemporaryDirectory(prefix="shipper-build-") as folder:
        settings = configparser.ConfigParser(interpolation=None)
        settings.read([os.environ.get("PIP_CONFIG_FILE", "/etc/pip.conf")])
        given: list[str] = []
        bundle = Path(
            os.environ.get("PIP_CERT") or settings.get("global", "cert", fallback="") or _CA
        )
        if bundle.exists():
            if not settings.has_section("global"):
                settings.add_section("global")
            settings.set("global", "cert", "/run/ca.pem")
            given += ["--secret", f"id=ca.pem,src={bundle}"]
        path = Path(folder) / "pip.conf"
        with path.open("w") as file:
            settings.write(file)
        yield [*given, "--secret", f"id=pip.conf,src={path}"]

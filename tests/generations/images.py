"""Packages -> what a virtual machine boots from: kernel, initial file system, root, and the job.

Kernels and the root are kept below build/: only the first run takes time. The job, which holds the
project, is made anew each time.
"""

import lzma
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from shipper.errors import UnavailableError

from .archive import Archive, Suite, extract, run
from .processor import AMD64, ARM64, Processor

#: Drivers of the disk and of the line to talk over; what of them is no module is in the kernel.
_DRIVERS = ("virtio_pci", "virtio_blk", "virtio_console")
_INIT = Path(__file__).parent / "init"
#: Where the root has room for what is mounted over it.
MOUNT_POINTS = ("job", "proc", "sys", "dev", "tmp", "run")
_ROOT_MEBIBYTES = 1024


@dataclass(frozen=True, slots=True)
class Generation:
    """A kernel to boot: the name it is asked for by, the suite it comes from, and its processor."""

    name: str
    suite: str
    processor: Processor = AMD64


GENERATIONS = (
    Generation("5.10", "bullseye-security"),
    Generation("6.1", "bookworm-security"),
    Generation("6.12", "trixie"),
    Generation("newest", "trixie-backports"),
    Generation("arm64", "trixie", ARM64),
)


@dataclass(frozen=True, slots=True)
class Boot:
    """The kernel, and the drivers that its root needs, in the order in which they go in."""

    kernel: Path
    drivers: Path


@dataclass(frozen=True, slots=True)
class Root:
    """The file system of the guests of a processor, and the program that mounts it."""

    image: Path
    busybox: Path


@dataclass(frozen=True, slots=True)
class Machine:
    """All that a virtual machine is made of."""

    processor: Processor
    kernel: Path
    initial: Path
    disk: Path


def cpio(tree: Path, archive: Path) -> None:
    """Everything below `tree` as an initial file system (newc), owned by root."""
    names = "\n".join(sorted(str(path.relative_to(tree)) for path in tree.rglob("*")))
    with archive.open("wb") as out:
        subprocess.run(
            ["cpio", "--create", "--format=newc", "--owner=0:0", "--quiet"],
            input=names.encode(), stdout=out, cwd=tree, check=True,
        )  # fmt: skip


def drivers(modules: Path) -> list[Path]:
    """The files of the drivers, each after those that it needs (modules.dep(5))."""
    tree = modules.parents[2]
    run(["depmod", "-b", tree, modules.name])
    needs: dict[str, tuple[Path, list[Path]]] = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, _, others = line.partition(":")
        name = Path(file).name.split(".")[0].replace("-", "_")
        needs[name] = (modules / file, [modules / other for other in others.split()])
    found: list[Path] = []
    for driver in _DRIVERS:
        if driver in needs:
            path, before = needs[driver]
            found += [one for one in (*reversed(before), path) if one not in found]
    return found


def kernel(archive: Archive, generation: Generation, cache: Path) -> Boot:
    """The kernel of a generation, from the cache or from its suite."""
    kept = cache / f"kernel-{generation.suite}-{generation.processor.name}"
    if kept.exists():
        return Boot(kept / "vmlinuz", kept / "drivers")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix="suite-") as folder:
        at = Path(folder)
        suite = Suite(archive, generation.suite, generation.processor, at)
        unpacked = suite.kernel(f"linux-image-cloud-{generation.processor.name}")
        images = list(unpacked.rglob("vmlinuz*"))
        modules = [*unpacked.glob("lib/modules/*"), *unpacked.glob("usr/lib/modules/*")]
        if len(images) != 1 or len(modules) != 1:
            raise UnavailableError(f"{generation.suite} has no kernel that looks like one")
        (at / "kept/drivers").mkdir(parents=True)
        shutil.copy(images[0], at / "kept/vmlinuz")
        for number, path in enumerate(drivers(modules[0])):
            data = path.read_bytes()
            data = lzma.decompress(data) if path.suffix == ".xz" else data
            (at / f"kept/drivers/{number:02}-{path.name.removesuffix('.xz')}").write_bytes(data)
        (at / "kept").replace(kept)
    return Boot(kept / "vmlinuz", kept / "drivers")


def _initial(boot: Boot, root: Root, job: Path, image: Path) -> None:
    """The initial file system: busybox, the drivers in order, init, and the job behind them."""
    with tempfile.TemporaryDirectory(dir=image.parent) as folder:
        tree = Path(folder)
        (tree / "bin").mkdir()
        shutil.copy(root.busybox, tree / "bin/busybox")
        shutil.copy(_INIT, tree / "init")
        (tree / "init").chmod(0o755)
        shutil.copytree(boot.drivers, tree / "drivers")
        cpio(tree, image)
    # The kernel unpacks several archives that follow one another.
    with image.open("ab") as out, job.open("rb") as more:
        shutil.copyfileobj(more, out)


def root(archive: Archive, processor: Processor, cache: Path) -> Root:
    """The root file system of a processor's guests, read-only for all of them."""
    kept = cache / f"root-{archive.codename}-{processor.name}"
    if not kept.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache, prefix="root-") as folder:
            tree, made = Path(folder) / "tree", Path(folder) / "kept"
            made.mkdir()
            extract(archive, processor, tree)
            _disk(tree, made / "image.ext4")
            shutil.copy(tree / "bin/busybox", made)
            made.replace(kept)
    return Root(kept / "image.ext4", kept / "busybox")


def container_root(name: str, below: Root, folder: Path) -> Root:
    """The file system of a container image of podman's, mounted by the program of another root."""
    tree, image = folder / "container", folder / "container.ext4"
    tree.mkdir()
    container = run(["podman", "create", "--pull=never", name]).strip()
    try:
        with subprocess.Popen(["podman", "export", container], stdout=subprocess.PIPE) as exported:
            subprocess.run(["tar", "-x", "-C", tree], stdin=exported.stdout, check=True)
    finally:
        run(["podman", "rm", container])
    _disk(tree, image)
    shutil.rmtree(tree)
    return Root(image, below.busybox)


def _disk(tree: Path, image: Path) -> None:
    for name in MOUNT_POINTS:
        (tree / name).mkdir(exist_ok=True)
    run(["mke2fs", "-q", "-t", "ext4", "-d", tree, image, f"{_ROOT_MEBIBYTES}M"])


def assemble(
    archive: Archive, generation: Generation, disk: Root, job: Path, cache: Path
) -> Machine:
    """A generation's machine, with this job; its initial file system lies beside the job's."""
    boot = kernel(archive, generation, cache)
    image = job.with_name(f"{generation.name}.cpio")
    _initial(boot, disk, job, image)
    return Machine(generation.processor, boot.kernel, image, disk.image)

"""Finds the cgroup v2 root, and says whether it is the host's."""

from dataclasses import dataclass
from pathlib import Path

from shipper.errors import UnavailableError

#: The inode of the root of the cgroup v2 hierarchy (kernfs numbers its root 1).
_ROOT_INODE = 1


@dataclass(frozen=True, slots=True)
class CgroupRoot:
    """A cgroup v2 directory; `private` when only a part of the host's hierarchy lies below it."""

    path: Path
    private: bool


def find_root(configured: str = "") -> CgroupRoot:
    """The configured directory, or the first cgroup v2 mount; UnavailableError if there is none."""
    if configured:
        path = Path(configured)
        if not (path / "cgroup.procs").exists() and not (path / "cgroup.controllers").exists():
            raise UnavailableError(
                f"{configured} is no cgroup v2 directory",
                "set capture.cgroup_root to where `mount -t cgroup2` shows it",
            )
        return CgroupRoot(path, path.stat().st_ino != _ROOT_INODE)
    mounts = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        before, _, after = line.partition(" - ")
        if after.startswith("cgroup2 "):
            path = Path(before.split()[4])
            mounts.append(CgroupRoot(path, path.stat().st_ino != _ROOT_INODE))
    if not mounts:
        raise UnavailableError(
            "no cgroup v2 is mounted",
            "mount one (`mount -t cgroup2 none /sys/fs/cgroup/unified`) "
            "or set capture.hook to interface",
        )
    return min(mounts, key=lambda root: root.private)


def cgroup_id(root: Path, name: str) -> int:
    """The id of a cgroup: the inode of its directory."""
    path = root / name.lstrip("/")
    try:
        return path.stat().st_ino
    except OSError as error:
        raise UnavailableError(
            f"no cgroup {name!r} below {root}", "give its path below the cgroup v2 root"
        ) from error

"""The kernel program from user space: starts the loader, holds what it hands over, reads counters.

`Kernel` needs no privilege once it is open: settings, filters for ports and own sockets, and the
counters are memory-mapped. Only the filters for networks and cgroups are not: kernels before 5.19
may refuse to change them later.
"""

import array
import contextlib
import json
import mmap
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path

from shipper.capture import layout, loader, older, owners
from shipper.capture.cgroups import find_root
from shipper.capture.filters import INCLUDING, Elements, elements, flags
from shipper.capture.occupancy import occupancy, told
from shipper.capture.ring import Ring
from shipper.capture.settings import CaptureSettings, Rules
from shipper.errors import PrivilegeError, ShipperError, UnavailableError

_MAX_DESCRIPTORS = 253  # SCM_MAX_FD
_DEFINES = {"cgroup": ["FLOW_BY_COOKIE"], "interface": [], "replay": ["REPLAY"]}


def program_source() -> Path:
    """Where the kernel program lies: in the package when installed, else in the checkout."""
    packaged = Path(str(resources.files("shipper"))) / "_data" / "bpf" / "packet_trace.c"
    return packaged if packaged.exists() else Path(__file__).parents[2] / "bpf" / "packet_trace.c"


def possible_cpus() -> int:
    """How many CPUs the kernel may ever have: per-CPU tables are that long."""
    text = Path("/sys/devices/system/cpu/possible").read_text()
    return max(int(part) for part in text.replace(",", "-").split("-")) + 1


class Kernel:
    """The loaded and attached program. Closing the last holder's descriptors detaches it."""

    def __init__(
        self, settings: CaptureSettings, descriptors: dict[str, int], root: Path | None = None
    ) -> None:
        """Take over the loader's descriptors; `root` is the cgroup that it attached to."""
        self.settings = settings
        self._root = root
        self.descriptors = descriptors
        self._cpus = possible_cpus()
        self._settings = self._map("settings", layout.SETTINGS.size)
        self._ports = self._map("ports", layout.PORTS * layout.PORT_RULE.size)
        self._own = self._map("own_sockets", layout.OWN_SOCKETS * 8)
        self._counters = self._map("counters", self._cpus * layout.CPU_COUNTERS.size)
        self._words = memoryview(self._settings).cast("I")
        self.apply(settings)

    def _map(self, name: str, size: int) -> mmap.mmap:
        size = -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
        return mmap.mmap(self.descriptors[name], size, mmap.MAP_SHARED)

    @property
    def program(self) -> int:
        """The program's descriptor."""
        return self.descriptors["program"]

    def ring(self, index: int = 0) -> Ring:
        """The ring of one worker."""
        return Ring(self.descriptors[f"ring{index}"], self.settings.ring_bytes)

    def apply(self, settings: CaptureSettings) -> None:
        """Put settings and port filters into force; flows are decided again."""
        self._put_ports(settings.include.ports, settings.exclude.ports)
        self._put(
            roles=sum(layout.ROLES[role] for role in settings.roles),
            filters=flags(settings),
            max_block=min(settings.max_block, layout.MAX_BLOCK),
            rings=settings.rings,
            wake_bytes=settings.wake_bytes,
        )
        self._decide_again()
        self.settings = settings

    def refilter(self, include: Rules, exclude: Rules) -> None:
        """Change the filters while packets pass.

        What the old and the new ones agree on holds all the time: in between stands, for each
        kind of rule, what either includes and what either excludes. Only then flows are decided
        again. OSError from a kernel that lets no unprivileged process write maps, with the old
        filters still in force.
        """
        old, new = self.settings, replace(self.settings, include=include, exclude=exclude)
        before, after = elements(old, self._root), elements(new, self._root)
        self._write_maps(before, {place: before.get(place, 0) | after[place] for place in after})
        self._put_ports(old.include.ports, {*old.exclude.ports, *exclude.ports})
        self._put_ports({*old.include.ports, *include.ports}, {*old.exclude.ports, *exclude.ports})
        both = flags(old) | flags(new)
        self._put(filters=both & ~(INCLUDING & ~(flags(old) & flags(new))))
        self._put(filters=flags(new))
        self._put_ports(include.ports, {*old.exclude.ports, *exclude.ports})
        self._put_ports(include.ports, exclude.ports)
        self._write_maps(before, after)
        for name, key in before.keys() - after.keys():
            loader.delete_from_map(self.descriptors[name], key)
        self._decide_again()
        self.settings = new

    def resolve(self, include: Rules, exclude: Rules) -> None:
        """See that `refilter` will find what they name: UnavailableError for no such cgroup."""
        elements(replace(self.settings, include=include, exclude=exclude), self._root)

    def refilters_all(self) -> bool:
        """Whether `refilter` can change networks and cgroups too, here and without privileges."""
        try:
            loader.delete_from_map(self.descriptors["cgroups"], bytes(8))
        except OSError:
            return False
        return True

    def _write_maps(self, there: Elements, wanted: Elements) -> None:
        for (name, key), match in wanted.items():
            if there.get((name, key)) != match:
                loader.update_map(self.descriptors[name], key, match.to_bytes(4, "little"))

    def _put_ports(self, include: Iterable[int], exclude: Iterable[int]) -> None:
        rule = layout.PORT_RULE
        matches = [0] * layout.PORTS
        for port in include:
            matches[port] |= layout.MATCH_INCLUDE
        for port in exclude:
            matches[port] |= layout.MATCH_EXCLUDE
        self._ports[: layout.PORTS * rule.size] = b"".join(map(rule.pack, matches))

    def _put(self, **fields: int) -> None:
        """Settings by name; each is one word, which a packet sees as it was or as it is."""
        for name, value in fields.items():
            self._words[layout.SETTINGS_FIELDS.index(name)] = value

    def _decide_again(self) -> None:
        """Last of all: flows that see another generation look at everything anew."""
        self._words[layout.SETTINGS_FIELDS.index("generation")] += 1

    def own_sockets(self, cookies: Iterable[int]) -> None:
        """Leave out these sockets, by their cookies, and no others."""
        table = [0] * layout.OWN_SOCKETS
        for cookie in cookies:
            slot = layout.mix(cookie)
            for probe in range(layout.OWN_PROBES):
                index = (slot + probe) % layout.OWN_SOCKETS
                if not table[index]:
                    table[index] = cookie
                    break
        self._own[: layout.OWN_SOCKETS * 8] = array.array("Q", table).tobytes()

    def add_own_socket(self, cookie: int) -> None:
        """Leave out one more socket. Several workers may do so: slots are single words."""
        slots = [
            (layout.mix(cookie) + probe) % layout.OWN_SOCKETS for probe in range(layout.OWN_PROBES)
        ]
        held = [int.from_bytes(self._own[slot * 8 : slot * 8 + 8], sys.byteorder) for slot in slots]
        if cookie in held:
            return
        free = slots[held.index(0)] if 0 in held else slots[0]
        self._own[free * 8 : free * 8 + 8] = cookie.to_bytes(8, sys.byteorder)

    def counters(self) -> dict[str, int]:
        """Every counter since loading, summed over the CPUs."""
        size = layout.CPU_COUNTERS.size
        cpus = (
            layout.CPU_COUNTERS.unpack_from(self._counters, cpu * size) for cpu in range(self._cpus)
        )
        return dict(zip(layout.COUNTERS, map(sum, zip(*cpus, strict=True)), strict=True))

    def flows(self) -> int | None:
        """How many connections the flow table has now; reads all of it. None: not to be known."""
        return occupancy(self.descriptors["flows"])

    def run_statistics(self) -> tuple[int, int]:
        """Run time in ns and number of runs; zeros unless kernel.bpf_stats_enabled is set.

        Zeros too where the kernel (before 5.14) does not let us read of our own descriptors.
        """
        values = told(self.program)
        return values.get("run_time_ns", 0), values.get("run_cnt", 0)

    def detach(self) -> None:
        """Stop capturing: the rings stay readable."""
        for name in list(self.descriptors):
            if name.startswith(("link", "packets")):
                os.close(self.descriptors.pop(name))

    def close(self) -> None:
        """Give up everything."""
        self.detach()
        self._words.release()
        for mapping in (self._settings, self._ports, self._own, self._counters):
            mapping.close()
        for descriptor in self.descriptors.values():
            os.close(descriptor)
        self.descriptors.clear()


def open_kernel(settings: CaptureSettings) -> Kernel:
    """Load and attach the program. Needs privileges, for as long as this call takes.

    Raises PrivilegeError, UnavailableError: each says what is missing and what to do.
    """
    if not shutil.which(settings.interpreter):
        raise UnavailableError(
            f"no Python interpreter at {settings.interpreter}",
            "install python3 and python3-bpfcc of the distribution",
        )
    root = None
    task: dict[str, object] = {
        "hook": settings.hook,
        "source": str(program_source()),
        "cpus": possible_cpus(),
        "flows": settings.flows,
        "holds": settings.holds,
        "defines": _DEFINES[settings.hook],
        "rings": settings.rings,
        "ring_bytes": settings.ring_bytes,
        "bounded_loops": settings.bounded_loops,
    }
    if settings.hook == "cgroup":
        found = find_root(settings.cgroup_root)
        if found.private and not settings.allow_private_cgroup:
            raise UnavailableError(
                f"{found.path} is the root of a private cgroup namespace: "
                "only this container's sockets would be seen",
                "run the container with the host's (--cgroupns=host, its /sys/fs/cgroup mounted), "
                "or set capture.allow_private_cgroup",
            )
        root = found.path
        task["cgroup"] = str(root)
    elif settings.hook == "interface":
        every = "all" in settings.interfaces or not settings.interfaces
        task["interfaces"] = [""] if every else list(settings.interfaces)
    if settings.owners and settings.hook != "replay":
        task.update(_owners(settings, root))
    task["elements"] = [
        (name, key.hex(), match.to_bytes(4, "little").hex())
        for (name, key), match in elements(settings, root).items()
    ]
    kernel = Kernel(settings, _run_loader(settings, task), root)
    if "owners" in kernel.descriptors:
        with contextlib.suppress(OSError):  # then they are known once they read
            cgroups = Path(str(task["cgroup"])) if "cgroup" in task else None
            table = kernel.descriptors["owners"]
            older.note(table, by_cookie=settings.hook == "cgroup", cgroups=cgroups)
    return kernel


def _owners(settings: CaptureSettings, root: Path | None) -> dict[str, object]:
    """What the loader is told about noting whose sockets they are."""
    numbers = owners.definitions()
    if root is None and not numbers:
        return {}  # only a cookie tells whose a socket is without them
    told: dict[str, object] = {
        "owners": True,
        "traces": bool(numbers),
        "flags": [
            "-Wno-everything",
            f"-DOWNERS={settings.flows}",
            *(f"-D{name}={number}" for name, number in numbers.items()),
        ],
    }
    if root is None:
        with contextlib.suppress(UnavailableError):
            found = find_root(settings.cgroup_root)
            if settings.allow_private_cgroup or not found.private:
                told["cgroup"] = str(found.path)
    return told


def _run_loader(settings: CaptureSettings, task: dict[str, object]) -> dict[str, int]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    # The folder is ours, not the loader's: it goes too when the loader has to be killed.
    with (
        ours,
        tempfile.TemporaryFile() as log,
        tempfile.TemporaryDirectory(prefix="shipper-") as tree,
    ):
        process = subprocess.Popen(  # noqa: S603 - our own file, an interpreter of the settings
            [settings.interpreter, "-I", loader.__file__, str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        theirs.close()
        try:
            ours.settimeout(settings.load_timeout)
            ours.sendall(json.dumps({**task, "tree": tree}).encode() + b"\n")
            answer, descriptors = _receive(ours)
            process.wait(settings.load_timeout)
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            raise UnavailableError(
                f"loading the kernel program took longer than {settings.load_timeout:.0f} s",
                "see whether the machine is overloaded, and try again",
            ) from error
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
        if answer is None:
            raise UnavailableError(
                f"the loader ended with code {process.returncode} and said {_tail(log.fileno())!r}",
                "check that python3-bpfcc works: python3 -c 'import bcc'",
            )
    if "problem" in answer:
        raise _refusal(str(answer["problem"]), str(answer["remedy"]))
    return dict(zip(answer["names"], descriptors, strict=True))


def _refusal(problem: str, remedy: str) -> ShipperError:
    permission = "not permitted" in problem or "denied" in problem
    return (PrivilegeError if permission else UnavailableError)(problem, remedy)


def _receive(channel: socket.socket) -> tuple[dict[str, list[str]] | None, list[int]]:
    """One message of the loader: its JSON, and the descriptors beside it."""
    data, descriptors, _, _ = socket.recv_fds(channel, 1 << 16, _MAX_DESCRIPTORS)
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)  # noqa: FBT003
    return (json.loads(data) if data else None), list(descriptors)


def _tail(descriptor: int) -> str:
    with contextlib.suppress(OSError):
        size = os.fstat(descriptor).st_size
        text = os.pread(descriptor, 4096, max(0, size - 4096)).decode("utf-8", "replace")
        lines = [line for line in text.splitlines() if line.strip()]
        return lines[-1].strip()[:300] if lines else ""
    return ""

"""The kernel program from user space: starts the loader, holds what it hands over, reads counters.

`Kernel` needs no privilege once it is open: settings, filters for ports and own sockets, and the
counters are memory-mapped.
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
from importlib import resources
from ipaddress import IPv4Address, IPv4Network, IPv6Address
from pathlib import Path

from shipper.capture import layout, loader
from shipper.capture.cgroups import cgroup_id, find_root
from shipper.capture.ring import Ring
from shipper.capture.settings import CaptureSettings, Rules
from shipper.errors import PrivilegeError, ShipperError, UnavailableError

_MAX_DESCRIPTORS = 253  # SCM_MAX_FD
_V4_BITS = 96  # of a v4-mapped address, before the IPv4 part
_DEFINES = {"cgroup": ["FLOW_BY_COOKIE"], "interface": [], "replay": ["REPLAY"]}


def program_source() -> Path:
    """Where the kernel program lies: in the package when installed, else in the checkout."""
    packaged = Path(str(resources.files("shipper"))) / "_data" / "bpf" / "packet_trace.c"
    return packaged if packaged.exists() else Path(__file__).parents[2] / "bpf" / "packet_trace.c"


def possible_cpus() -> int:
    """How many CPUs the kernel may ever have: per-CPU tables are that long."""
    text = Path("/sys/devices/system/cpu/possible").read_text()
    return max(int(part) for part in text.replace(",", "-").split("-")) + 1


def packed(address: IPv4Address | IPv6Address) -> bytes:
    """16 bytes, IPv4 as v4-mapped IPv6."""
    return address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed  # noqa: PLR2004


class Kernel:
    """The loaded and attached program. Closing the last holder's descriptors detaches it."""

    def __init__(self, settings: CaptureSettings, descriptors: dict[str, int]) -> None:
        """Take over the loader's descriptors."""
        self.settings = settings
        self.descriptors = descriptors
        self._cpus = possible_cpus()
        self._settings = self._map("settings", layout.SETTINGS.size)
        self._ports = self._map("ports", layout.PORTS * layout.PORT_RULE.size)
        self._own = self._map("own_sockets", layout.OWN_SOCKETS * 8)
        self._counters = self._map("counters", self._cpus * layout.CPU_COUNTERS.size)
        self._generation = 0
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
        rule = layout.PORT_RULE
        matches = [0] * layout.PORTS
        for port in settings.include.ports:
            matches[port] |= layout.MATCH_INCLUDE
        for port in settings.exclude.ports:
            matches[port] |= layout.MATCH_EXCLUDE
        self._ports[: layout.PORTS * rule.size] = b"".join(map(rule.pack, matches))
        self._generation += 1
        layout.SETTINGS.pack_into(
            self._settings,
            0,
            self._generation,
            sum(layout.ROLES[role] for role in settings.roles),
            _filters(settings),
            min(settings.max_block, layout.MAX_BLOCK),
            settings.rings,
            settings.wake_bytes,
        )
        self.settings = settings

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

    def run_statistics(self) -> tuple[int, int]:
        """Run time in ns and number of runs; zeros unless kernel.bpf_stats_enabled is set."""
        lines = Path(f"/proc/self/fdinfo/{self.program}").read_text().splitlines()
        values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        return int(values.get("run_time_ns", 0)), int(values.get("run_cnt", 0))

    def detach(self) -> None:
        """Stop capturing: the rings stay readable."""
        for name in list(self.descriptors):
            if name.startswith(("link", "packets")):
                os.close(self.descriptors.pop(name))

    def close(self) -> None:
        """Give up everything."""
        self.detach()
        for mapping in (self._settings, self._ports, self._own, self._counters):
            mapping.close()
        for descriptor in self.descriptors.values():
            os.close(descriptor)
        self.descriptors.clear()


def _shows_twice(settings: CaptureSettings) -> bool:
    """Whether one connection may be seen as two flows: at both its ends, or around a NAT."""
    if settings.hook == "interface":
        return len(settings.interfaces) != 1 or settings.interfaces[0] == "all"
    return settings.hook == "cgroup" and len(set(settings.roles)) > 1


def _filters(settings: CaptureSettings) -> int:
    flags = 0
    for rules, port, cidr, cgroup in (
        (
            settings.include,
            layout.FILTER_PORT_INCLUDE,
            layout.FILTER_CIDR_INCLUDE,
            layout.FILTER_CGROUP_INCLUDE,
        ),
        (
            settings.exclude,
            layout.FILTER_PORT_EXCLUDE,
            layout.FILTER_CIDR_EXCLUDE,
            layout.FILTER_CGROUP_EXCLUDE,
        ),
    ):
        flags |= port if rules.ports else 0
        flags |= cidr if rules.networks else 0
        flags |= cgroup if rules.cgroups else 0
    flags |= layout.FILTER_OWN if settings.exclude_own else 0
    flags |= layout.FILTER_SINK if settings.sinks else 0
    flags |= layout.JOIN_TWINS if _shows_twice(settings) else 0
    flags |= sum(layout.TUNNELS[name] for name in set(settings.decapsulate))
    return flags


def _elements(settings: CaptureSettings, root: Path | None) -> list[tuple[str, str, str]]:
    """What the loader puts into the hash maps: map, key and value, in hexadecimal."""

    def word(value: int) -> bytes:
        return value.to_bytes(4, "little")

    merged: dict[tuple[str, bytes], int] = {}
    for rules, match in (
        (settings.include, layout.MATCH_INCLUDE),
        (settings.exclude, layout.MATCH_EXCLUDE),
    ):
        for name, key in _rule_keys(rules, root):
            merged[name, key] = merged.get((name, key), 0) | match
    for address, port in settings.sinks:
        merged["sinks", packed(address) + word(port)] = layout.MATCH_SINK
    return [(name, key.hex(), word(value).hex()) for (name, key), value in merged.items()]


def _rule_keys(rules: Rules, root: Path | None) -> Iterable[tuple[str, bytes]]:
    for network in rules.networks:
        bits = network.prefixlen + (_V4_BITS if isinstance(network, IPv4Network) else 0)
        yield "cidrs", bits.to_bytes(4, "little") + packed(network.network_address)
    if root:
        for name in rules.cgroups:
            yield "cgroups", cgroup_id(root, name).to_bytes(8, "little")


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
    task["elements"] = _elements(settings, root)
    return Kernel(settings, _run_loader(settings, task))


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

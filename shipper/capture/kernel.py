"""The kernel program from user space: holds what the loader hands over, reads counters.

`Kernel` needs no privilege once it is open: settings, filters for ports and own sockets, and the
counters are memory-mapped. Only the filters for networks and cgroups are not: kernels before 5.19
may refuse to change them later.
"""

import array
import mmap
import os
import sys
from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path

from shipper.capture import layout, loader
from shipper.capture.estate import Estate
from shipper.capture.filters import FILTERING, INCLUDING, Elements, elements, flags
from shipper.capture.occupancy import occupancy, stored, told
from shipper.capture.ring import Ring
from shipper.capture.settings import CaptureSettings, Rules


def program_source() -> Path:
    """Where the kernel program lies: in the package when installed, else in the checkout."""
    packaged = Path(str(resources.files("shipper"))) / "_data" / "bpf" / "packet_trace.c"
    return packaged if packaged.exists() else Path(__file__).parents[2] / "bpf" / "packet_trace.c"


def possible_cpus() -> int:
    """How many CPUs the kernel may ever have: per-CPU tables are that long."""
    text = Path("/sys/devices/system/cpu/possible").read_text()
    return max(int(part) for part in text.replace(",", "-").split("-")) + 1


def ring_number(turn: int, index: int) -> int:
    """Which ring of all is a worker's, in an agent's turn."""
    return (turn & 1) * layout.MAX_RINGS + index


class Kernel:
    """The loaded and attached program. Closing the last holder's descriptors detaches it."""

    def __init__(
        self,
        settings: CaptureSettings,
        estate: Estate,
        root: Path | None = None,
        *,
        inherited: bool = False,
    ) -> None:
        """Take over the descriptors; `root` is the cgroup that the program is attached to.

        Of what is `inherited` only what differs is changed: needs the privileges of loading.
        """
        self.settings = settings
        self.inherited = inherited
        self._root = root
        self._estate = estate
        self.descriptors = estate.descriptors
        self._cpus = possible_cpus()
        self._settings = self._map("settings", layout.SETTINGS.size)
        self._ports = self._map("ports", layout.PORTS * layout.PORT_RULE.size)
        self._own = self._map("own_sockets", layout.OWN_SOCKETS * 8)
        self._counters = self._map("counters", self._cpus * layout.CPU_COUNTERS.size)
        self._words = memoryview(self._settings).cast("I")
        self._turn = self._word("turn") & layout.TURN_NUMBER
        self._before: dict[str, int] = {}
        if inherited:
            self._inherit(estate)
        else:
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
        return self._ring(self._turn, index)

    def _ring(self, turn: int, index: int) -> Ring:
        return Ring(self.descriptors[f"ring{ring_number(turn, index)}"], self.settings.ring_bytes)

    def estate(self) -> Estate:
        """What another agent would get of this one, as it stands."""
        return replace(self._estate, counters=self._raw_counters(), running=True)

    def _inherit(self, estate: Estate) -> None:
        """Who still runs keeps its turn until ours begins; who does not has begun it for us."""
        self._before = self._raw_counters() if estate.running else estate.counters
        if estate.running:
            self._turn = self._turn + 1 & layout.TURN_NUMBER
        else:
            self.be_alone()
        fields = self._fields()
        wanted = {name: fields[name] for name in fields if fields[name] != self._word(name)}
        ports = bytes(self._ports)
        self._put_ports(self.settings.include.ports, self.settings.exclude.ports)
        self._put(**wanted)
        if self._replace_elements() or wanted or ports != bytes(self._ports):
            self._decide_again()

    def _replace_elements(self) -> bool:
        """Whether anything in the hash maps was not as it is to be."""
        wanted = elements(self.settings, self._root)
        there = {
            (name, key): match
            for name in FILTERING
            for key, match in stored(self.descriptors[name]).items()
        }
        self._write_maps(there, wanted)
        for name, key in there.keys() - wanted.keys():
            loader.delete_from_map(self.descriptors[name], key)
        return there != wanted

    def begin_turn(self) -> None:
        """From now on requests that begin are ours; what is open stays with the agent before."""
        self._put(turn=self._turn)

    def be_alone(self) -> None:
        """The agent before has ended: what it left open is nobody's."""
        self._put(turn=self._turn | layout.TURN_ALONE)

    def leave(self) -> Estate:
        """From now on requests that begin are the next agent's, whoever that will be."""
        self._put(turn=self._turn + 1 & layout.TURN_NUMBER)
        return replace(self.estate(), running=False)

    def left_waiting(self) -> float:
        """How full the rings of the next agent are, of 1."""
        found = 0
        for index in range(self.settings.rings):
            ring = self._ring(self._turn + 1, index)
            found = max(found, ring.waiting)
            ring.close()
        return found / self.settings.ring_bytes

    def apply(self, settings: CaptureSettings) -> None:
        """Put settings and port filters into force; flows are decided again."""
        self._put_ports(settings.include.ports, settings.exclude.ports)
        self.settings = settings
        self._put(**self._fields())
        self._decide_again()

    def _fields(self) -> dict[str, int]:
        settings = self.settings
        return {
            "roles": sum(layout.ROLES[role] for role in settings.roles),
            "filters": flags(settings),
            "max_block": min(settings.max_block, layout.MAX_BLOCK),
            "rings": settings.rings,
            "wake_bytes": settings.wake_bytes,
        }

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

    def _word(self, name: str) -> int:
        return self._words[layout.SETTINGS_FIELDS.index(name)]

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
        """Every counter since loading, or since the agent before left it, over all CPUs."""
        before = self._before
        return {name: n - before.get(name, 0) for name, n in self._raw_counters().items()}

    def _raw_counters(self) -> dict[str, int]:
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

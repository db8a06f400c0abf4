"""What a capture leaves behind in the kernel, and that two don't disturb each other."""

from pathlib import Path

import pytest

from shipper.capture import CaptureSettings, Kernel, open_kernel

from .bpf_objects import NONE, everything, held_by
from .clients import curl, several
from .netns import PORT, Network, loopback
from .running import eventually
from .server import say_hello, serving
from .watch import ids, only, watching


def _descriptors() -> set[str]:
    kinds = ("anon_inode:bpf", "anon_inode:[event", "socket:")
    found = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            continue
        if target.startswith(kinds):
            found.add(f"{entry.name} {target}")
    return found


@pytest.mark.parametrize(
    ("settings", "programs", "links"),
    [
        (CaptureSettings(owners=False), 1, 2),
        (CaptureSettings(), 5, 6),  # and what notes the processes of sockets
        (CaptureSettings(hook="interface", interfaces=("lo",), owners=False), 1, 0),
    ],
    ids=["cgroup", "owners", "interface"],
)
def test_closing_leaves_no_program_link_map_or_descriptor(
    settings: CaptureSettings, programs: int, links: int
) -> None:
    """Nor do the processes that loading took: by the kernel's own lists of what exists."""
    before, descriptors = everything(), _descriptors()
    earlier = held_by("self")
    kernel = open_kernel(settings)
    held = held_by("self")
    mine = held.beyond(earlier)
    assert (len(mine.programs), len(mine.links)) == (programs, links)
    assert mine.maps
    assert mine.beyond(before) == mine
    assert mine.beyond(everything()) == NONE
    kernel.close()
    # The kernel frees them soon after, not within the call.
    eventually(lambda: mine.alive() == NONE, "the program, its links and its maps are gone")
    # Other tests' sockets may be collected meanwhile; none may be left behind here.
    assert _descriptors() - descriptors == set()


def test_detaching_stops_capture_and_keeps_the_ring(network: Network) -> None:
    """What was captured before can still be read; nothing comes after."""
    route = loopback(network)
    with serving(route.server, say_hello):
        kernel: Kernel = open_kernel(only(PORT))
        ring = kernel.ring()
        try:
            curl(route.client, "127.0.0.1", PORT, several("before"))
            kernel.detach()
            counted = kernel.counters()["events_header"]
            curl(route.client, "127.0.0.1", PORT, several("after"))
            assert kernel.counters()["events_header"] == counted
            data = b"".join(event.data for event in ring.drain())
        finally:
            ring.close()
            kernel.close()
    assert data.count(b"X-Request-Id: before") == len(several(""))
    assert b"after" not in data


def test_a_second_kernel_beside_the_first(network: Network) -> None:
    """Both see everything while both are there, whichever goes first."""
    route = loopback(network)
    asks = [several(name) for name in ("alone", "both", "last")]
    with serving(route.server, say_hello), watching(only(PORT)) as first:
        curl(route.client, "127.0.0.1", PORT, asks[0])
        with watching(only(PORT)) as second:
            curl(route.client, "127.0.0.1", PORT, asks[1])
        curl(route.client, "127.0.0.1", PORT, asks[2])
    assert ids(first.told()) == sorted(ask.id for some in asks for ask in some)
    assert ids(second.told()) == sorted(ask.id for ask in asks[1])

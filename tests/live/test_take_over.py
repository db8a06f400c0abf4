"""A program takes another's place at the same hooks, with the same tables and connections."""

import os
import socket
from dataclasses import replace

import pytest

from shipper.capture import Estate, Kernel, occupancy, open_kernel
from shipper.contract.events import Event

from .netns import PORT, Network, loopback
from .server import connect, say_hello, serving
from .watch import only

_INTERFACE = {"hook": "interface", "interfaces": ("lo",), "decapsulate": ()}


def _passed_on(kernel: Kernel) -> Estate:
    """What another agent gets over a socket: descriptors of its own of the same things."""
    estate = kernel.estate()
    own = {name: os.dup(descriptor) for name, descriptor in estate.descriptors.items()}
    return replace(estate, descriptors=own)


def _program(descriptor: int) -> int:
    """The id of a program, or of the one that a link runs."""
    return occupancy.told(descriptor)["prog_id"]


def _requests(events: list[Event]) -> list[str]:
    """The targets of the requests among them."""
    lines = [event.data.split(b"\r\n")[0].decode() for event in events if event.data]
    return [line.split()[1] for line in lines if line.startswith("GET")]


def _ask(connection: socket.socket, target: str) -> None:
    connection.sendall(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % target.encode())
    while not connection.recv(4096).endswith(b"hello"):
        pass


@pytest.mark.parametrize("place", [{}, _INTERFACE], ids=["cgroup", "interface"])
def test_another_program_sees_what_follows_on_the_same_connection(
    network: Network, place: dict[str, object]
) -> None:
    """Links, tables and connections stay, the program is another; requests go to its ring."""
    settings = only(PORT, successor=True, owners=False, load_timeout=120.0, **place)
    route = loopback(network)
    with route.server.inside():
        first = open_kernel(settings)
    one = first.ring()
    with serving(route.server, say_hello):
        connection = connect(route.client, "127.0.0.1", PORT)
        _ask(connection, "/first")
        with route.server.inside():
            # Other loops are another program with the same tables.
            second = open_kernel(replace(settings, bounded_loops=True), _passed_on(first))
        assert second.inherited
        assert _program(second.program) != _program(first.program)
        links = [number for name, number in second.descriptors.items() if name.startswith("link")]
        assert {_program(link) for link in links} <= {_program(second.program)}
        other = second.ring()
        _ask(connection, "/second")  # its turn has not begun
        second.begin_turn()
        _ask(connection, "/third")
        first.detach()
        first.close()
        second.be_alone()
        _ask(connection, "/fourth")
        connection.close()
    told = one.drain()
    later = other.drain()
    assert _requests(told) == ["/first", "/second"]
    assert _requests(later) == ["/third", "/fourth"]
    # Nobody joined late: what was known of the connection is still known.
    assert len({event.flow for event in [*told, *later]}) == 1
    one.close()
    other.close()
    second.close()

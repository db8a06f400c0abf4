"""Network namespaces, veth pairs, a bridge and NAT, made for one test and removed after it."""

import contextlib
import ctypes
import itertools
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLONE_NEWNET = 0x40000000
_NAMED = Path("/run/netns")
_numbers = itertools.count()
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command: str, stdin: str = "") -> str:
    """A command's output; its own words in the error when it fails."""
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr.strip()}"
    return done.stdout


def _enter(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        if _libc.setns(descriptor, _CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"setns {path}")
    finally:
        os.close(descriptor)


@dataclass(frozen=True)
class Namespace:
    """One network namespace. What this thread makes `inside` it, sockets and processes, stays."""

    name: str

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        """Be in it, with this thread only."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _enter(str(_NAMED / self.name))
            yield
        finally:
            back = _libc.setns(home, _CLONE_NEWNET)
            os.close(home)
            assert back == 0, "this thread could not leave the network namespace"

    def ip(self, *words: str) -> None:
        """Set up its devices with iproute2."""
        run("ip", "-n", self.name, *words)

    def nft(self, rules: str) -> None:
        """Load an nftables file in it."""
        with self.inside():
            run("nft", "-f", "-", stdin=rules)

    def forward(self) -> None:
        """Let it route."""
        with self.inside():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
            Path("/proc/sys/net/ipv6/conf/all/forwarding").write_text("1")


class Network:
    """Makes namespaces and joins them; `close` removes all."""

    def __init__(self) -> None:
        self._made: list[Namespace] = []

    def namespace(self, role: str) -> Namespace:
        """A new one, its loopback up."""
        name = f"shlive-{os.getpid()}-{next(_numbers)}-{role}"
        run("ip", "netns", "add", name)
        made = Namespace(name)
        self._made.append(made)
        made.ip("link", "set", "lo", "up")
        return made

    def veth(self, one: Namespace, name: str, other: Namespace, other_name: str) -> None:
        """A cable between two namespaces, up."""
        one.ip("link", "add", name, "type", "veth", "peer", other_name, "netns", other.name)
        one.ip("link", "set", name, "up")
        other.ip("link", "set", other_name, "up")

    def close(self) -> None:
        """Remove all that was made, in one go even when a part fails."""
        for made in self._made:
            subprocess.run(["ip", "netns", "del", made.name], check=False, capture_output=True)
        self._made.clear()


def addresses(namespace: Namespace, device: str, *with_prefix: str) -> None:
    """Give a device addresses, usable at once."""
    for address in with_prefix:
        late = ("nodad",) if ":" in address else ()
        namespace.ip("addr", "add", address, "dev", device, *late)


@dataclass(frozen=True)
class Route:
    """A client and a server, and how the one reaches the other."""

    client: Namespace
    server: Namespace
    middle: Namespace | None
    #: what the server listens on, by IP version
    listen: dict[int, str]
    #: what the client asks for, by IP version
    ask: dict[int, tuple[str, int]]
    #: the client as the server sees it, by IP version
    seen: dict[int, str]


#: Differ from run to run, so that two runs on one host don't see each other.
PORT = 10000 + os.getpid() % 10000
PUBLIC_PORT = PORT + 10000


def loopback(network: Network) -> Route:
    """Both on the loopback of one namespace."""
    one = network.namespace("lo")
    ends = {4: "127.0.0.1", 6: "::1"}
    return Route(one, one, None, ends, {v: (a, PORT) for v, a in ends.items()}, ends)


def _one_network(client: Namespace, middle: Namespace | None, server: Namespace) -> Route:
    """Client and server in one network of each family, whatever carries it."""
    addresses(client, "eth0", "10.99.0.1/24", "fd99::1/64")
    addresses(server, "eth0", "10.99.0.2/24", "fd99::2/64")
    ends = {4: "10.99.0.2", 6: "fd99::2"}
    return Route(
        client,
        server,
        middle,
        ends,
        {v: (a, PORT) for v, a in ends.items()},
        {4: "10.99.0.1", 6: "fd99::1"},
    )


def cable(network: Network) -> Route:
    """Two namespaces and a veth pair."""
    client, server = network.namespace("c"), network.namespace("s")
    network.veth(client, "eth0", server, "eth0")
    return _one_network(client, None, server)


def bridge(network: Network) -> Route:
    """Two namespaces on the bridge of a third."""
    client, middle, server = (network.namespace(role) for role in ("c", "br", "s"))
    middle.ip("link", "add", "br0", "type", "bridge")
    middle.ip("link", "set", "br0", "up")
    for end, port in ((client, "to-c"), (server, "to-s")):
        network.veth(end, "eth0", middle, port)
        middle.ip("link", "set", port, "master", "br0")
    return _one_network(client, middle, server)


def translated(network: Network) -> Route:
    """A router between the two: the server's address and port and the client's are replaced."""
    client, middle, server = (network.namespace(role) for role in ("c", "nat", "s"))
    network.veth(client, "eth0", middle, "to-c")
    network.veth(server, "eth0", middle, "to-s")
    addresses(client, "eth0", "10.99.1.2/24", "fd99:1::2/64")
    addresses(middle, "to-c", "10.99.1.1/24", "fd99:1::1/64")
    addresses(middle, "to-s", "10.99.2.1/24", "fd99:2::1/64")
    addresses(server, "eth0", "10.99.2.2/24", "fd99:2::2/64")
    middle.forward()
    middle.nft(
        f"""
        table inet nat {{
          chain in {{
            type nat hook prerouting priority dstnat;
            ip daddr 10.99.1.1 tcp dport {PUBLIC_PORT} dnat ip to 10.99.2.2:{PORT}
            ip6 daddr fd99:1::1 tcp dport {PUBLIC_PORT} dnat ip6 to [fd99:2::2]:{PORT}
          }}
          chain out {{
            type nat hook postrouting priority srcnat;
            oifname "to-s" masquerade random
          }}
        }}
        """
    )
    return Route(
        client,
        server,
        middle,
        {4: "10.99.2.2", 6: "fd99:2::2"},
        {4: ("10.99.1.1", PUBLIC_PORT), 6: ("fd99:1::1", PUBLIC_PORT)},
        {4: "10.99.2.1", 6: "fd99:2::1"},
    )

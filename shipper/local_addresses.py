"""The addresses of this network namespace, as the kernel lists them (proc(5))."""

from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

_LOCAL = "/32 host LOCAL"
_HEX_DIGITS = 32


def local_addresses() -> tuple[IPv4Address | IPv6Address, ...]:
    """All there are now, loopback among them, each once."""
    found: dict[IPv4Address | IPv6Address, None] = {}
    with suppress(OSError):
        before = ""
        for line in Path("/proc/net/fib_trie").read_text().splitlines():
            if line.strip() == _LOCAL:
                found[ip_address(before.rsplit(maxsplit=1)[-1])] = None
            before = line
    with suppress(OSError):
        for line in Path("/proc/net/if_inet6").read_text().splitlines():
            found[IPv6Address(bytes.fromhex(line[:_HEX_DIGITS]))] = None
    return tuple(found)

"""Clients that say who asks: pid and name of the process, in the request's headers.

python -m attribution_process.clients PORT CONNECTIONS [PAUSE]: opens all connections, then asks
once over each. With PAUSE it says "open" in between, and waits for a line of its standard input.
"""

import os
import socket
import sys

from attribution_process.servers import name_this

_NAME = "many-clients"


def request(pid: int | str, name: str) -> bytes:
    """A request that says who asks."""
    return f"GET /who HTTP/1.1\r\nHost: a\r\nX-Pid: {pid}\r\nX-Name: {name}\r\n\r\n".encode()


def main() -> None:
    """Ask."""
    port, connections, *pause = sys.argv[1:]
    name_this(_NAME)
    opened = [socket.create_connection(("127.0.0.1", int(port))) for _ in range(int(connections))]
    if pause:
        sys.stdout.write("open\n")
        sys.stdout.flush()
        sys.stdin.readline()
    for each in opened:
        each.sendall(request(os.getpid(), _NAME))
    for each in opened:
        while each.recv(65536):
            pass


if __name__ == "__main__":
    main()

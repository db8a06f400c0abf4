"""Two endpoints of a TCP connection -> Community ID version 1, seed 0.

https://github.com/corelight/community-id-spec: the digest is over seed, the two addresses, the
protocol, a byte of padding and the two ports, in network byte order, the smaller endpoint first,
so that both directions of a connection have one id.
"""

from base64 import b64encode
from functools import lru_cache
from hashlib import sha1
from struct import Struct
from typing import Final

_SEED: Final = b"\0\0"
_TCP_AND_PADDING: Final = b"\x06\0"
_PORTS: Final = Struct(">HH")


@lru_cache(maxsize=4096)
def community_id(client: bytes, client_port: int, server: bytes, server_port: int) -> str:
    """The id of a connection; addresses are 4 or 16 bytes, both of one family.

    Cached, because a connection that is kept alive carries many exchanges.
    """
    if (client, client_port) > (server, server_port):
        client, client_port, server, server_port = server, server_port, client, client_port
    digest = sha1(
        _SEED + client + server + _TCP_AND_PADDING + _PORTS.pack(client_port, server_port),
        usedforsecurity=False,
    ).digest()
    return "1:" + b64encode(digest).decode("ascii")

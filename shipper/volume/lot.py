"""A number for each exchange that decides like a lot and is none: every process draws the same."""

import struct
from typing import Final
from zlib import crc32

from shipper.contract.exchange import Exchange

#: How many lots there are.
LOTS: Final = 1 << 32

_ENDS: Final = struct.Struct("!HHI")


def lot(exchange: Exchange) -> int:
    """Of 0 to LOTS - 1: from who asks, at which ports, and the number in the connection.

    Both ends of a connection see these alike, unless a NAT stands between them.
    """
    of, number = exchange.connection, exchange.number & 0xFFFFFFFF
    return crc32(of.client_address + _ENDS.pack(of.client_port, of.server_port, number))

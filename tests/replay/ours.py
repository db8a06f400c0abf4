"""A capture file -> what we tell of each of its HTTP exchanges, nothing redacted.

The rooms up to the exchange, in this process: a record masks secrets in headers and targets.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

from generations.inside.objects import forget_flows

from shipper import wiring
from shipper.capture import CaptureFile, Kernel, Replay, open_kernel
from shipper.config import Config
from shipper.contract.exchange import Exchange

from .told import Connections, Ends, Told


def opened() -> Kernel:
    """A program that has seen nothing."""
    return open_kernel(wiring.capture_settings(Config(), hook="replay"))


def exchanges(path: Path, kernel: Kernel) -> list[Exchange]:
    """Every exchange of the file, in the order in which they were finished."""
    assembler = wiring.assembler(Config())
    with CaptureFile(path) as capture:
        found = [done for event in Replay(kernel, capture) for done in assembler.feed(event)]
    return [*found, *assembler.close()]


def read(*paths: Path) -> Iterator[list[Exchange]]:
    """The exchanges of each file, read by one program that forgets between them."""
    kernel = opened()
    try:
        for path in paths:
            yield exchanges(path, kernel)
            forget_flows(kernel.program)
    finally:
        kernel.close()


def connections(found: list[Exchange]) -> Connections:
    """The exchanges by connection, in the order of the wire."""
    by_ends: dict[Ends, list[Told]] = defaultdict(list)
    flows = list(dict.fromkeys(exchange.connection.flow for exchange in found))
    order = {flow: at for at, flow in enumerate(flows)}
    for exchange in sorted(found, key=lambda one: (order[one.connection.flow], one.number)):
        ends = ends_of(exchange)
        by_ends[ends].append(_told(f"{ends[0][1]} #{len(by_ends[ends]) + 1}", exchange))
    return by_ends


def ends_of(exchange: Exchange) -> Ends:
    """Addresses and ports as text and numbers."""
    at = exchange.connection
    return (
        (_address(at.client_address), at.client_port),
        (_address(at.server_address), at.server_port),
    )


def _address(packed: bytes) -> str:
    address = ip_address(packed)
    return str(getattr(address, "ipv4_mapped", None) or address)


def _told(at: str, exchange: Exchange) -> Told:
    """`at`: the client's port, and the number of the exchange on its connection."""
    told = Told(at, odd=exchange.anomalies)
    request, response = exchange.request, exchange.response
    if request:
        told = replace(
            told,
            method=request.method,
            target=request.target,
            request_version=request.version,
            request_headers=tuple(request.headers),
        )
    if response:
        told = replace(
            told,
            status=response.status,
            response_version=response.version,
            response_headers=tuple(response.headers),
            interim=response.interim,
        )
    return told

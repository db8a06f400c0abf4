"""Capture in this process: the kernel program, a ring drained by a thread, and HTTP assembly."""

import contextlib
import threading
from collections.abc import Iterable, Iterator
from dataclasses import replace
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING, NamedTuple

from shipper.capture import CaptureSettings, Kernel, Rules, open_kernel
from shipper.contract.exchange import Exchange, Message
from shipper.http import Assembler

if TYPE_CHECKING:
    from shipper.contract.events import Event

#: room enough that no test's traffic has to wait for the reader
RING = 16 << 20
_NOBODYS_PORT = 1


class Told(NamedTuple):
    """What a test compares of an exchange."""

    id: str
    method: str
    target: str
    status: int
    client: str
    client_port: int
    server: str
    server_port: int


class Watch:
    """The capture while it runs; `finish` takes what is left and detaches."""

    def __init__(self, settings: CaptureSettings) -> None:
        self.kernel: Kernel = open_kernel(settings)
        self.assembler = Assembler()
        self.events: list[Event] = []
        self.exchanges: list[Exchange] = []
        self.counters: dict[str, int] = {}
        self._ring = self.kernel.ring()
        self._over = threading.Event()
        self._before = self.kernel.counters()
        self._start()

    def _start(self) -> None:
        self._over.clear()
        self._thread = threading.Thread(target=self._drain, daemon=True)
        self._thread.start()

    def again(self, settings: CaptureSettings) -> None:
        """Begin anew with other roles or ports, on the program that is loaded."""
        if not self.counters:
            self.pause()
        self.assembler = Assembler()
        self.events, self.exchanges, self.counters = [], [], {}
        # What came after the pause belongs to nobody.
        self.kernel.apply(only(_NOBODYS_PORT))
        while self._ring.drain():
            pass
        self.kernel.apply(settings)
        self._before = self.kernel.counters()
        self._start()

    def pause(self) -> None:
        """Read to the end; nothing may have been lost. `counters` are those since the beginning.

        What clients have been answered has been told before: nothing has to be waited for.
        """
        self._over.set()
        self._thread.join()
        self.exchanges += self.assembler.close()
        now = self.kernel.counters()
        self.counters = {name: count - self._before[name] for name, count in now.items()}
        assert self.assembler.imbalance() == {}
        assert self.counters["ring_full"] == 0

    def _drain(self) -> None:
        while True:
            last = self._over.is_set()
            while events := self._ring.drain():
                self.events += events
                for event in events:
                    self.exchanges += self.assembler.feed(event)
            if last:
                return
            self._ring.wait(0.02)

    def finish(self) -> list[Exchange]:
        """Detach, read to the end, and give all exchanges."""
        if self.kernel.descriptors:
            self.kernel.detach()
            if not self.counters:
                self.pause()
            self._ring.close()
            self.kernel.close()
        return self.exchanges

    def told(self) -> list[Told]:
        """All exchanges so far, whole or not, in the order in which they were told."""
        return [told(exchange) for exchange in self.exchanges]

    def header_bytes(self) -> bytes:
        """All that left the kernel, events put one behind the other."""
        return b"\n".join(event.data for event in self.events)


def header(message: Message | None, name: str) -> str:
    """The value of a header, as UTF-8; empty when there is none."""
    for known, value in message.headers if message else ():
        if known.lower() == name:
            return value.encode("latin-1").decode()
    return ""


def address(packed: bytes) -> str:
    """An address as text, a v4-mapped one as IPv4."""
    text = ip_address(packed)
    mapped = text.ipv4_mapped if isinstance(text, IPv6Address) else None
    return str(mapped or text)


def told(exchange: Exchange) -> Told:
    """What a test compares of it."""
    request, response, where = exchange.request, exchange.response, exchange.connection
    return Told(
        header(request, "x-request-id"),
        request.method if request else "",
        request.target if request else "",
        (response.status or 0) if response else 0,
        address(where.client_address),
        where.client_port,
        address(where.server_address),
        where.server_port,
    )


def changed(settings: CaptureSettings, **fields: object) -> CaptureSettings:
    """The settings with some fields replaced."""
    return replace(settings, **fields)  # type: ignore[arg-type]


def only(*ports: int, **others: object) -> CaptureSettings:
    """Settings that see these ports alone: others work on this machine."""
    return changed(CaptureSettings(ring_bytes=RING, include=Rules(ports=ports)), **others)


@contextlib.contextmanager
def shared(watch: Watch, settings: CaptureSettings) -> Iterator[Watch]:
    """A part of a capture that several tests take turns with: loading takes seconds."""
    watch.again(settings)
    yield watch
    watch.pause()
    watch.kernel.apply(only(_NOBODYS_PORT))


@contextlib.contextmanager
def watching(settings: CaptureSettings) -> Iterator[Watch]:
    """A capture that is over afterwards, whatever happens."""
    watch = Watch(settings)
    try:
        yield watch
    finally:
        watch.finish()


def ids(told: Iterable[Told]) -> list[str]:
    """The request ids, sorted, each as often as it was told."""
    return sorted(one.id for one in told)

"""Exchanges in; the same over real sockets out, in a network of their own with everyone's address.

Server and clients live in one thread of this process, so that the server knows what it is to
answer: a plan that the client has left under its address and port.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from live.netns import Network

from detections.traffic import SERVER, Seen, answered, sent

if TYPE_CHECKING:
    from concurrent.futures import Future

_LOCAL = ("10.0.0.0/8", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24")
_LOCAL_6 = "2001:db8::/32"
_SERVER_6 = "2001:db8::4"
_PORT = 80
_BODY = b"hello"
_NONE = frozenset({204, 304})
_BLANK = b"\r\n\r\n"
_MS = 1000
_BACKLOG = 1024

Visit = list[Seen]


class Site:
    """A server that answers as it is told, and the clients that ask it."""

    def __init__(self) -> None:
        self._network = Network()
        self._plans: dict[tuple[str, int], Visit] = {}
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._live, daemon=True)
        self._up = threading.Event()
        self._failed: BaseException | None = None
        #: Exchanges that are over, answered or not as they were to be.
        self.done = 0
        self._thread.start()
        self._up.wait()
        if self._failed is not None:
            raise AssertionError(f"no site: {self._failed}") from self._failed

    def begin(self, coroutine: Coroutine[Any, Any, Any]) -> "Future[Any]":
        """Start it in the site's thread."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def paced(self, visits: Iterable[Visit], rate: float, over: Callable[[], bool]) -> None:
        """Visits at so many requests a second, each begun when it is due, until it is over."""
        clock = self._loop.time
        begin, due = clock(), 0
        async with asyncio.TaskGroup() as tasks:
            for visit in visits:
                if over():
                    break
                await asyncio.sleep(max(0.0, begin + due / rate - clock()))
                tasks.create_task(self.visit(visit))
                due += len(visit)

    async def visit(self, visit: Visit) -> None:
        """One connection, and on it one exchange after the other."""
        client = visit[0].client
        family = socket.AF_INET6 if ":" in client else socket.AF_INET
        ours = socket.socket(family, socket.SOCK_STREAM)
        ours.settimeout(0)
        ours.bind((client, 0))
        self._plans[ours.getsockname()[:2]] = visit
        server = _SERVER_6 if family == socket.AF_INET6 else SERVER
        await self._loop.sock_connect(ours, (server, _PORT))
        reader, writer = await asyncio.open_connection(sock=ours)
        for seen in visit:
            writer.write(sent(seen))
            if seen.status is None:
                await reader.read()
            else:
                await reader.readuntil(_BLANK)
                await reader.readexactly(len(_body(seen)))
            self.done += 1
            if seen.status is None:
                break
        writer.close()
        await writer.wait_closed()

    def close(self) -> None:
        """No more of it."""
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._network.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _live(self) -> None:
        try:
            home = self._network.namespace("site")
            for network in _LOCAL:
                home.ip("route", "add", "local", network, "dev", "lo")
            home.ip("-6", "route", "add", "local", _LOCAL_6, "dev", "lo")
            with home.inside():
                Path("/proc/sys/net/ipv6/ip_nonlocal_bind").write_text("1")
                self._loop.run_until_complete(self._serve())
                self._up.set()
                self._loop.run_forever()
                self._loop.run_until_complete(_ended())
        except BaseException as error:  # noqa: BLE001 - told where it is waited for
            self._failed = error
            self._up.set()

    async def _serve(self) -> None:
        for address in (SERVER, _SERVER_6):
            await asyncio.start_server(self._answer, address, _PORT, backlog=_BACKLOG)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for seen in self._plans.pop(writer.get_extra_info("peername")[:2]):
            await reader.readuntil(_BLANK)
            await asyncio.sleep(seen.duration_ms / _MS)
            writer.write(_answered(seen))
            await writer.drain()
            if seen.status is None:
                break
        else:
            # What a client sent beyond the header block stays unread.
            await reader.read(1)
        writer.close()


async def _ended() -> None:
    """Whatever still waits for somebody does no more."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _body(seen: Seen) -> bytes:
    bare = seen.request.startswith(("HEAD ", "CONNECT ")) or seen.status in _NONE
    return b"" if bare else _BODY


def _answered(seen: Seen) -> bytes:
    """The whole answer; what has no body announces none, unless it was asked for the head."""
    if seen.status is None:
        return b""
    if _body(seen) or seen.request.startswith("HEAD "):
        return answered(seen) + _body(seen)
    return answered(replace(seen, answer=()))

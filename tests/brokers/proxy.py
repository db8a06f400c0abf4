"""A TCP proxy between a client and a broker that makes a network's faults on command.

    proxy = Proxy()
    with Kafka(advertise={1: proxy.port}) as kafka:
        proxy.to(kafka.address())
        ...                         # kafka.client leads through the proxy
        proxy.cut(); proxy.refuse(); proxy.slow(2.0); proxy.half_open(); proxy.deafen()
        proxy.heal()

The states exclude one another; `heal` is how it begins.
"""

import contextlib
import socket
import threading
import time
from collections import deque
from collections.abc import Callable

from shipper.closing import Closing

from .ports import Ports

_CHUNK = 65536


class Proxy(Closing):
    """One port of 127.0.0.1 that leads somewhere, well or badly."""

    def __init__(self) -> None:
        self._to: tuple[str, int] | None = None
        self._delivers = self._answers = True
        self._delay_s = 0.0
        self._lock = threading.Lock()
        self._pairs: set[_Pair] = set()
        self._listener: socket.socket | None = None
        self.accepted = 0  #: connections so far
        self.port = Ports().free()
        self._open()

    def to(self, address: tuple[str, int]) -> None:
        """Where new connections lead."""
        self._to = address

    def heal(self) -> None:
        """Pass everything at once; connections that swallowed bytes are cut, for they lack them."""
        swallowed = not (self._delivers and self._answers)
        self._change()
        if swallowed:
            self.cut()

    def cut(self) -> None:
        """Reset every connection; the next one is as good as ever."""
        with self._lock:
            pairs = list(self._pairs)
        for pair in pairs:
            pair.reset()

    def refuse(self) -> None:
        """Reset every connection and listen no longer: the kernel refuses new ones."""
        self._shut()
        self.cut()

    def slow(self, seconds: float) -> None:
        """Pass bytes that much later, in each direction."""
        self._change(delay_s=seconds)

    def half_open(self) -> None:
        """Accept connections and bytes, and answer nothing; the broker gets none of it."""
        self._change(delivers=False, answers=False)

    def deafen(self) -> None:
        """Pass what the client says; of what the broker answers it hears nothing."""
        self._change(answers=False)

    def delivers(self) -> bool:
        """Whether bytes get to the broker."""
        return self._delivers

    def answers(self) -> bool:
        """Whether bytes get to the client."""
        return self._answers

    @property
    def delay_s(self) -> float:
        """How much later bytes come out."""
        return self._delay_s

    def close(self) -> None:
        """End all connections, and listen no longer."""
        self._shut()
        self.cut()

    def _change(self, *, delivers: bool = True, answers: bool = True, delay_s: float = 0.0) -> None:
        self._delivers, self._answers, self._delay_s = delivers, answers, delay_s
        self._open()

    def _open(self) -> None:
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def _shut(self) -> None:
        listener, self._listener = self._listener, None
        if listener is not None:
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
            listener.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self.accepted += 1
                self._begin(client)

    def _begin(self, client: socket.socket) -> None:
        if self._to is None:
            _reset(client)
            return
        try:
            broker = socket.create_connection(self._to, timeout=5)
        except OSError:
            _reset(client)
            return
        broker.settimeout(None)
        pair = _Pair(self, client, broker)
        with self._lock:
            self._pairs.add(pair)
        pair.start()

    def ended(self, pair: "_Pair") -> None:
        """A connection is over."""
        with self._lock:
            self._pairs.discard(pair)


class _Pair:
    """One connection and its continuation: two directions, each a reader and a writer."""

    def __init__(self, proxy: Proxy, client: socket.socket, broker: socket.socket) -> None:
        self._proxy = proxy
        self._sockets = (client, broker)

    def start(self) -> None:
        client, broker = self._sockets
        ways = ((client, broker, self._proxy.delivers), (broker, client, self._proxy.answers))
        for source, sink, passes in ways:
            sink.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            late = _Late()
            threading.Thread(target=self._read, args=(source, late, passes), daemon=True).start()
            threading.Thread(target=self._write, args=(sink, late), daemon=True).start()

    def reset(self) -> None:
        for each in self._sockets:
            _reset(each)
        self._proxy.ended(self)

    def _read(self, source: socket.socket, late: "_Late", passes: Callable[[], bool]) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(_CHUNK):
                if passes():
                    late.put(data, time.monotonic() + self._proxy.delay_s)
        late.put(b"", time.monotonic() + self._proxy.delay_s)

    def _write(self, sink: socket.socket, late: "_Late") -> None:
        with contextlib.suppress(OSError):
            while data := late.get():
                sink.sendall(data)
        self.reset()


class _Late:
    """Bytes with the time from which they may go on; empty ones are the end."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, bytes]] = deque()
        self._changed = threading.Condition()

    def put(self, data: bytes, due: float) -> None:
        with self._changed:
            self._waiting.append((due, data))
            self._changed.notify()

    def get(self) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: bool(self._waiting))
            due, data = self._waiting.popleft()
        time.sleep(max(0.0, due - time.monotonic()))
        return data


def _reset(it: socket.socket) -> None:
    """Close with a RST: nothing lingers, and a thread that reads from it wakes up."""
    with contextlib.suppress(OSError):
        it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    with contextlib.suppress(OSError):
        it.shutdown(socket.SHUT_RDWR)
    it.close()

"""Real requests to a real server: wrk asks nginx, and nginx writes down what it answered.

No two requests have the same `X-Request-Id`.
"""

import contextlib
import signal
import subprocess
import tempfile
from collections import Counter
from pathlib import Path

from brokers.ports import Ports
from brokers.waiting import eventually
from live.nginx import Nginx
from live.workload import WRK_THREADS, start_wrk

from shipper.closing import Closing

_ADDRESS = "127.0.0.1"
_PATIENCE_S = 90.0


class Traffic(Closing):
    """One nginx, and a wrk whenever requests are wanted."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="shipper-e2e-")
        self._port = Ports().free()
        self._nginx = Nginx(Path(self._folder.name) / "nginx", [_ADDRESS], self._port)
        self._rounds = 0

    def send(self, count: int) -> None:
        """Ask so many times, a multiple of wrk's threads; returns when all of it was answered."""
        self._rounds += 1
        wanted = self._nginx.lines() + count
        each = count // WRK_THREADS
        wrk = start_wrk(f"round{self._rounds}", _ADDRESS, self._port, requests=each)
        try:
            eventually(lambda: self._nginx.lines() >= wanted, f"{wanted} answers", _PATIENCE_S)
        finally:
            wrk.send_signal(signal.SIGINT)
            with contextlib.suppress(subprocess.TimeoutExpired):
                wrk.wait(20)
            wrk.kill()
            wrk.wait()

    def ids(self) -> Counter[str]:
        """The id of each request that was answered."""
        return Counter(str(line["http_x_request_id"]) for line in self._nginx.log())

    def close(self) -> None:
        """Serve no more, and forget what was asked."""
        self._nginx.close()
        self._folder.cleanup()

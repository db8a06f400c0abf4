"""A service manager as far as sd_notify(3) says how it keeps descriptors from run to run."""

import os
import socket
import sys
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

#: sd_listen_fds(3): from 3 on, in the process that it was meant for.
_START = """
import fcntl, os, sys
numbers = [int(n) for n in sys.argv[1].split(",") if n]
high = [fcntl.fcntl(n, fcntl.F_DUPFD, 200) for n in numbers]
for at, n in enumerate(high):
    os.dup2(n, 3 + at)
    os.close(n)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(len(high))
os.execv(sys.argv[3], sys.argv[3:])
"""


class Manager:
    """Listens at `path` until left; `kept` are descriptors by their names.

    `twice` are the names under which something came though what was there was not given up.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept: dict[str, int] = {}
        self.twice: list[str] = []
        self.states: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._thread = threading.Thread(target=self._listen, daemon=True)

    def __enter__(self) -> Self:
        """Listens."""
        self._socket.bind(str(self.path))
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stopped for good: what it kept goes."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._socket.close()
        for descriptor in self.kept.values():
            os.close(descriptor)

    def command(self) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """What starts a process with all that is kept, and the descriptors to be passed."""
        numbers = tuple(self.kept.values())
        names = f"LISTEN_FDNAMES={':'.join(self.kept)}"
        passing = (sys.executable, "-c", _START, ",".join(map(str, numbers)), "--")
        return ("/usr/bin/env", names, f"NOTIFY_SOCKET={self.path}", *passing), numbers

    def _listen(self) -> None:
        while True:
            data, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 8)
            if not data:
                return
            said = dict(line.split("=", 1) for line in data.decode().splitlines())
            self.states += [state for state in ("READY", "STOPPING") if state in said]
            if "FDSTOREREMOVE" in said and said["FDNAME"] in self.kept:
                os.close(self.kept.pop(said["FDNAME"]))
            for descriptor in descriptors:
                name = said["FDNAME"]
                if name in self.kept:
                    self.twice.append(name)
                    os.close(self.kept[name])
                self.kept[name] = descriptor

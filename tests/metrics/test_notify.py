"""What the service manager is told: real datagrams, in the order in which it has to hear them."""

import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from brokers.proxy import Proxy
from faults.agent import eventually

from shipper.notify import Notifier

from .running import running


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """A process of the agent's that hangs."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


class Manager:
    """A service manager's socket, and what was said to it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.said: list[str] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address.replace("@", "\0"))
        self._socket.settimeout(0)
        if not address.startswith("@"):
            Path(address).chmod(0o777)  # as systemd's: whoever runs the service may speak

    def listen(self) -> list[str]:
        """All of it so far, a line each."""
        try:
            while True:
                self.said += self._socket.recv(4096).decode().splitlines()
        except BlockingIOError:
            return self.said

    def hears(self, line: str) -> None:
        """Wait for it."""
        eventually(lambda: any(each.startswith(line) for each in self.listen()), line)

    def counts(self, line: str) -> int:
        """How often it was said."""
        return self.listen().count(line)

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


@contextmanager
def managing() -> Iterator[Manager]:
    """A socket in a folder that everybody may look into."""
    with tempfile.TemporaryDirectory(prefix="shipper-test-") as folder:
        Path(folder).chmod(0o755)
        manager = Manager(f"{folder}/notify")
        try:
            yield manager
        finally:
            manager.close()


@pytest.mark.usefixtures("root")
def test_the_life_of_a_service() -> None:
    """Not ready without a broker; then ready, alive, reloaded and stopped; a hang is not alive."""
    with running() as world, managing() as manager, Proxy() as proxy:
        bootstrap = str(world.settings["kafka.bootstrap.servers"])
        host, _, port = bootstrap.split(",", maxsplit=1)[0].rpartition(":")
        proxy.to((host, int(port)))
        proxy.refuse()
        agent = world.start(
            {"kafka.bootstrap.servers": f"127.0.0.1:{proxy.port}"},
            NOTIFY_SOCKET=manager.address,
            WATCHDOG_USEC="600000",
        )
        manager.hears("STATUS=broker: ")
        manager.hears("EXTEND_TIMEOUT_USEC=")
        assert "READY=1" not in manager.said
        proxy.heal()
        manager.hears("READY=1")
        manager.hears("WATCHDOG=1")
        with stopped(agent.worker()):
            eventually(lambda: not world.asked.checks()["draining"], "not draining")
            assert world.asked.get("/readyz")[0] == 503
            assert world.asked.get("/healthz")[0] == 200, "the agent itself goes on"
            manager.listen()
            before = manager.counts("WATCHDOG=1")
            time.sleep(1.5)  # no shorter than the manager would wait
            assert manager.counts("WATCHDOG=1") == before
        eventually(lambda: manager.counts("WATCHDOG=1") > before, "alive again")
        world.ready()
        os.kill(agent.process.pid, signal.SIGHUP)
        eventually(lambda: manager.counts("READY=1") == 2, "reloaded")
        reloading = manager.said.index("RELOADING=1")
        assert manager.said[reloading + 1].startswith("MONOTONIC_USEC=")
        assert agent.stop() == 0
        assert manager.listen()[-2:] == ["STOPPING=1", "STATUS=delivering what is left"]


def _said(environ: dict[str, str], speak: Callable[[Notifier], None]) -> list[str]:
    manager = Manager(environ["NOTIFY_SOCKET"])
    try:
        speak(Notifier(environ))
        return manager.listen()
    finally:
        manager.close()


def test_an_abstract_socket() -> None:
    """sd_notify(3) writes its address with an @; the variables are not for our children."""
    environ = {"NOTIFY_SOCKET": f"@shipper-test-{os.getpid()}", "WATCHDOG_USEC": "30000000"}
    said = _said(dict(environ), lambda notifier: notifier.ready("well"))
    assert said == ["READY=1", "STATUS=well"]
    manager = Manager(environ["NOTIFY_SOCKET"])
    notifier = Notifier(environ)
    manager.close()
    assert environ == {}
    assert notifier.watchdog_s == 30
    notifier.alive()  # a manager that has gone is no reason to stop


def test_a_manager_that_is_slow_hears_all_that_counts() -> None:
    """Its socket holds few datagrams; what is not given up would be kept for ever."""
    limit = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
    names = [f"ring.{number}" for number in range(3 * limit)]
    manager = Manager(f"@shipper-test-slow-{os.getpid()}")
    notifier = Notifier({"NOTIFY_SOCKET": manager.address})

    def speak() -> None:
        for name in names:
            notifier.forget(name)

    speaking = threading.Thread(target=speak)
    speaking.start()
    try:
        time.sleep(0.3)  # by then there is no room, and it listens only now and then
        while speaking.is_alive():
            manager.listen()
            time.sleep(0.01)
        assert manager.listen() == [
            line for name in names for line in ("FDSTOREREMOVE=1", f"FDNAME={name}")
        ]
    finally:
        speaking.join()
        manager.close()


def test_a_status_is_told_once() -> None:
    """What has not changed is no news."""
    environ = {"NOTIFY_SOCKET": f"@shipper-test-once-{os.getpid()}"}

    def speak(notifier: Notifier) -> None:
        for _ in range(3):
            notifier.status("waiting")
        notifier.status("well")

    assert _said(environ, speak) == ["STATUS=waiting", "STATUS=well"]


@pytest.mark.parametrize(
    "environ",
    [{}, {"WATCHDOG_USEC": "1000", "WATCHDOG_PID": "1"}, {"NOTIFY_SOCKET": "/nowhere/at/all"}],
)
def test_nobody_to_be_told(environ: dict[str, str]) -> None:
    """No manager, another process's watchdog, or no socket: the same without it."""
    notifier = Notifier(environ)
    notifier.ready("well")
    assert notifier.watchdog_s is None

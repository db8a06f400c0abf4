"""The agent's child processes: started by a fork, listened to, reaped, and killed at the last."""

import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from shipper.control import AgentsEnd, Order, WorkersEnd, ends
from shipper.errors import ShipperError

_PAUSE = 0.02

#: What a child does, given its end of the socket; its exit code.
Life = Callable[[WorkersEnd], int]


class Child:
    """One process, seen from the agent. `messages` holds the last it has told, by name."""

    def __init__(self, pid: int, control: AgentsEnd) -> None:
        self.pid = pid
        self.control = control
        self.status: int | None = None
        self.messages: dict[str, Any] = {}

    def listen(self) -> None:
        """Take in what it has said so far."""
        for message in self.control.told():
            self.messages.update(message)

    def reap(self) -> bool:
        """True once the process has ended; `status` is then its exit code."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.listen()
                self.status = os.waitstatus_to_exitcode(status)
        return self.status is not None

    def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)

    def raise_problem(self) -> None:
        """The error that it has met, raised here with its exit code."""
        if "problem" in self.messages:
            error = ShipperError(str(self.messages["problem"]))
            error.exit_code = int(self.messages["code"])
            raise error


class Children:
    """All of them, numbered in the order of their start."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._children: list[Child] = []

    def __iter__(self) -> Iterator[Child]:
        return iter(self._children)

    def __len__(self) -> int:
        return len(self._children)

    def start(self, life: Life) -> Child:
        """Fork one that lives `life`, without the ends of its elder siblings' sockets."""
        ours, theirs = ends()
        pid = os.fork()
        if pid == 0:
            ours.close()
            for child in self._children:
                child.control.close()
            self._live(life, theirs)
        theirs.close()
        child = Child(pid, ours)
        self._children.append(child)
        return child

    def _live(self, life: Life, control: WorkersEnd) -> None:
        code = 1
        try:
            code = life(control)
        except Exception:  # noqa: BLE001
            # The last resort: a child has no caller who could see an exception.
            self._log.exception("worker %d failed", len(self._children))
        finally:
            logging.shutdown()
            os._exit(code)

    def order(self, order: Order) -> None:
        """Tell them all."""
        for child in self._children:
            child.control.order(order)

    def wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Listen to them until it holds, at most `timeout` seconds; whether it does."""
        deadline = time.monotonic() + timeout
        while True:
            self.listen()
            if condition():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_PAUSE)

    def listen(self) -> None:
        """Take in what they have said so far."""
        for child in self._children:
            child.listen()

    def ended(self) -> list[Child]:
        """Those that have ended; each is asked, or it stays a zombie."""
        return [child for child in self._children if child.reap()]

    def clear(self) -> None:
        """Forget them all; who has not ended is killed."""
        for child in self._children:
            if not child.reap():
                self._log.error("worker %d did not end in time and is killed", child.pid)
                child.kill()
            child.control.close()
        self._children.clear()

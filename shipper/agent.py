"""The agent: loads the kernel program, gives up its privileges, and looks after its workers.

    root        open_kernel (a loader process comes and goes), prepare files
    ─────────   drop privileges
    nobody      one worker process a ring; this process waits for signals and for them

Capture ends with the last holder of the links, which is this process alone: whatever kills it, the
kernel detaches the program and the workers, whose socket ends, finish what they have.
"""

import gc
import logging
import os
import signal
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from shipper import privileges, wiring
from shipper.capture import Kernel, open_kernel
from shipper.config import Config
from shipper.control import AgentsEnd, Finish, ends
from shipper.coverage import coverage, coverage_line
from shipper.errors import ConfigError, InputError, ShipperError, UnavailableError
from shipper.log import say, set_up
from shipper.worker import Task, check_settings, run_worker

_TICK = 0.2
_START_TIMEOUT = 30.0
_REPORT_EVERY = 300.0
#: how much longer than its own deadline a worker may take before it is killed
_GRACE = 5.0


class _Child:
    """A worker process, seen from the agent."""

    def __init__(self, pid: int, control: AgentsEnd) -> None:
        self.pid = pid
        self.control = control
        self.status: int | None = None
        self.messages: dict[str, Any] = {}

    def listen(self) -> None:
        """Take in what the worker has said so far."""
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


class Agent:
    """One run of the agent, from start to end."""

    def __init__(self, config: Config) -> None:
        """Nothing is started yet."""
        self.config = config
        self.ephemeral = str(uuid.uuid4())
        self._started_ns = 0
        self._log = set_up(config.agent.log_level, config.agent.log_format)
        self._children: list[_Child] = []
        self._stop: int | None = None

    def run(self) -> int:
        """Run until a signal or a failure; the exit code. Raises ShipperError before that."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        privileges.forbid_core_dumps()
        # Mistakes are found before anything is loaded.
        privileges.account(self.config.agent.user)
        wiring.record_settings(self.config)
        self._check_delivery()
        kernel = open_kernel(wiring.capture_settings(self.config))
        # From here on it is seen: what came before was nobody's to see.
        self._started_ns = time.time_ns()
        try:
            if self._stop is not None:
                return 0
            self._prepare_files()
            self._prepare_spool()
            privileges.drop(self.config.agent.user)
            self._start_workers(kernel)
            self._await_ready()
            self._say_ready(kernel)
            self._supervise(kernel)
            return self._finish(kernel)
        finally:
            self._kill_workers()
            kernel.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stop = number

    def _check_delivery(self) -> None:
        """Have a short-lived child make the Kafka client: what it refuses, it refuses now.

        Not here: a client starts threads, and this process still has to fork.
        """
        if "kafka" not in self.config.output:
            return
        ours, theirs = ends()
        pid = os.fork()
        if pid == 0:
            try:
                check_settings(self.config, theirs)
            finally:
                os._exit(0)
        theirs.close()
        child = _Child(pid, ours)
        self._children.append(child)
        self._wait(child.reap, _START_TIMEOUT)
        self._kill_workers()
        self._children.clear()
        _raise_problem(child)

    def _prepare_files(self) -> None:
        """Create output files as root, so that the unprivileged worker may write them."""
        if os.geteuid() != 0:
            return
        uid, gid = privileges.account(self.config.agent.user)
        for output in self.config.output:
            if not output.startswith("file:"):
                continue
            path = Path(output.removeprefix("file:"))
            try:
                descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            except FileExistsError:
                continue
            except OSError as error:
                raise InputError(
                    f"cannot create {path}: {error.strerror}", "name a file in a folder that exists"
                ) from error
            os.fchown(descriptor, uid, gid)
            os.close(descriptor)

    def _prepare_spool(self) -> None:
        """Make the spool's folder as root, for the unprivileged workers alone.

        What an earlier start under another user left is handed over too.
        """
        if "kafka" not in self.config.output or not self.config.spool.path:
            return
        root = Path(self.config.spool.path)
        try:
            root.mkdir(mode=0o700, parents=True, exist_ok=True)
            if os.geteuid() == 0:
                uid, gid = privileges.account(self.config.agent.user)
                for path in (root, *root.rglob("*")):
                    if path.lstat().st_uid != uid:
                        os.chown(path, uid, gid, follow_symlinks=False)
        except OSError as error:
            raise ConfigError(
                f"spool.path: cannot use {root}: {error.strerror}",
                "give a folder that can be written to, or an empty one for none",
            ) from error

    def _start_workers(self, kernel: Kernel) -> None:
        # What exists now lives as long as the process: the collector need not look at it again,
        # and so does not copy the pages that the workers share with us.
        gc.collect()
        gc.freeze()
        for number in range(self.config.capture.workers):
            ours, theirs = ends()
            pid = os.fork()
            if pid == 0:
                code = 1
                try:
                    ours.close()
                    for child in self._children:
                        child.control.close()
                    task = Task(
                        self.config,
                        kernel,
                        number,
                        self.ephemeral,
                        self._started_ns,
                        theirs,
                        self._log,
                    )
                    code = run_worker(task)
                except Exception:  # noqa: BLE001
                    # The last resort: a worker has no caller who could see an exception.
                    self._log.exception("worker %d failed", number)
                finally:
                    logging.shutdown()
                    os._exit(code)
            theirs.close()
            self._children.append(_Child(pid, ours))

    def _await_ready(self) -> None:
        def ready() -> bool:
            return all("ready" in child.messages or child.reap() for child in self._children)

        if not self._wait(ready, _START_TIMEOUT):
            raise UnavailableError("the workers did not start in time", "look at the log above")
        for child in self._children:
            _raise_problem(child)

    def _wait(self, condition: Callable[[], bool], timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while True:
            for child in self._children:
                child.listen()
            if condition():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)

    def _say_ready(self, kernel: Kernel) -> None:
        settings = kernel.settings
        where: str = settings.hook
        if settings.hook == "interface":
            where += " " + (", ".join(settings.interfaces) or "all")
        say(
            self._log,
            "ready",
            f"capturing ({where}; {', '.join(settings.roles)}), "
            f"delivering to {', '.join(self.config.output)}",
            hook=settings.hook,
            workers=len(self._children),
            ephemeral_id=self.ephemeral,
        )

    def _supervise(self, kernel: Kernel) -> None:
        """Until a signal comes or a worker ends."""
        report_at = time.monotonic() + _REPORT_EVERY
        full = 0
        while self._stop is None:
            time.sleep(_TICK)
            for child in self._children:
                child.listen()
            if any(child.reap() for child in self._children):
                return
            counters = kernel.counters()
            if counters["ring_full"] > full:
                lost = counters["ring_full"] - full
                say(
                    self._log,
                    "ring_full",
                    f"{lost} events found no room: the worker is too slow for this traffic",
                    logging.WARNING,
                    events=lost,
                )
                full = counters["ring_full"]
            if time.monotonic() >= report_at:
                report_at += _REPORT_EVERY
                self._say_coverage(kernel, counters)

    def _say_coverage(self, kernel: Kernel, counters: dict[str, int]) -> None:
        seen = coverage(counters, kernel.settings.roles)
        say(self._log, "coverage", coverage_line(seen), **seen)

    def _finish(self, kernel: Kernel) -> int:
        """Stop capturing, let the workers finish, and say what became of everything."""
        kernel.detach()
        for child in self._children:
            child.control.order(Finish())
        patience = self.config.agent.shutdown_timeout * 2 + _GRACE
        # Not all(): each has to be asked, or it stays a zombie.
        self._wait(lambda: not [c for c in self._children if not c.reap()], patience)
        counters = kernel.counters()
        workers = [child.messages.get("totals", {}) for child in self._children]
        exchanges = sum(int(w.get("exchanges", 0)) for w in workers if isinstance(w, dict))
        self._say_coverage(kernel, counters)
        say(
            self._log,
            "stopped",
            f"stopped: {exchanges} exchanges seen",
            kernel={name: count for name, count in counters.items() if count},
            workers=workers,
        )
        codes = [child.status for child in self._children]
        if all(code == 0 for code in codes):
            return 0
        self._log.error("a worker ended with code %s", next(code for code in codes if code != 0))
        return 1

    def _kill_workers(self) -> None:
        for child in self._children:
            if not child.reap():
                self._log.error("worker %d did not end in time and is killed", child.pid)
                with suppress(ProcessLookupError):
                    os.kill(child.pid, signal.SIGKILL)
                    os.waitpid(child.pid, 0)
            child.control.close()


def _raise_problem(child: _Child) -> None:
    """The error that a child has met, raised here with its exit code."""
    if "problem" in child.messages:
        error = ShipperError(str(child.messages["problem"]))
        error.exit_code = int(str(child.messages["code"]))
        raise error


def run(config: Config) -> int:
    """Run the agent in the foreground; the exit code."""
    return Agent(config).run()

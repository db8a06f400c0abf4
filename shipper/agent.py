"""The agent: loads the kernel program, gives up its privileges, and looks after its workers.

    root        open_kernel (a loader process comes and goes), prepare files, where it is wanted
                start the look-up process, which stays root
    ─────────   drop privileges
    nobody      one worker process a ring; this process waits for signals and for them

Capture ends with the last holder of the links, which is this process alone: whatever kills it, the
kernel detaches the program and the workers, whose socket ends, finish what they have.
"""

import gc
import os
import select
import signal
import time
import uuid
from collections.abc import Callable
from types import FrameType

from shipper import lookups, memory, privileges, wiring
from shipper.capture import Kernel, open_kernel
from shipper.children import Child, Children
from shipper.config import Config
from shipper.control import Finish, WorkersEnd
from shipper.errors import UnavailableError
from shipper.handover import Store
from shipper.log import say, set_up
from shipper.notify import Notifier
from shipper.ownership import prepare_files, prepare_spool
from shipper.succession import Succession
from shipper.supervision import Supervision
from shipper.worker import Task, check_settings, run_worker

_STDERR = 2
_TICK = 0.2
_START_TIMEOUT = 30.0
#: how much longer than its own deadline a worker may take before it is killed
_GRACE = 5.0


class Agent:
    """One run of the agent, from start to end."""

    def __init__(self, reread: Callable[[], Config]) -> None:
        """Nothing is started yet; `reread` gives the configuration, now and at each reload."""
        self._reread = reread
        self.config = config = reread()
        self.ephemeral = str(uuid.uuid4())
        self._started_ns = 0
        self._log = set_up(config.agent.log_level, config.agent.log_format)
        self._notifier = Notifier(os.environ)
        self._succession = Succession(config, Store(self._notifier, os.environ), self._log)
        self._children = Children(self._log)
        self._lookups = lookups.Lookups([])
        self._stop: int | None = None
        self._reload = False
        self._terminal = os.isatty(_STDERR)

    def run(self) -> int:
        """Run until a signal or a failure; the exit code. Raises ShipperError before that."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        signal.signal(signal.SIGHUP, self._on_hangup)
        privileges.forbid_core_dumps()
        # Mistakes are found before anything is loaded.
        privileges.account(self.config.agent.user)
        wiring.record_settings(self.config)
        self._check_delivery()
        succession = self._succession
        kernel = open_kernel(wiring.capture_settings(self.config), succession.met())
        # From here on it is seen: what came before was nobody's to see.
        self._started_ns = time.time_ns()
        try:
            if self._stop is not None:
                return 0
            prepare_files(self.config)
            prepare_spool(self.config)
            succession.offer()
            self._lookups = lookups.start(self.config, self._log)
            privileges.drop(self.config.agent.user)
            self._start_workers(kernel)
            self._await_ready()
            succession.begin(kernel, self._children)
            self._say_ready(kernel)
            return self._supervised(kernel)
        finally:
            self._children.clear()
            kernel.close()
            succession.close()

    def _on_signal(self, number: int, _frame: FrameType | None) -> None:
        self._stop = number

    def _on_hangup(self, number: int, _frame: FrameType | None) -> None:
        if self._terminal and not os.isatty(_STDERR):
            self._stop = number  # the terminal is closed, and nobody is there any more
        else:
            self._reload = True

    def _check_delivery(self) -> None:
        """Have a short-lived child make the Kafka client: what it refuses, it refuses now.

        Not here: a client starts threads, and this process still has to fork.
        """
        if "kafka" not in self.config.output:
            return

        def check(control: WorkersEnd) -> int:
            check_settings(self.config, control)
            return 0

        child = self._children.start(check)
        self._children.wait(child.reap, _START_TIMEOUT)
        self._children.clear()
        child.raise_problem()

    def _start_workers(self, kernel: Kernel) -> None:
        # What exists now lives as long as the process: the collector need not look at it again,
        # and so does not copy the pages that the workers share with us.
        gc.collect()
        gc.freeze()
        memory.give_back()
        for number in range(self.config.capture.workers):
            self._start_worker(kernel, number)
        self._lookups.release()

    def _start_worker(self, kernel: Kernel, number: int) -> Child:
        def work(control: WorkersEnd) -> int:
            self._succession.hang_up()
            return run_worker(
                Task(
                    self.config,
                    kernel,
                    number,
                    self.ephemeral,
                    self._started_ns,
                    control,
                    self._log,
                    self._lookups.channel(number),
                    beside=self._succession.beside(kernel),
                )
            )

        return self._children.start(work)

    def _await_ready(self) -> None:
        def ready() -> bool:
            return all("ready" in child.messages or child.reap() for child in self._children)

        if not self._children.wait(ready, _START_TIMEOUT):
            raise UnavailableError("the workers did not start in time", "look at the log above")
        for child in self._children:
            child.raise_problem()

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

    def _supervised(self, kernel: Kernel) -> int:
        """Until a signal comes or a worker ends, and then in order to the end."""
        supervision = Supervision(
            self.config,
            kernel,
            self._children,
            reread=self._reread,
            notifier=self._notifier,
            log=self._log,
            ephemeral=self.ephemeral,
        )
        wake, awake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        signal.set_wakeup_fd(awake, warn_on_full_buffer=False)
        try:
            succession = self._succession
            while self._stop is None and not self._children.ended():
                supervision.turn()
                if succession.turn(kernel, self._children):
                    break
                if self._reload:
                    self._reload = False
                    supervision.reload()
                # A tick, or a signal.
                if select.select([wake], [], [], _TICK)[0]:
                    os.read(wake, 1 << 10)
            succession.part(kernel, self._children, supervision.beat)
            code = self._finish(kernel, supervision)
            succession.over()
            if succession.succeeded:
                self._rest(supervision, wake)
            return code
        finally:
            signal.set_wakeup_fd(-1)
            supervision.close()
            os.close(wake)
            os.close(awake)

    def _rest(self, supervision: Supervision, wake: int) -> None:
        """Another agent goes on. Whoever started this one ends it: not to be started anew."""
        while self._stop is None:
            supervision.beat()
            if select.select([wake], [], [], _TICK)[0]:
                os.read(wake, 1 << 10)

    def _finish(self, kernel: Kernel, supervision: Supervision) -> int:
        """Stop capturing, let the workers finish, and say what became of everything."""
        kernel.detach()
        supervision.finish()
        self._children.order(Finish())
        patience = self.config.agent.shutdown_timeout * 2 + _GRACE
        children = self._children

        def all_ended() -> bool:
            supervision.beat()
            return len(children.ended()) == len(children)

        children.wait(all_ended, patience)
        counters = kernel.counters()
        workers = [child.messages.get("totals", {}) for child in children]
        exchanges = sum(int(totals.get("exchanges", 0)) for totals in workers)
        supervision.say_coverage()
        say(
            self._log,
            "stopped",
            f"stopped: {exchanges} exchanges seen",
            kernel={name: count for name, count in counters.items() if count},
            workers=workers,
        )
        codes = [child.status for child in children]
        if all(code == 0 for code in codes):
            return 0
        self._log.error("a worker ended with code %s", next(code for code in codes if code != 0))
        return 1


def run(reread: Callable[[], Config]) -> int:
    """Run the agent in the foreground; the exit code. `reread` is asked again at each reload."""
    return Agent(reread).run()

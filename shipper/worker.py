"""One worker: drains one ring, ships its records, and ends when it is told or left alone.

It is forked by the agent after privileges are gone, holds no link to the kernel's hooks, and
speaks with the agent over one socket: it tells how it stands, and is told what is new and when
to finish.
"""

import logging
import os
import signal
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from shipper import memory, wiring
from shipper.attribution import Channel
from shipper.books import Books
from shipper.capture import Kernel, Ring
from shipper.config import Config
from shipper.control import Begin, Finish, Part, Renewal, WorkersEnd
from shipper.coverage import coverage
from shipper.delivery import KafkaSink, Lines, ReaderGone
from shipper.errors import ShipperError
from shipper.handover import NEVER, Share
from shipper.ledger import Observed
from shipper.log import say
from shipper.metrics.report import Reporter
from shipper.pipeline import relieve_collector
from shipper.record import RecordBuilder
from shipper.volume import Volume

#: How long events may wait in the ring unless many do, in seconds: a turn of the loop for all of
#: them costs less than one for each. As short as this where so many come meanwhile that turning is
#: a small part of the cost, and longer where fewer do; it bounds the delay of a record.
_REST, _REST_MOST = 0.01, 0.025
_WORTH_A_TURN = 100
#: The same once nothing has come for a while: a quiet host shall not feel the agent.
_LONG_REST = 0.05
_QUIET = 1_000_000_000  # ns
_BATCH = 2048
_SECOND = 1_000_000_000
_SETTLING = 100_000_000  # ns
_CLOCK_STEP = 500_000_000  # ns by which the wall clock may drift unnoticed
_SO_COOKIE = 57
#: Times that accounts are told (about a second each) between two that memory is given back: what a
#: slow moment of the broker took is not kept for good.
_GIVE_BACK = 10


class Clock:
    """The wall clock against the boot-time clock of the events, read afresh every second."""

    def __init__(self, log: logging.Logger) -> None:
        """Read both clocks once."""
        self._lines = Lines(log.log)
        self.steps = 0
        self.now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self.offset = time.time_ns() - self.now
        self._read = self.now

    def tick(self) -> bool:
        """Move on; True about once a second."""
        self.now = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        if self.now - self._read < _SECOND:
            return False
        self._read = self.now
        offset = time.time_ns() - self.now
        if abs(offset - self.offset) > _CLOCK_STEP:
            self.steps += 1
            moved = (offset - self.offset) / _SECOND
            self._lines.say(logging.WARNING, "clock", f"the wall clock was set by {moved:+.3f} s")
        self.offset = offset
        return True

    @property
    def wall(self) -> int:
        """Wall-clock time of `now`, ns since the epoch."""
        return self.now + self.offset


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker is given: one ring of an open kernel, and its own end of a socket.

    `beside`: another agent captures too, and a `Begin` will tell what is not that one's.
    """

    config: Config
    kernel: Kernel
    number: int
    ephemeral: str
    started_ns: int
    control: WorkersEnd
    log: logging.Logger
    lookup: Channel | None = None
    beside: bool = False


class Worker:
    """The loop between a ring and a sink."""

    def __init__(self, task: Task) -> None:
        """Everything that may fail fails here, before anything is drained."""
        self._config = config = task.config
        self._kernel = task.kernel
        self._control = task.control
        self._log = log = task.log
        self._ring: Ring = task.kernel.ring(task.number)
        self._clock = Clock(log)
        self._deadline: float | None = None
        self._sockets: set[str] = set()
        self._who = who = wiring.origin(config, task.ephemeral, task.number, task.started_ns)
        outputs = wiring.outputs(config, who, log.log)
        self._pipeline = wiring.pipeline(
            config, who.identity, outputs, waiting=self._wait_for_sink, log=log
        )
        self._volume = Volume(wiring.volume_settings(config))
        self._pipeline.folds = self._volume.folds
        self._share = Share()
        self._share.since = NEVER if task.beside else 0
        self._settled: int | None = None
        self._accounts_told = 0
        self._choose()
        self._attributor = wiring.attribution(config, log, task.lookup)
        self._pipeline.attribute = self._attributor.attribute if self._attributor else None
        self._books = Books(outputs.kafka, self._pipeline, who, self._observe)
        self._reporter = Reporter(self._pipeline, outputs.kafka, self._attributor)

    def run(self) -> None:
        """Drain until told to finish; then what is in the ring, what is open, what is in flight."""
        with suppress(ReaderGone):
            self._loop()
            self._pipeline.finish(self._clock.offset, self._clock.wall)
        sink = self._pipeline.sink
        left = sink.flush(self._left() if self._deadline else 0.0)
        self._books.finish(self._left)
        sink.close()
        if self._attributor is not None:
            self._attributor.close()
        if left:
            self._say_left(left)

    def _say_left(self, left: int) -> None:
        what = "%d records were not acknowledged within agent.shutdown_timeout"
        if self._books.spooled:
            self._log.warning(what + " and wait in the spool: the next start sends them", left)
        else:
            self._log.error(what + " and are lost", left)

    def _observe(self) -> Observed:
        counters = self._kernel.counters()
        return Observed(
            kernel=counters,
            coverage=coverage(counters, self._kernel.settings.roles),
            clock_steps=self._clock.steps,
            now_ns=time.time_ns(),
            attribution=self._attributor.totals() if self._attributor is not None else None,
        )

    def totals(self) -> dict[str, object]:
        """The pipeline's totals, and the worker's own facts."""
        told = self._attributor.totals() if self._attributor is not None else {}
        return {**self._pipeline.totals(), **told, "clock_steps": self._clock.steps}

    def _loop(self) -> None:
        pipeline, ring, clock = self._pipeline, self._ring, self._clock
        last, rest = 0, _REST
        while True:
            finishing = self._told_to_finish()
            if clock.tick():
                self._leave_out_own_sockets()
                self._account()
            events = ring.drain(_BATCH)
            if events:
                last = clock.now
                pipeline.feed(events, clock.offset, clock.wall)
            else:
                # Nothing waits, so nothing older than this can come.
                pipeline.advance(clock.now, clock.offset, clock.wall)
            pipeline.sink.poll(0.0)
            if (finishing and not events) or (len(events) < _BATCH and self._all_told()):
                return
            if not finishing and len(events) < _BATCH:
                rest = min(_REST_MOST, max(_REST, rest * _WORTH_A_TURN / max(len(events), 1)))
                ring.wait(rest if clock.now - last < _QUIET else _LONG_REST)
                # What was acknowledged meanwhile is heard first: what came meanwhile takes long.
                pipeline.sink.poll(0.0)

    def _told_to_finish(self) -> bool:
        if self._deadline is None:
            match self._control.order():
                case Finish():
                    self._deadline = time.monotonic() + self._config.agent.shutdown_timeout
                case Renewal() as renewal:
                    self._renew(renewal)
                case Part(at):
                    self._part(at)
                case Begin(at):
                    self._share.since = at
                    self._choose()
                    self._control.tell(begun=at)
        return self._deadline is not None

    def _part(self, at: int | None) -> None:
        """What begins from here on, or from `at` on, is another agent's."""
        # A CPU may still be busy with a packet that it began before.
        self._settled = (self._clock.now if at is None else at) + _SETTLING
        if at is not None:
            self._share.until = at
            self._choose()
        self._control.tell(parted=at)

    def _all_told(self) -> bool:
        """Whether another agent goes on, and nothing is open that is ours; the ring was read."""
        if self._settled is None or self._clock.now < self._settled:
            return False
        oldest = self._pipeline.assembler.oldest_open()
        if oldest is not None and oldest < self._share.until:
            return False
        self._deadline = time.monotonic() + self._config.agent.shutdown_timeout
        return True

    def _choose(self) -> None:
        """Who is asked about each exchange; nobody where nothing would be left out."""
        volume = self._volume.leaves_out if self._volume.settings.decides else None
        share = self._share
        if share.since == 0 and share.until == NEVER:
            self._pipeline.volume = volume
        elif volume is None:
            self._pipeline.volume = share.leaves_out
        else:
            self._pipeline.volume = lambda exchange: share.leaves_out(exchange) or volume(exchange)

    def _renew(self, renewal: Renewal) -> None:
        """The exchanges from here on become records by new settings; their numbers go on."""
        self._pipeline.builder = RecordBuilder(renewal.settings, self._who.identity)
        if renewal.volume != self._volume.settings:
            self._volume.renew(renewal.volume)
        self._choose()
        self._log.setLevel(renewal.log_level.upper())
        self._control.tell(renewed=renewal.number)

    def _account(self) -> None:
        """About once a second: for those who come after, for the ledger, and for the agent."""
        self._volume.look()
        self._books.tick()
        self._accounts_told += 1
        if self._accounts_told % _GIVE_BACK == 0:
            memory.give_back()
        self._control.tell(report=self._reporter.report(self._clock.steps))

    def _left(self) -> float:
        return max(0.0, (self._deadline or 0.0) - time.monotonic())

    def _wait_for_sink(self) -> bool:
        """The sink takes nothing: what is captured meanwhile waits in the ring."""
        if self._clock.tick():
            self._account()
        self._pipeline.sink.poll(0.05)
        return not self._told_to_finish() or self._left() > 0

    def _leave_out_own_sockets(self) -> None:
        """Shipping must not feed itself: the sockets of this process are not followed."""
        if not self._config.capture.exclude_own:
            return
        links = set()
        for entry in Path("/proc/self/fd").iterdir():
            with suppress(OSError):
                target = str(entry.readlink())
                if target.startswith("socket:"):
                    links.add(f"{entry.name} {target}")
        for link in links - self._sockets:
            with suppress(OSError):
                probe = socket.socket(fileno=os.dup(int(link.split()[0])))
                with probe:
                    cookie = probe.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, 8)
                self._kernel.add_own_socket(int.from_bytes(cookie, "little"))
        self._sockets = links


def check_settings(config: Config, control: WorkersEnd) -> None:
    """Make the Kafka client once and let it go; tell the agent what it refuses."""
    try:
        KafkaSink(dict(config.kafka.settings), log=lambda _level, _line: None).close()
        wiring.check_framing(config)
    except ShipperError as error:
        control.tell(problem=str(error), code=error.exit_code)


def run_worker(task: Task) -> int:
    """The whole life of a worker process; returns its exit code."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    task.kernel.detach()
    try:
        worker = Worker(task)
    except ShipperError as error:
        task.control.tell(problem=str(error), code=error.exit_code)
        return error.exit_code
    relieve_collector()
    task.control.tell(ready=task.number)
    try:
        worker.run()
    except ShipperError as error:
        say(task.log, "failed", str(error), logging.ERROR, worker=task.number)
        return error.exit_code
    finally:
        task.control.tell(totals=worker.totals())
    return 0

"""`shipper replay FILE`: a capture file through the kernel program to JSON lines.

A function of file and configuration alone: times come from the capture, ids from the file's hash,
so that two runs give the same bytes.
"""

import hashlib
import logging
import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from shipper import privileges, wiring
from shipper.capture import CaptureFile, Kernel, Replay, TestRun, open_kernel
from shipper.config import BINARY, Config
from shipper.contract.events import Event
from shipper.delivery import ReaderGone, Sink, StdoutSink
from shipper.errors import ConfigError, InputError
from shipper.log import say, set_up
from shipper.pipeline import Pipeline, relieve_collector
from shipper.record import Identity
from shipper.volume import Volume

_NAMESPACE = uuid.UUID("0d1b2a60-2f5a-5a06-8d0e-6d4b9b7f3c52")
#: Events that are passed on at once, and the time of the capture (ns) that they may span: about
#: what a turn of the agent's loop finds. One by one, each would cost half as much again.
_TURN, _TURN_NS = 128, 10_000_000
_HARMLESS = bytes.fromhex("4500001400000000401100007f0000017f000001")  # an empty IPv4 packet


def _identity(config: Config, digest: str) -> Identity:
    """Ids from the file's hash; this host has no part in what the file shows."""
    ids = uuid.uuid5(_NAMESPACE, digest)
    here = wiring.identity(config, str(ids), 0)
    return replace(
        here,
        agent_id=str(ids),
        host_id=config.record.host_id,
        host_name=config.record.host_name,
        observer_name=config.record.host_name,
    )


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from error


def drop_if_possible(kernel: Kernel, config: Config, log: logging.Logger) -> None:
    """Give up privileges, unless this kernel lets only a privileged process run the program.

    A capture file is somebody else's input, to be read with as few rights as possible.
    """
    if os.geteuid() != 0:
        return
    uid, gid = privileges.account(config.agent.user)
    os.setegid(gid)
    os.seteuid(uid)
    try:
        TestRun(kernel.program).run(_HARMLESS)
        allowed = True
    except PermissionError:
        allowed = False
    finally:
        os.seteuid(0)
        os.setegid(0)
    if allowed:
        privileges.drop(config.agent.user)
    else:
        log.warning("this kernel runs programs for root only: privileges are kept while replaying")


class CaptureClock:
    """The time of the last event: "now" of a capture file."""

    def __init__(self) -> None:
        """Nothing has been seen."""
        self.now = 0

    def turns(self, events: Iterable[Event]) -> Iterator[list[Event]]:
        """The events by turns such as the agent's own are; `now` is that of each at its end."""
        turn: list[Event] = []
        for event in events:
            if turn and (len(turn) == _TURN or event.time - turn[0].time > _TURN_NS):
                yield turn
                turn = []
            turn.append(event)
            self.now = max(self.now, event.time)
        if turn:
            yield turn


def _choose(pipeline: Pipeline, config: Config) -> None:
    """What leaves exchanges out here: rules. Bounds depend on when and how fast this runs."""
    told = wiring.volume_settings(config)
    settings = replace(told, max_per_client=0.0, max_per_second=0.0, max_cpu=0.0)
    if settings.decides:
        volume = Volume(settings)
        pipeline.volume, pipeline.folds = volume.leaves_out, volume.folds


def replay(
    path: Path, config: Config, sink: Sink, log: logging.Logger, kernel: Kernel | None = None
) -> tuple[Pipeline, Replay, Kernel, str | None]:
    """Feed the whole file through; returns what was used, for its counts, and the damage found.

    `kernel`: one that was opened for replay and knows no flow; without it one is opened.
    """
    digest = _digest(path)
    with CaptureFile(path) as capture:
        kernel = kernel or open_kernel(wiring.capture_settings(config, hook="replay"))
        drop_if_possible(kernel, config, log)

        def wait() -> bool:
            sink.poll(0.1)
            return True

        pipeline = wiring.pipeline(
            config, _identity(config, digest), wiring.Outputs(sink), waiting=wait, log=log
        )
        _choose(pipeline, config)
        packets = Replay(kernel, capture)
        clock = CaptureClock()
        for turn in clock.turns(packets):
            pipeline.feed(turn, 0, clock.now)
        pipeline.finish(0, clock.now)
        sink.flush(60.0)
        return pipeline, packets, kernel, capture.damage


def run(path: Path, config: Config) -> int:
    """JSON lines on standard output, everything else on standard error; the exit code."""
    if config.record.encoding in BINARY:
        raise ConfigError(
            f'record.encoding "{config.record.encoding}" is no text, and what is replayed is '
            "written as lines",
            "choose another, as in --encoding ecs",
        )
    log = set_up(config.agent.log_level, config.agent.log_format)
    sink = StdoutSink(log=log.log)
    relieve_collector()
    with suppress(ReaderGone):
        pipeline, packets, kernel, damage = replay(path, config, sink, log)
        sink.close()
        if packets.unsupported:
            log.warning("%s: %s: they were left out", path, packets.unsupported)
        say(
            log,
            "replayed",
            f"{pipeline.exchanges} exchanges in {packets.counted['packets']} packets of {path}",
            packets=dict(packets.counted),
            kernel={name: count for name, count in kernel.counters().items() if count},
            totals=pipeline.totals(),
        )
        if damage:
            print(f"shipper: {damage}: what was readable was read", file=sys.stderr)
            return InputError.exit_code
    return 0

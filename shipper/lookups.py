"""The look-up process: stays root, with few capabilities, and answers what the agent may not read.

It is forked before the agent gives up its privileges, holds nothing of the kernel's hooks, reads
no traffic and no configuration any more, and ends when all who may ask it have ended.
"""

import logging
import os
import signal
from contextlib import suppress
from pathlib import Path

from shipper import privileges, wiring
from shipper.attribution import Channel, channels, serve
from shipper.config import Config

#: capabilities(7): CAP_SYS_PTRACE, which is what the executables of other users ask for. Sockets
#: and folders are those of root, whom the process stays.
CAPABILITIES = (19,)
_FIRST = 3


class Lookups:
    """The process, seen from the agent: one channel for each worker, handed on by the fork."""

    def __init__(self, asking: list[Channel]) -> None:
        self._asking = asking

    def channel(self, worker: int) -> Channel | None:
        """The end that a worker asks by; None where there is no such process."""
        return self._asking[worker] if self._asking else None

    def release(self) -> None:
        """The workers have theirs: the process ends with the last of them."""
        for channel in self._asking:
            channel.close()
        self._asking.clear()


def start(config: Config, log: logging.Logger) -> Lookups:
    """Fork it where it is wanted, with the privileges that are held now."""
    if not config.attribution.lookup:
        return Lookups([])
    if os.geteuid() != 0:
        log.warning("attribution.lookup: nobody here is root, who may read more than the agent")
    pairs = [channels() for _ in range(config.capture.workers)]
    if os.fork() == 0:
        _live(config, [serving for serving, _ in pairs], log)
    for serving, _ in pairs:
        serving.close()
    return Lookups([asking for _, asking in pairs])


def _live(config: Config, serving: list[Channel], log: logging.Logger) -> None:
    """The whole life of the process; does not return."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        _close_all_but({channel.fileno() for channel in serving})
        privileges.keep(CAPABILITIES)
        serve(serving, wiring.privileged_sources(config))
        code = 0
    except Exception:
        log.exception("the look-up process has failed")
    finally:
        os._exit(code)


def _close_all_but(kept: set[int]) -> None:
    """Nothing of what the agent has open stays: no map, no ring, no link to the kernel's hooks."""
    for entry in Path("/proc/self/fd").iterdir():
        descriptor = int(entry.name)
        if descriptor >= _FIRST and descriptor not in kept:
            with suppress(OSError):
                os.close(descriptor)

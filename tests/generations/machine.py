"""A kernel, a root and a job -> what the job said: one virtual machine from start to end.

The job talks JSON lines on a console of its own. There is no acceleration to be had where this
runs, so that a machine is some ten times slower than this one.
"""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .images import Machine

_OPTIONS = (
    "-accel", "tcg,thread=multi", "-smp", "2", "-m", "2048",
    "-display", "none", "-monitor", "none", "-nic", "none", "-no-reboot",
    "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=job",
    "-chardev", "stdio,id=job,signal=off",
)  # fmt: skip
#: Nothing a job does takes as long without a word, in seconds.
_SILENCE = 1200.0

Message = dict[str, Any]


class Silent(Exception):  # noqa: N818 - what happened, not that it is an error
    """The machine said nothing for too long and was ended."""


def _lines(process: subprocess.Popen[str]) -> Iterator[str]:
    """What it says until it ends; Silent when it is ended for saying nothing."""
    ended = False

    def end() -> None:
        nonlocal ended
        ended = True
        process.kill()

    while True:
        timer = threading.Timer(_SILENCE, end)
        timer.start()
        line = process.stdout.readline() if process.stdout else ""
        timer.cancel()
        if not line:
            break
        yield line.strip()
    process.wait()
    if ended:
        raise Silent


def run(machine: Machine, console: Path, heard: Callable[[Message], None]) -> list[str]:
    """Boot, give every message of the job to `heard`, wait for the end; what was no message.

    `console` gets what the kernel says. Raises Silent.
    """
    process = subprocess.Popen(
        [
            # It ends with us, however we end.
            "setpriv", "--pdeathsig", "KILL", *machine.processor.emulator, *_OPTIONS,
            "-kernel", machine.kernel, "-initrd", machine.initial,
            "-append", f"{machine.processor.boot} panic=-1",
            "-drive", f"file={machine.disk},if=virtio,format=raw,readonly=on",
            "-serial", f"file:{console}",
        ],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, errors="replace",
    )  # fmt: skip
    other = []
    try:
        for line in _lines(process):
            try:
                heard(json.loads(line))
            except ValueError:
                other.append(line)
    finally:
        process.kill()
        process.wait()
    return [line for line in other if line]

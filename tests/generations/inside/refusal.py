"""Why the kernel refuses a program: the end of what the verifier says, which the agent cuts short.

The loader is run by an interpreter of ours, which hands the program to the kernel itself: bcc would
ask again and again with more room for the log, and each time takes minutes on an emulated machine.
"""

import ctypes
import mmap
import runpy
import struct
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from shipper.capture import HookName, loader, open_kernel
from shipper.errors import ShipperError

from .patient import capture_settings, configuration

LINES = 40
#: Kernels before 6.4 keep the beginning of a log that finds no room, not its end.
_ROOM = 512 << 20
_SCRIPT = """#!/bin/sh
# Given: -I, the loader, and the descriptor to talk over.
shift
exec /usr/bin/python3 -c 'from generations.inside.refusal import ask; ask()' {log} "$@"
"""


def verifier_log(hook: HookName, work: Path) -> list[str]:
    """The last lines of what the verifier says to the program for `hook`; none when it takes it."""
    script, log = work / "loader", work / "verifier.log"
    script.write_text(_SCRIPT.format(log=log))
    script.chmod(0o755)
    settings = capture_settings(configuration(), hook)
    try:
        open_kernel(replace(settings, interpreter=str(script), interfaces=("lo",))).close()
    except ShipperError:
        return log.read_text(errors="replace").splitlines() if log.exists() else []
    return []


def _log_of(code: bytes, kind: int) -> list[str]:
    """Load instructions with room for the whole log; its last lines."""
    room = mmap.mmap(-1, _ROOM)
    log = (ctypes.c_char * _ROOM).from_buffer(room)
    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"GPL")
    # linux/bpf.h: kind, count, their address, the licence's, level and room of the log, its address
    attributes = struct.pack(
        "=IIQQIIQ",
        kind, len(code) // 8, ctypes.addressof(instructions), ctypes.addressof(licence),
        1, _ROOM, ctypes.addressof(log),
    )  # fmt: skip
    problem = "accepted"
    try:
        loader.bpf(loader.BPF_PROG_LOAD, attributes.ljust(72, b"\0"))
    except OSError as error:
        problem = str(error)
    length = room.find(b"\0")
    text = room[max(0, length - (1 << 16)) : length].decode(errors="replace")
    summary = f"{len(code) // 8} instructions, {length} bytes of log: {problem}"
    return [*text.splitlines()[-LINES:], summary]


def ask() -> None:
    """The loader, but for what it does with the program: started by `verifier_log`."""
    import bcc  # noqa: PLC0415 - only where the distribution's interpreter runs it

    def load_func(table: Any, name: str, kind: int) -> None:  # noqa: ANN401 - bcc ships no types
        lines = _log_of(table.dump_func(name.encode()), kind)
        log.write_text("\n".join(lines))
        raise RuntimeError("the verifier was only asked")

    bcc.BPF.load_func = load_func
    log, sys.argv = Path(sys.argv[1]), sys.argv[2:]
    runpy.run_path(sys.argv[0], run_name="__main__")

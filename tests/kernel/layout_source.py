"""The layout as user space describes it, as assertions for the C compiler to check.

Appended to the kernel program, so that it is the very text that is loaded which is compared.
"""

import inspect
import json
import os
import subprocess
import tempfile
from pathlib import Path

from shipper.capture import layout, loader
from shipper.capture.kernel import program_source
from shipper.contract import events
from shipper.contract.events import Direction, Event, Flag, FlowEnd, Hook, Kind, Stream

_SIZES = {"B": 1, "H": 2, "I": 4, "Q": 8, "16s": 16, "64s": 64}
_ENUMS = {
    "EVENT": Kind,
    "STREAM": Stream,
    "HOOK": Hook,
    "DIRECTION": Direction,
    "FLOW_END": FlowEnd,
    "FLAG": Flag,
}
#: compiles the text of its standard input with bcc; prints what the compiler says
_COMPILE = """
import json, os, platform, sys, tempfile
from pathlib import Path
sys.path.insert(0, os.environ["CAPTURE"])
import loader
task = json.load(sys.stdin)
with tempfile.TemporaryDirectory() as tree:
    loader.stub_tree(Path(tree), platform.machine())
    os.environ["BCC_KERNEL_SOURCE"] = tree
    from bcc import BPF
    BPF(text=loader.fold(Path(task["source"])) + task["more"], cflags=task["flags"])
"""

EVENT_FIELDS = layout.EVENT_FIELDS


def assertions(fields: tuple[tuple[str, str], ...] = EVENT_FIELDS) -> str:
    """Every offset, size and number that user space relies on, as C."""
    lines = []
    offset = 0
    for name, code in fields:
        lines.append(_same(f"__builtin_offsetof(struct event, {name})", offset))
        lines.append(_same(f"sizeof(((struct event *)0)->{name})", _SIZES[code]))
        offset += _SIZES[code]
    lines.append(_same("sizeof(struct event)", layout.EVENT.size))
    offset = 0
    for name, code in layout.PROCESS_FIELDS:
        lines.append(_same(f"__builtin_offsetof(struct process, {name})", offset))
        lines.append(_same(f"sizeof(((struct process *)0)->{name})", _SIZES[code]))
        offset += _SIZES[code]
    lines.append(_same("sizeof(struct process)", layout.PROCESS.size))
    for at, name in enumerate(layout.SETTINGS_FIELDS):
        lines.append(_same(f"__builtin_offsetof(struct settings, {name})", 4 * at))
    lines.append(_same("sizeof(struct settings)", layout.SETTINGS.size))
    lines.append(_same("__builtin_offsetof(struct port_rule, match)", 0))
    lines.append(_same("sizeof(struct port_rule)", layout.PORT_RULE.size))
    lines.append(_same("sizeof(struct cpu_counters)", layout.CPU_COUNTERS.size))
    lines += [_same(name.upper(), at) for at, name in enumerate(layout.COUNTERS)]
    lines.append(_same("COUNTERS", len(layout.COUNTERS)))
    for prefix, members in _ENUMS.items():
        lines += [_same(f"{prefix}_{member.name}", member.value) for member in members]
    lines.append(_same("EVENT_VERSION", layout.VERSION))
    for name, value in inspect.getmembers(layout, lambda value: isinstance(value, int)):
        if name.startswith(("MATCH_", "FILTER_", "OWN_")) or name in {"PORTS", "MAX_BLOCK"}:
            lines.append(_same(name, value))
    lines += [_same(f"ROLE_{name.upper()}", value) for name, value in layout.ROLES.items()]
    return "\n".join(lines) + "\n"


def _same(expression: str, value: int) -> str:
    return f'_Static_assert({expression} == {value}, "{expression} is not {value}");'


def compile_program(more: str, *flags: str) -> str:
    """Compile the program with `more` appended; returns all that the compiler said."""
    task = {
        "source": str(program_source()),
        "more": more,
        "flags": ["-DCPUS=2", "-DFLOWS=64", "-DHOLDS=8", *flags],
    }
    capture = Path(loader.__file__).parent
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            ["/usr/bin/python3", "-c", _COMPILE],
            input=json.dumps(task),
            env={**os.environ, "CAPTURE": str(capture), "TMPDIR": folder},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    return done.stdout + done.stderr


def event_names() -> tuple[str, ...]:
    """The fields of a decoded event, as the contract names them."""
    assert events.Event is Event
    return Event._fields

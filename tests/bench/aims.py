"""What the agent is held to, and where it falls short."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from .figures import OURS
from .shown import size

#: ms of CPU for 1,000 exchanges, with bodies up to so many bytes
CPU_MS: Final = {10_000: 25.0, 100_000: 30.0}
#: bytes, of agent and one worker
MEMORY: Final = 60e6
START_S: Final = 2.5
#: From last packet to acknowledgement, at this rate and below, with small bodies.
LAG_RATE: Final = 5_000
LAG_MS: Final = {"acknowledged_p50_ms": 25.0, "acknowledged_p99_ms": 100.0}
#: Of a core; who has so much and loses is not slow without need.
WHOLE_CORE: Final = 0.95

_WORDS: Final = {
    "cpu_ms": "CPU for 1,000",
    "memory_peak": "memory",
    "start_s": "start",
    "acknowledged_p50_ms": "acknowledged (p50)",
    "acknowledged_p99_ms": "acknowledged (p99)",
}


def shortfalls(cells: Iterable[Mapping[str, Any]]) -> list[str]:
    """In words, what our cells miss; empty when all is well."""
    return [
        f"{size(cell['body'])} at {cell['rate']:,} a second: {what}"
        for cell in cells
        if cell["watcher"] == OURS
        for what in _short(cell)
    ]


def _short(cell: Mapping[str, Any]) -> Iterable[str]:
    for what in ("lost", "partial"):
        if cell[what] and cell["cores"] < WHOLE_CORE:
            yield f"{cell[what]:,} of {cell['served']:,} {what}, at {cell['cores']:.2f} cores"
    if cell["lost"] > cell["counted_lost"]:
        yield f"{cell['lost']:,} lost, of which {cell['counted_lost']:,} at most are counted"
    if cell["repeated"]:
        yield f"{cell['repeated']:,} told more than once"
    for what, unit, scale, aim in _limits(cell):
        value = cell[what]
        if value is not None and value > aim:
            yield f"{_WORDS[what]} {value * scale:.4g}{unit}, aim {aim * scale:.4g}{unit}"


def _limits(cell: Mapping[str, Any]) -> Iterable[tuple[str, str, float, float]]:
    for body, aim in CPU_MS.items():
        if cell["body"] <= body:
            yield "cpu_ms", " ms", 1, aim
            break
    yield "memory_peak", " MB", 1e-6, MEMORY
    yield "start_s", " s", 1, START_S
    if cell["rate"] <= LAG_RATE:
        for what, aim in LAG_MS.items():
            yield what, " ms", 1, aim

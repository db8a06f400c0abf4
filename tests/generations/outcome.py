"""Messages of a guest -> what came of one kernel: lines for a person, figures for a program."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

_HOOKS = ("cgroup", "interface")
_LOG_LINES = 40


@dataclass(slots=True)
class Outcome:
    """One kernel, by the name it was asked for; `expected` captures were given to it."""

    name: str
    expected: int
    release: str = ""
    may_goto: bool | None = None
    exchange: bool | None = None
    refused: bool = False
    load_seconds: dict[str, float] = field(default_factory=dict)
    instructions: dict[str, int | None] = field(default_factory=dict)
    same: int = 0
    differ: list[dict[str, Any]] = field(default_factory=list)
    live: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    logs: list[list[str]] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    ended: bool = False

    def note(self, message: dict[str, Any]) -> str:
        """Take in one message; what to say about it, "" for nothing."""
        match message:
            case {"kind": "system"}:
                self.release, self.may_goto = message["release"], message["may_goto"]
                self.exchange = message["exchange"]
                self.refused = message["unprivileged_refused"]
                return f"{self.release}, {self.loops}"
            case {"kind": "loaded", "hook": hook}:
                self._loaded(hook, message)
                return f"loaded in {message['seconds']} s; replays {self.expected} captures"
            case {"kind": "capture", "same": True}:
                self.same += 1
            case {"kind": "capture"}:
                self.differ.append(message)
                return f"{message['name']} differs"
            case {"kind": "live", "hook": hook}:
                self._loaded(hook, message)
                self.live[hook] = message["records"]
                return f"{hook} hook: {message['records']} records of as many requests"
            case {"kind": "problem"}:
                self.problems.append(f"{message['check']}: {message['text']}")
                return self.problems[-1]
            case {"kind": "log"}:
                self.logs.append(message["lines"])
            case {"kind": "end"}:
                self.ended = True
        return ""

    def _loaded(self, hook: str, message: dict[str, Any]) -> None:
        self.load_seconds[hook] = message["seconds"]
        self.instructions[hook] = message["instructions"]

    @property
    def loops(self) -> str:
        """Which kind of loops the program was loaded with."""
        return {None: "?", True: "may_goto", False: "bounded"}[self.may_goto]

    @property
    def ok(self) -> bool:
        """Whether everything was as on the host."""
        everything = self.same == self.expected and set(self.live) == set(_HOOKS)
        return self.ended and self.refused and everything and not self.problems and not self.differ

    def explanation(self) -> Iterator[str]:
        """Lines that say what is not well."""
        if self.release and not self.refused:
            yield "nobody may still make bpf() calls: unprivileged_bpf_disabled=2 was not obeyed"
        yield from self.problems
        for log in self.logs:
            yield from (f"    {line}" for line in log[-_LOG_LINES:])
        for difference in self.differ:
            yield f"{difference['name']}, exit code {difference['code']}, first difference:"
            yield f"    record {difference['record']}"
            yield f"    host:  {difference['host']}"
            yield f"    guest: {difference['guest']}"
        if not self.ended:
            yield "the job did not come to its end; it also said:"
            yield from (f"    {line}" for line in self.unexplained[-_LOG_LINES:])

    def figures(self) -> dict[str, Any]:
        """The same for a program."""
        return {
            "kernel": self.name,
            "release": self.release,
            "ok": self.ok,
            "loops": self.loops,
            "exchange": self.exchange,
            "seconds_to_load": self.load_seconds,
            "verified_instructions": self.instructions,
            "captures": self.expected,
            "same": self.same,
            "differ": [difference["name"] for difference in self.differ],
            "live_records": self.live,
            "problems": self.problems,
        }

    def cells(self) -> tuple[str, ...]:
        """One row of the table."""
        seconds = self.load_seconds.get("replay")
        return (
            self.name,
            self.release,
            self.loops,
            {None: "?", True: "yes", False: "no"}[self.exchange],
            "-" if seconds is None else f"{seconds:.1f}",
            *(_thousands(self.instructions.get(hook)) for hook in ("replay", *_HOOKS)),
            f"{self.same}/{self.expected}",
            str(len(self.differ)),
            *("yes" if hook in self.live else "NO" for hook in _HOOKS),
            "ok" if self.ok else "FALLS SHORT",
        )


_TITLES = (
    "kernel", "release", "loops", "xchg", "load s", "insns replay", "cgroup", "interface",
    "same", "differ", "live cgroup", "live interface", "",
)  # fmt: skip


def _thousands(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def table(outcomes: Sequence[Outcome]) -> str:
    """All of them, a row each."""
    rows = [_TITLES, *(outcome.cells() for outcome in outcomes)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )

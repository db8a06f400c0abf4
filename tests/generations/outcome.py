"""Messages of a guest -> what came of one kernel: a table for a person, figures for a program."""

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
    #: What `shipper doctor` would say there: whether the kernel has each, by name.
    features: dict[str, bool] = field(default_factory=dict)
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
                self.release, self.features = message["release"], message["features"]
                self.refused = message["unprivileged_refused"]
                return self.release
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
            "features": self.features,
            "seconds_to_load": self.load_seconds,
            "verified_instructions": self.instructions,
            "captures": self.expected,
            "same": self.same,
            "differ": [difference["name"] for difference in self.differ],
            "live_records": self.live,
            "problems": self.problems,
        }

    def column(self) -> Iterator[tuple[str, str]]:
        """What a table has to say of it: what of, and the words."""
        yield "release", self.release or "-"
        yield from ((f"has {name}", _YES[there]) for name, there in self.features.items())
        yield "captures with the same records as on this host", f"{self.same} of {self.expected}"
        for hook in _HOOKS:
            yield f"{hook} hook, live, as nobody", _YES[hook in self.live]
        yield "seconds to compile and load, emulated", _number(self.load_seconds.get("replay"))
        for build in ("replay", *_HOOKS):
            words = _number(self.instructions.get(build))
            yield f"instructions that the verifier followed, {build}", words
        yield "all in all", "ok" if self.ok else "FALLS SHORT"


_YES = {True: "yes", False: "no"}


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def table(outcomes: Sequence[Outcome]) -> str:
    """All of them as a table of Markdown: a column each."""
    columns = [dict(outcome.column()) for outcome in outcomes]
    titles = dict.fromkeys(title for column in columns for title in column)
    rows = [
        ["", *(outcome.name for outcome in outcomes)],
        ["---"] * (len(outcomes) + 1),
        *([title, *(column.get(title, "-") for column in columns)] for title in titles),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)

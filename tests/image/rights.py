"""The sets of rights that the agent is started with, and what each is expected to do."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PROFILE = CHECKOUT / "config/seccomp/shipper.json"
#: What attaching needs, by hook.
ATTACH = {"cgroup": "NET_ADMIN", "interface": "NET_RAW"}
#: A user who is nobody else's.
STRANGER = "10001:10001"


@dataclass(frozen=True, slots=True)
class Rights:
    """One way to start the agent: `capabilities` beyond none, or beyond the engine's own."""

    hook: str
    name: str
    capabilities: tuple[str, ...] = ()
    user: str = ""
    seccomp: str = "ours"
    privileged: bool = False
    keeps_defaults: bool = False
    private_cgroup: bool = False
    works: bool = True

    def options(self) -> list[str]:
        """What podman is told."""
        if self.privileged:
            return ["--privileged"]
        words = [] if self.keeps_defaults else ["--cap-drop=ALL", "--read-only"]
        words += ["--security-opt=no-new-privileges"] if not self.keeps_defaults else []
        words += [f"--cap-add={name}" for name in self.capabilities]
        words += [f"--user={self.user}"] if self.user else []
        words += [f"--security-opt=seccomp={PROFILE}"] if self.seccomp == "ours" else []
        return words


def cases(hook: str) -> Iterator[Rights]:
    """Every set for a hook."""
    loading = ("BPF", ATTACH[hook], "PERFMON")
    changing = ("CHOWN", "SETGID", "SETUID")
    least = Rights(hook, "root, the least", (*loading, *changing))
    yield least
    for name in least.capabilities:
        rest = tuple(one for one in least.capabilities if one != name)
        yield replace(least, name=f"root, without {name}", capabilities=rest, works=False)
    yield Rights(hook, "uid 10001, ambient", loading, user=STRANGER)
    if hook == "cgroup":
        yield replace(least, name="root, the least, private cgroup namespace", private_cgroup=True)
    yield replace(
        least, name="the same, the engine's seccomp profile", seccomp="engine", works=False
    )
    yield Rights(
        hook,
        "the engine's defaults and SYS_ADMIN",
        ("SYS_ADMIN", ATTACH[hook]),
        seccomp="engine",
        keeps_defaults=True,
    )
    yield Rights(hook, "privileged", privileged=True)

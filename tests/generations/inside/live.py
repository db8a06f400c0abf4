"""`shipper run` under this kernel, with real requests over loopback, as it is run elsewhere.

Everything that the agent does once it has started, it does as nobody, whom this kernel refuses
every bpf() call: the probe makes sure of both.
"""

import json
import os
import pwd
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from live.bpf_objects import NONE, Objects, held_by
from product import agent as running
from product.agent import Agent, ask, serving

from shipper.capture.loader import create_ring

from .message import tell
from .objects import verified_by_id
from .patient import PATIENCE_S

REQUESTS = 20
_PATIENCE_S = 120.0
_UNPRIVILEGED = Path("/proc/sys/kernel/unprivileged_bpf_disabled")
_NOBODY = "nobody"
_PATIENT = "generations.inside.patient"


def refuse_unprivileged() -> bool:
    """Set unprivileged_bpf_disabled=2; True when nobody is then refused a ring of his own."""
    _UNPRIVILEGED.write_text("2")
    pid = os.fork()
    if pid:
        refused = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        return refused and _UNPRIVILEGED.read_text().strip() == "2"
    code = 1
    try:
        os.setresuid(*[pwd.getpwnam(_NOBODY).pw_uid] * 3)
        create_ring(4096)
    except PermissionError:
        code = 0
    finally:
        os._exit(code)


def _eventually(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + _PATIENCE_S
    while not condition() and time.monotonic() < end:
        time.sleep(0.1)
    return condition()


def _is_powerless(pid: int) -> bool:
    """Whether all of a process's users are nobody, and it has no capability."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    fields = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    nobody = pwd.getpwnam(_NOBODY).pw_uid
    users = {int(user) for user in fields["Uid"].split()}
    return users == {nobody} and all(
        int(fields[name], 16) == 0 for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")
    )


class Shortfall(Exception):  # noqa: N818 - what was not as it should be
    """What should have been, and was not."""


def _expect(holds: object, what: str) -> None:
    if not holds:
        raise Shortfall(what)


def _look(agent: Agent) -> Objects:
    """The processes are powerless; what they hold of the kernel."""
    pids = agent.pids
    _expect(len(pids) > 1, "the agent has a worker")
    _expect(all(map(_is_powerless, pids)), "agent and worker are nobody and have no capability")
    return held_by(*pids)


def _ask(agent: Agent, port: int) -> list[str]:
    """Requests that are seen while it runs, and one more right before it ends; their paths."""
    paths = [f"/request/{number}" for number in range(REQUESTS)]
    for path in paths:
        ask(port, path)
    _expect(_eventually(lambda: len(agent.records()) >= REQUESTS), "records come while it runs")
    ask(port, "/last")
    return [*paths, "/last"]


def _read(agent: Agent, hook: str, paths: list[str]) -> None:
    """One right record for each request."""
    records = agent.records()
    seen = [record["url"]["path"] for record in records]
    _expect(sorted(seen) == sorted(paths), f"one record for each request, not {seen}")
    for record in records:
        response = record["http"]["response"]
        told = (record["shipper"]["hook"], response["status_code"], response["body"]["bytes"])
        _expect(told == (hook, 200, 5), f"each is of this hook, 200 and 5 bytes, not {told}")
        process = record.get("process")
        _expect(
            process is not None and process["pid"] == os.getpid(),
            f"each names the server's process, {os.getpid()}, not {process}",
        )


def _watch(agent: Agent, port: int, hook: str) -> int | None:
    """One agent from ready to its end; the instructions that the verifier followed."""
    pids, held = agent.pids, _look(agent)
    instructions = verified_by_id(min(held.programs))
    paths = _ask(agent, port)
    code = agent.stop(signal.SIGTERM)
    _expect(code == 0, f"it ends with 0, not {code}: {agent.said[-3:]}")
    _read(agent, hook, paths)
    _expect(not [pid for pid in pids if Path(f"/proc/{pid}").exists()], "no process is left")
    _expect(_eventually(lambda: held.alive() == NONE), "no program, link or map is left")
    counted = json.loads(agent.said[-1]).get("kernel", {})
    _expect(counted.get("packets"), f"the mapped counters count packets: {counted}")
    _expect("ring_full" not in counted, "every event found room")
    return instructions


def probe(hook: str, work: Path) -> None:
    """Run the agent with one hook, on loopback, and tell how it went."""
    os.environ["SHIPPER_CAPTURE__HOOK"] = hook
    if hook == "interface":
        os.environ["SHIPPER_CAPTURE__INTERFACES"] = "lo"
    started = time.monotonic()
    with serving() as port:
        running.READY_S = running.END_S = int(PATIENCE_S)
        agent = Agent([sys.executable, "-m", _PATIENT], work / f"{hook}.jsonl", port)
        ready = round(time.monotonic() - started, 1)
        instructions = _watch(agent, port, hook)
    tell("live", hook=hook, seconds=ready, instructions=instructions, records=REQUESTS + 1)

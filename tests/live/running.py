"""The whole agent as a process of its own, `shipper run`, and what can be seen of it."""

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .bpf_objects import NONE, Objects, held_by
from .netns import PORT
from .workload import Row

_READY = 60.0
_DEADLINE = 60.0


def eventually(condition: Callable[[], bool], what: str, deadline: float = _DEADLINE) -> None:
    """Wait until it holds; it is wrong that it does not come, not that it takes its time."""
    end = time.monotonic() + deadline
    while not condition():
        assert time.monotonic() < end, f"{deadline:.0f} s passed without: {what}"
        time.sleep(0.05)


class Agent:
    """One `shipper run`, ready when constructed. Its files lie where nobody may look."""

    def __init__(
        self,
        lines: str = "",
        *,
        outputs: tuple[str, ...] = (),
        through: tuple[str, ...] = (),
        passed: tuple[int, ...] = (),
    ) -> None:
        """`through` is a command that starts it, with the descriptors `passed`."""
        self._folder = tempfile.TemporaryDirectory(prefix="shlive-")
        at = Path(self._folder.name)
        at.chmod(0o755)
        self.output = at / "records.jsonl"
        config = at / "shipper.toml"
        config.write_text(
            f"output = {json.dumps([f'file:{self.output}', *outputs])}\n"
            f"{lines}\n"
            f"[capture.include]\nports = [{PORT}]\n"
            '[agent]\nlog_format = "json"\nshutdown_timeout = 30\n'
        )
        self.process = subprocess.Popen(
            [*through, sys.executable, "-m", "shipper", "run", "--config", str(config)],
            pass_fds=passed,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.said: list[dict[str, Any]] = []
        self._reader = threading.Thread(target=self._listen, daemon=True)
        self._reader.start()
        try:
            eventually(
                lambda: self.heard("ready") is not None or self.process.poll() is not None,
                "the agent is ready",
                _READY,
            )
            assert self.process.poll() is None, f"the agent ended: {self.said}"
        except AssertionError:
            self.close()
            raise
        self.pids = [self.process.pid, *self._children()]
        self.objects: Objects = held_by(*self.pids)

    def _listen(self) -> None:
        for line in self.process.stderr or ():
            try:
                self.said.append(json.loads(line))
            except ValueError:
                self.said.append({"event": "not JSON", "message": line.rstrip()})

    def _children(self) -> list[int]:
        pid = self.process.pid
        return [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]

    def heard(self, event: str) -> dict[str, Any] | None:
        """The last line of its log about an event."""
        return next((line for line in reversed(self.said) if line.get("event") == event), None)

    def signal(self, number: int = signal.SIGTERM) -> int:
        """Tell it to end; its exit code once it has."""
        self.process.send_signal(number)
        code = self.process.wait(_DEADLINE)
        self._reader.join(10)
        return code

    def gone(self) -> None:
        """Wait until no process, program and link of it is left."""
        eventually(
            lambda: not [pid for pid in self.pids if Path(f"/proc/{pid}").exists()],
            f"none of the processes {self.pids} is left",
        )
        eventually(lambda: self.objects.alive() == NONE, "no program, link or map is left")

    def records(self) -> list[dict[str, Any]]:
        """What it has written so far, whole lines."""
        lines = self.output.read_bytes().splitlines(keepends=True)
        return [json.loads(line) for line in lines if line.endswith(b"\n")]

    def close(self) -> None:
        """End it whatever it does, and forget its files."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_DEADLINE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(10)
        self._folder.cleanup()


def row(record: dict[str, Any]) -> Row:
    """What a record says, as nginx's log has it: text in records is ISO-8859-1."""
    request = record["http"]["request"]
    return Row(
        request["headers"].get("x-request-id", [""])[0],
        request["method"],
        record["url"]["original"],
        record["http"]["response"]["status_code"],
        record["source"]["ip"],
        record["source"]["port"],
        record["destination"]["ip"],
        record["destination"]["port"],
        record["user_agent"]["original"].encode("latin-1").decode(),
    )

"""`shipper run` as a process of its own, with its log understood."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

START_S = 90.0
END_S = 60.0


def eventually(condition: Callable[[], bool], what: str, within_s: float = START_S) -> None:
    """Wait until it holds."""
    end = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"{within_s:.0f} s passed without: {what}")
        time.sleep(0.05)


class Agent:
    """One run of the agent; `settings` are dotted keys of the configuration."""

    def __init__(
        self, settings: Mapping[str, object], *, environment: Mapping[str, str] | None = None
    ) -> None:
        flags = [f"--set={key}={_text(value)}" for key, value in settings.items()]
        self.said: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "shipper", "run", *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def ready(self) -> "Agent":
        """Wait until it captures."""
        eventually(lambda: self.heard("ready") or self.process.poll() is not None, "ready")
        if self.process.poll() is not None:
            raise AssertionError(f"the agent ended at its start: {self.lines()[-3:]}")
        return self

    def heard(self, event: str) -> bool:
        """Whether it said this kind of thing."""
        return any(line.get("event") == event for line in self.said)

    def lines(self, *levels: str) -> list[str]:
        """What it said, at these levels or at all."""
        return [
            str(line["message"]) for line in self.said if not levels or line.get("level") in levels
        ]

    def says(self, *words: str, within_s: float = 30.0) -> None:
        """Wait for a warning or an error with these words in it."""
        eventually(
            lambda: any(
                all(word in line for word in words) for line in self.lines("warning", "error")
            ),
            f"a line with {words}, but {self.lines()[-5:]}",
            within_s,
        )

    def last_words(self) -> list[str]:
        """All that one which has ended has said."""
        self._listener.join(5)
        return self.lines()

    def worker(self) -> int:
        """The process id of its first worker."""
        pid = self.process.pid
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Signal it and wait; the exit code."""
        self.process.send_signal(number)
        code = self.process.wait(END_S)
        self._listener.join(5)
        return code

    def kill(self) -> None:
        """SIGKILL the agent and its workers at once, as an out-of-memory killer may."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        os.kill(pid, signal.SIGSTOP)  # so that it starts nothing meanwhile
        for child in children:
            os.kill(int(child), signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        self.process.wait(END_S)

    def _listen(self) -> None:
        for line in self.process.stderr or ():
            try:
                said = json.loads(line)
            except ValueError:
                said = {"event": "raw", "level": "error", "message": line.strip()}
            self.said.append(said)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return json.dumps(list(value))
    return str(value)

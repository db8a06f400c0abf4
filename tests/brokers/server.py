"""A command in; the server that it starts out: waited for until it answers, ended with its test."""

import os
import signal
import subprocess
from abc import abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from shipper.closing import Closing
from shipper.errors import UnavailableError

from .waiting import eventually

#: How long a start may take (seconds); 5 to 20 s on an idle machine.
READY_S = 180.0

Word = str | Path


def started(
    *command: Word,
    output: Path,
    user: tuple[str, ...] = (),
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """A process that ends with the thread that started it, however that ends.

    `user` are setpriv's words for whom it becomes. A Ctrl-C for the tests is not one for it.
    """
    with output.open("ab") as said:
        return subprocess.Popen(
            ["setpriv", *user, "--pdeathsig", "KILL", *command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def last_words(text: str) -> str:
    """The last line that names an error, or else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "Exception" in line or "ERROR" in line]
    return (telling or lines or ["it said nothing"])[-1]


class Server(Closing):
    """One process, and what it prints (`output`)."""

    def __init__(self, name: str, output: Path) -> None:
        self.output = output
        self._name = name
        self._process: subprocess.Popen[bytes] | None = None

    def ready(self) -> None:
        """Wait until it answers. It is closed when it does not: UnavailableError."""
        try:
            eventually(self._serves, f"{self._name} serves", READY_S)
        except BaseException:
            self.close()
            raise

    @abstractmethod
    def _answers(self) -> bool:
        """Whether it is ready; OSError: not yet."""

    def _end(self) -> None:
        """SIGKILL for it and whatever it has started."""
        if self._process is not None:
            with suppress(ProcessLookupError):  # it has ended, and so has all that it started
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def _serves(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            said = last_words(self.output.read_text(errors="replace"))
            raise UnavailableError(f"{self._name} has ended", said)
        try:
            return self._answers()
        except OSError:
            return False

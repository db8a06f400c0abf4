"""A real terminal: tmux, its screen as text, and its keys."""

import itertools
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable

from shipper.closing import Closing

_numbers = itertools.count()
_PATIENCE_S = 30.0


class Terminal(Closing):
    """A tmux server of its own with one window that runs a command of shipper's.

    When the command ends, its exit code stands on the screen as `ended with N`.
    """

    def __init__(self, width: int, height: int, *arguments: str) -> None:
        self._name = f"shipper-test-{os.getpid()}-{next(_numbers)}"
        command = shlex.join([sys.executable, "-m", "shipper", *arguments])
        self._tmux(
            "-f", "/dev/null", "new-session", "-d", "-x", f"{width}", "-y", f"{height}",
            f"{command}; echo ended with $?; exec sleep 60",
        )  # fmt: skip

    def screen(self) -> str:
        """What is on it."""
        return self._tmux("capture-pane", "-p")

    def coloured(self) -> str:
        """The same with escape sequences for its colours."""
        return self._tmux("capture-pane", "-p", "-e", "-N")

    def press(self, *keys: str) -> None:
        """Press keys, named as tmux does."""
        self._tmux("send-keys", *keys)

    def resize(self, width: int, height: int) -> None:
        """As if somebody pulled at the window's corner."""
        self._tmux("resize-window", "-x", f"{width}", "-y", f"{height}")

    def unchanged(self, screen: str) -> bool:
        """Whether it is still the same a while later: a redraw may come in parts."""
        time.sleep(0.5)
        return self.screen() == screen

    def until(self, holds: Callable[[str], bool], what: str) -> str:
        """The screen, once something holds of it."""
        deadline = time.monotonic() + _PATIENCE_S
        while not holds(screen := self.screen()):
            assert time.monotonic() < deadline, f"never came: {what}; there is\n{screen}"
            time.sleep(0.1)
        return screen

    def close(self) -> None:
        """End whatever runs in it."""
        self._tmux("kill-server")

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._name, *words],
            capture_output=True, text=True, check=False, env=_environment(),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout


def _environment() -> dict[str, str]:
    """Ours without the size of a terminal that is not the one that we make."""
    ours = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    return {**ours, "LC_ALL": "C.UTF-8"}

"""Has atheris drive one harness: `python -m fuzz.target HARNESS [libFuzzer's arguments]`.

What libFuzzer starts again by itself (`-merge=1`) it starts by the name of a program, which a
module is not: so it is given a script that starts this.
"""

import importlib
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import atheris  # type: ignore[import-untyped]  # it ships none

HARNESSES = ("assembly", "block", "proxy", "spool")


def _without_alarm(check: Callable[[bytes], None]) -> Callable[[bytes], None]:
    """The harness, which stops libFuzzer's clock when it fails.

    Python gives SIGALRM back while it ends; an alarm then would end the process before libFuzzer
    has written down the input.
    """

    def judged(data: bytes) -> None:
        try:
            check(data)
        except BaseException:
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise

    return judged


def main() -> None:
    """Fuzz until libFuzzer ends the process."""
    name, *arguments = sys.argv[1:]
    with atheris.instrument_imports(
        include=["shipper.http", "shipper.delivery.spool.frames"], enable_loader_override=False
    ):
        harness = importlib.import_module(f"fuzz.{name}")
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "target"
        start = shlex.join([sys.executable, "-m", "fuzz.target", name])
        script.write_text(f'#!/bin/sh\nexec {start} "$@"\n')
        script.chmod(0o700)
        longest = f"-max_len={harness.LONGEST}"
        atheris.Setup([os.fspath(script), longest, *arguments], _without_alarm(harness.check))
        atheris.Fuzz()


if __name__ == "__main__":
    main()

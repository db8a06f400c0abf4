"""`shipper watch`, several processes with one set of rules: those of config/, with shorter times.

What has to be learned for hours, or to last for minutes, can't be waited for here; measures,
groups and limits are those that are shipped, but for one.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from consumers.contracts import ROOT

_PROGRAM = ROOT / ".venv-insight" / "bin" / "shipper"
_END_S = 60.0
_STEADY = '\nleast = 20\nwindow = "20s"\nlearn = "60s"'
#: In the order of the file: what stands there, and what stands here instead.
_SHORTER = (
    ('grace = "10s"', 'grace = "5s"'),
    ('window = "2m"\nfor = "1m"', 'window = "20s"\nfor = "5s"'),
    ('least = 100\nwindow = "5m"\nlearn = "6h"', _STEADY),
    # A busy machine may hold up a whole window's requests for a second or two.
    ("floor = 0.5 ", "floor = 2.0 "),
    ('shorter ones are taken for this\nleast = 50\nwindow = "5m"\nlearn = "6h"', _STEADY),
    ('a tenth of its requests\nleast = 50\nwindow = "5m"\nlearn = "6h"', _STEADY),
    ('field = "method"\nlearn = "1d"', 'field = "method"\nlearn = "60s"'),
    ('path = "detections/rules"', f'path = "{ROOT}/config/detections/rules"'),
    ('path = "detections/correlations"', f'path = "{ROOT}/config/detections/correlations"'),
)


def rules(folder: Path) -> Path:
    """The rules' file for a run."""
    text = (ROOT / "config" / "watch.toml").read_text("utf-8")
    for shipped, shorter in _SHORTER:
        assert text.count(shipped) == 1, f"config/watch.toml has no longer {shipped!r}"
        text = text.replace(shipped, shorter)
    path = folder / "watch.toml"
    path.write_text(text)
    return path


class Watchers:
    """So many processes of one group."""

    def __init__(self, bootstrap: str, rules: Path, count: int) -> None:
        command = [
            *(str(_PROGRAM), "watch", "--rules", str(rules), "--from-beginning"),
            *("--bootstrap-servers", bootstrap, "--set", "agent.log_format=json"),
        ]
        self._outputs = [rules.with_name(f"watch-{n}.log") for n in range(count)]
        self._processes = []
        for output in self._outputs:
            with output.open("wb") as said:
                self._processes.append(
                    subprocess.Popen(
                        command, stdout=subprocess.DEVNULL, stderr=said, env=os.environ
                    )
                )

    def running(self) -> bool:
        """Whether all of them do; AssertionError with what one said that has ended."""
        for process, output in zip(self._processes, self._outputs, strict=True):
            assert process.poll() is None, output.read_text()[-2000:]
        return True

    def end(self) -> list[dict[str, Any]]:
        """In order; what each of them counted."""
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            assert process.wait(_END_S) == 0
        return [json.loads(path.read_text().splitlines()[-1]) for path in self._outputs]

    def kill(self) -> None:
        """Leave none running."""
        for process in self._processes:
            process.kill()
            process.wait()


@contextlib.contextmanager
def watching(bootstrap: str, folder: Path, count: int) -> Iterator[Watchers]:
    """Processes that watch from the first record on."""
    watchers = Watchers(bootstrap, rules(folder), count)
    try:
        yield watchers
    finally:
        watchers.kill()

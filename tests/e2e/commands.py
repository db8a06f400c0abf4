"""What a user types: `shipper` as a process of its own, its JSON understood."""

import json
import subprocess
import sys
from typing import Any

_PATIENCE_S = 120.0


def shipper(*words: str) -> Any:  # noqa: ANN401 - whatever JSON it prints
    """Run a command that has to succeed; AssertionError with what it said if it does not."""
    done = subprocess.run(
        [sys.executable, "-m", "shipper", *words],
        capture_output=True,
        text=True,
        check=False,
        timeout=_PATIENCE_S,
    )
    assert done.returncode == 0, f"shipper {words[0]} ended with {done.returncode}: {done.stderr}"
    return json.loads(done.stdout)

"""Results to where they are kept: beside the benchmarks what the README shows, else in `build/`."""

import json
from pathlib import Path
from typing import Any, Final

_CHECKOUT: Final = Path(__file__).parents[2]
#: Of runs in their full form; `make chart-bench` draws these.
KEPT: Final = Path(__file__).parent / "results"
_TRIALS: Final = _CHECKOUT / "build" / "bench"


def store(name: str, result: dict[str, Any], *, full: bool) -> Path:
    """Write it down; where that was, seen from the checkout."""
    folder = KEPT if full else _TRIALS
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return path.relative_to(_CHECKOUT)


def stored(name: str) -> dict[str, Any] | None:
    """What a full run has left; None if there was none."""
    path = KEPT / f"{name}.json"
    if not path.exists():
        return None
    found: dict[str, Any] = json.loads(path.read_text())
    return found

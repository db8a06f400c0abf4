"""The job of a guest: every check in turn; one that fails keeps no other from being made."""

import os
import platform
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

from shipper.capture import HookName, abilities

from . import captures, live
from .message import tell
from .refusal import verifier_log

_JOB = Path("/job")
#: What the loader says when it was the verifier.
_REFUSED = "the kernel refused the program"


def _attempt(check: str, hook: HookName, work: Path, act: Callable[[], None]) -> None:
    try:
        act()
    except live.Shortfall as error:
        tell("problem", check=check, text=f"not so: {error}")
    except Exception as error:  # noqa: BLE001 - whatever it is, the host is to read it
        tell("problem", check=check, text=f"{type(error).__name__}: {error}")
        log = verifier_log(hook, work) if _REFUSED in str(error) else []
        tell("log", check=check, lines=log or traceback.format_exc().splitlines())


def main() -> None:
    """Tell what this kernel is, and how each check went."""
    tell(
        "system",
        release=platform.release(),
        features={each.name: each.there for each in abilities()},
        unprivileged_refused=live.refuse_unprivileged(),
    )
    os.umask(0o022)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        work.chmod(0o755)
        _attempt("captures", "replay", work, lambda: captures.compare(_JOB, work))
        _attempt("cgroup", "cgroup", work, lambda: live.probe("cgroup", work))
        _attempt("interface", "interface", work, lambda: live.probe("interface", work))
    tell("end")


main()

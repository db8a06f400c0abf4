"""Boots each kernel, shows a table of what was seen there, and ends with one JSON object.

python -m generations [--kernel NAME]... [--image IMAGE]
"""

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from shipper.errors import PrivilegeError, ShipperError, UsageError

from . import archive, images, job, machine
from .outcome import Outcome, table

_CHECKOUT = Path(__file__).parents[2]
#: Each has two processors of its own, which this host may not have.
_AT_ONCE = 2
#: A machine that ends before the job has said a word is the emulator's fault, and is booted again.
_BOOTS = 3
_STARTED = time.monotonic()


def say(text: str) -> None:
    """Progress, for a person who waits."""
    sys.stderr.write(f"{time.monotonic() - _STARTED:6.0f} s  {text}\n")


def arguments(argv: Sequence[str]) -> argparse.Namespace:
    """What was asked; UsageError when there is no such kernel."""
    parser = argparse.ArgumentParser(prog="generations", description=(__doc__ or "").split("\n")[0])
    names = [generation.name for generation in images.GENERATIONS]
    parser.add_argument(
        "--kernel", action="append", metavar="NAME", help=f"{', '.join(names)} (repeatable; all)"
    )
    parser.add_argument(
        "--captures", type=Path, default=_CHECKOUT.parent / "shared/captures", metavar="FOLDER"
    )
    parser.add_argument("--image", help="podman's: the guests' root, with what is in it")
    given = parser.parse_args(argv)
    unknown = set(given.kernel or ()) - set(names)
    if unknown:
        raise UsageError(f"there is no kernel {unknown.pop()!r} here", f"name {', '.join(names)}")
    if given.image and len({one.processor.name for one in _chosen(given.kernel)}) > 1:
        raise UsageError("an image is for one processor", "name kernels of that one (--kernel)")
    return given


def _chosen(names: Sequence[str] | None) -> list[images.Generation]:
    return [one for one in images.GENERATIONS if not names or one.name in names]


def boot(
    generation: images.Generation,
    project: job.Project,
    disk: images.Root,
    packed: Path,
    count: int,
) -> Outcome:
    """Boot one kernel and let it do the job; what came of it."""
    outcome = Outcome(generation.name, count)
    debian = archive.find_archive()
    try:
        assembled = images.assemble(debian, generation, disk, packed, project.cache)
        console = project.cache / f"console-{generation.name}.log"
        for _ in range(_BOOTS):
            say(f"{generation.name}: boots; its console is {console}")
            outcome.unexplained = machine.run(
                assembled, console, lambda it: note(outcome, it, project.cache)
            )
            if outcome.release:
                break
        assembled.initial.unlink()
    except machine.Silent:
        outcome.problems.append("the machine said nothing for too long")
    except ShipperError as error:
        outcome.problems.append(str(error))
    say(f"{generation.name}: {'as on this host' if outcome.ok else 'FALLS SHORT'}")
    return outcome


def note(outcome: Outcome, message: machine.Message, cache: Path) -> None:
    """Take a message of a guest in, and say what a person wants to follow."""
    line = outcome.note(message)
    if line:
        say(f"{outcome.name}: {line}")
    if message["kind"] == "log":
        path = cache / f"problem-{outcome.name}-{message['check']}.log"
        path.write_text("\n".join(message["lines"]) + "\n")
        say(f"{outcome.name}: what the verifier or Python said of it is in {path}")


def main(argv: Sequence[str]) -> int:
    """Everything; the exit code."""
    given = arguments(argv)
    if os.geteuid() != 0:
        raise PrivilegeError("building a root file system needs root", "run this as root")
    cache = _CHECKOUT / "build/generations"
    project = job.Project(_CHECKOUT, given.captures, cache)
    cache.mkdir(parents=True, exist_ok=True)
    chosen = _chosen(given.kernel)
    processors = {one.processor.name: one.processor for one in chosen}.values()
    say("the root file system of the guests (kept for the next time)")
    debian = archive.find_archive()
    roots = {each.name: images.root(debian, each, cache) for each in processors}
    with tempfile.TemporaryDirectory(dir=cache, prefix="run-") as folder:
        say("the package, and what this host makes of the captures")
        count, packed = job.pack(project, processors, Path(folder), installed=bool(given.image))
        if given.image:
            roots = {
                name: images.container_root(given.image, disk, Path(folder))
                for name, disk in roots.items()
            }
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            boots = []
            for one in chosen:
                name = one.processor.name
                boots.append(pool.submit(boot, one, project, roots[name], packed[name], count))
            outcomes = [each.result() for each in boots]
    ok = all(outcome.ok for outcome in outcomes)
    lines = [
        table(outcomes),
        *(f"{one.name}: {line}" for one in outcomes for line in one.explanation()),
        json.dumps({"ok": ok, "kernels": [outcome.figures() for outcome in outcomes]}),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0 if ok else 1


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ShipperError as error:
        sys.stderr.write(f"generations: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)

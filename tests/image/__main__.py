"""Builds the image, or starts it with every set of rights; the last line is one JSON object.

python -m image build [--processor arm64]
python -m image test [--hook cgroup|interface] [--base debian:trixie-slim]

With another base, whose Python and bcc are others, it is started with the least rights alone.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from generations.processor import HERE

from shipper.errors import PrivilegeError, ShipperError

from . import outcome
from .build import build
from .engine import LIBRARIES
from .neighbour import neighbour
from .rights import ATTACH, cases
from .trial import trial

_CHECKOUT = Path(__file__).parents[2]
_STARTED = time.monotonic()


def say(text: str) -> None:
    """Progress, for a person who waits."""
    sys.stderr.write(f"{time.monotonic() - _STARTED:6.0f} s  {text}\n")


def make(processor: str) -> int:
    """Build the image and show what is in it."""
    say("building the image")
    image = build(_CHECKOUT, processor=processor)
    sys.stdout.write(
        f"{outcome.contents(image)}\n{json.dumps({'ok': image.ok, **asdict(image)})}\n"
    )
    return 0 if image.ok else 1


def try_out(hooks: Sequence[str], on: str | None) -> int:
    """Build the image, start it with every set of rights, show what was seen."""
    say("building the image (what is there already is not built again)")
    image = build(_CHECKOUT, on=on)
    starts = []
    wanted = [rights for hook in hooks for rights in islice(cases(hook), 1 if on else None)]
    with neighbour(image.name) as other, trial(image.name, other) as run:
        for rights in wanted:
            seen = run.start(rights)
            starts.append(seen)
            mark = "" if seen.ok else "   NOT AS EXPECTED"
            say(f"{rights.hook}: {rights.name}: {'works' if seen.works else 'does not'}{mark}")
    figures = outcome.figures(image, starts)
    sys.stdout.write(f"{outcome.rights(starts)}\n{json.dumps(figures)}\n")
    return 0 if figures["ok"] else 1


def main(argv: Sequence[str]) -> int:
    """Everything; the exit code."""
    parser = argparse.ArgumentParser(prog="image", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", choices=("build", "test"))
    parser.add_argument("--hook", choices=tuple(ATTACH), action="append", help="(both)")
    parser.add_argument("--base", metavar="IMAGE", help="(the Dockerfile's)")
    parser.add_argument("--processor", choices=tuple(LIBRARIES), default=HERE.name)
    given = parser.parse_args(argv)
    if os.geteuid() != 0:
        raise PrivilegeError("the engines are used as root here", "run this as root")
    return (
        make(given.processor)
        if given.what == "build"
        else try_out(given.hook or tuple(ATTACH), given.base)
    )


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except ShipperError as error:
        sys.stderr.write(f"image: {error}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)

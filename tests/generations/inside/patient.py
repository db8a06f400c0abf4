"""`shipper` on a machine that is emulated: the loader gets the time that it needs there."""

import os
import sys
from dataclasses import replace

from shipper import cli, wiring
from shipper.capture import CaptureSettings, HookName
from shipper.config import Config, load

#: An emulated machine is some ten times slower than a real one, and this one may be shared.
PATIENCE_S = 900.0


def configuration() -> Config:
    """The defaults, whatever is configured where this runs."""
    return load(os.devnull, environ={})


def capture_settings(config: Config, hook: HookName | None = None) -> CaptureSettings:
    """What capture is told, with more time to load."""
    return replace(_given(config, hook), load_timeout=PATIENCE_S)


_given = wiring.capture_settings

if __name__ == "__main__":
    wiring.capture_settings = capture_settings
    sys.exit(cli.main())

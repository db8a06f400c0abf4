"""Messages of the guest to the host: one JSON object a line on standard output."""

import json
import sys


def tell(kind: str, **facts: object) -> None:
    """Say something; `kind` names what."""
    sys.stdout.write(json.dumps({"kind": kind, **facts}) + "\n")
    sys.stdout.flush()

"""What the host makes of the captures, by what the guests are given: the host starts this."""

import sys
from pathlib import Path

from .captures import replay_all

if __name__ == "__main__":
    for records, code in replay_all(Path(sys.argv[1]), Path(sys.argv[2])):
        if code:
            sys.exit(f"{records.stem} does not replay on this host")

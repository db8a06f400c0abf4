"""`python -m shipper` is the program."""

import sys

from shipper.cli import main

if __name__ == "__main__":
    sys.exit(main())

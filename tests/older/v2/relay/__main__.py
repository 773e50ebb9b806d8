"""`python -m relay`: the command `relay`, where its script is not on PATH."""

import sys

from relay.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m ingress`: the command `ingress`, where its script is not on PATH."""

import sys

from ingress.cli import main

if __name__ == "__main__":
    sys.exit(main())

"""`python -m bench.load COMMAND...`: the load generator by hand."""

import os
import sys

from bench.load import Failed, program

try:
    path = program()
except Failed as error:
    sys.exit(f"bench: {error}")
os.execv(path, ["load", *sys.argv[1:]])

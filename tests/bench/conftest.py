"""bench is no installed package: it is imported from the checkout."""

import pathlib
import sys

ROOT = pathlib.Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

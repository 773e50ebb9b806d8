"""What every serving process does to itself before it serves."""

import gc

GC_THRESHOLDS = (50_000, 20, 50)
"""Allocations before a collection, and collections before those of older objects. The default of 700 walks the newest
streams hundreds of times a second; connections here make no cycles, so a collection finds next to nothing."""


def settle_memory() -> None:
    """Leave all that was imported and read out of every later collection, and collect seldom."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GC_THRESHOLDS)

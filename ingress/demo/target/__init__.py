"""A target "in the US" in a process of its own: pages that show what came through, and a report of what it saw."""

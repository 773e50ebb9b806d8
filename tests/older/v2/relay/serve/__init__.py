"""`relay serve`: a process from its start to its end, and what every serving process does."""

"""Who moved how much over what, by hour: pure counts, before they reach the state file.

usage           the two tables' rows that the file does not have yet, bounded
sums            questions that `ingress usage` asks of the file, and what an answer holds
"""

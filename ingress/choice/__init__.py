"""Which path a connection takes, and why: cost, ranking, targets, affinity, rules, moves, reports.

Pure: figures and `now` in, decisions out. The code that acts on a decision decides nothing itself.
"""

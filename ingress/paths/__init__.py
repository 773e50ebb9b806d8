"""Paths at work: carriers kept warm, streams moved between them, bulk on carriers of its own.

    fleet           all paths and peers, reloads, and the round in which figures become a ranking and the ranking moves
    live            one path: the task that keeps its carrier up (`dial`, `backoff`), and what is measured on it
    peer            one node at which carriers end, its session, and what it told of itself
    moving          the one place that attaches a stream to carriers; `pauses` times streams that stand still
    bulk, spares    carriers for streams that carry much; `ride` is one of them at work, `line_loads` what lines carry
    pairs           which two paths a redundant stream should ride on

Nothing here decides which path is better: it gives figures to `ingress/choice` and does what comes back. A live path
knows no other; what it has to say it says to its `PathListener`, which is the fleet.
"""

"""What Prometheus scrapes (`/metrics`, docs/metrics.md): read off the report when it is asked for.

    table      every metric: its name, kind, labels and help
    facts      what the samples are read off
    samples    of paths, lines, nodes, and of the ingress as a whole
    ledger     counters that go on where what they are read off begins anew
    exposition the text; it alone needs prometheus-client

No label has values that clients, targets or strangers can choose.
"""

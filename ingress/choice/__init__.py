"""Which exit and path a stream takes, and why: a `Demand` in, a `Choice` out.

    chooser         the one place that decides; everything below serves it
    demand, choice  what a stream asks for; what it is given, and by what it was decided
    ranking, cost   paths in tiers, by seconds; `entry` is one of them
    connect_times   how long each exit takes to each site; `sites` says which hosts are one
    first_bytes     how much later a site answers by one exit than by another
    affinity        a client stays at the exit that a site has seen it at
    reached         which targets were reached lately
    overdue         which streams an exit has not connected for too long
    unreached       which sites an exit could not connect to; `exit_health` says which exits reach nothing at all
    rules           which rule of the file matches
    moves           which streams should leave which path; `disjoint` finds paths that share no line
    placing         which path a bulk stream takes, by what the paths have to offer (`offers`)

Pure: figures and `now` in, decisions out, and only `Chooser.opened` and what exits report is remembered. The code that
acts on a decision decides nothing itself.
"""

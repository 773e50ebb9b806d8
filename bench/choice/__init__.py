"""The choice itself, played over hours of scripted weather without a socket; beside it an oracle and others' rules.

weather    lines, hour by hour: what the true state of each is in every step
worlds     networks of 4, 16 and 64 paths laid on shared lines, and the weathers they are played in
own_load   what we load the lines with ourselves
clients    who keep their exits
wires      a path's carrier: a lost ping delays what stands behind it, as inside TCP
ours       the project's own measuring and choosing, driven as the fleet drives it
rules      other programs' rules, re-implemented
bounds     who knows the future, and who never looks
downloads  bulk over lines of all speeds, its placing, and who knows the speeds
score      what is counted: regret, gain, switches, moves, time to leave
games      who plays which world, on all cores
report     docs/choice.md
"""

"""A wide-area network on this machine, with the kernel's own TCP: `python -m bench wan`, as root.

Network namespaces are the nodes; a small program in C (bed.c) carries their packets with delay, jitter, loss, rate and
queue, and cuts lines on command. What an emulator that relays TCP hides shows here: slow start, windows, congestion
control, retransmission.
"""

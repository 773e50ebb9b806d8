"""What hostile peers do to everybody else: a stranger, a client, an origin, a relay, an exit, a stolen key.

Real processes on the reference network are attacked, each attack from a process of its own (attack.py), while a
bystander works beside it (bystander.py). What comes of it is counted (rounds.py) and written down (report.py).
"""

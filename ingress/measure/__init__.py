"""What is known of paths and prefixes at this moment: pings, estimates, health, when to ask again, whom to blame,
what lines carry.

Pure: `now` is an argument everywhere, and nothing here knows a socket, a ranking, or a target.
"""

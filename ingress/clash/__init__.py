"""What an ingress is, in the words of Clash's API, so that the dashboards, phone apps and scripts made for that work.

Proxies are the paths; the group `auto` has all of them, and each group of exits is a group. All of it is pure: rows of
`ingress/report/` in, what is sent as JSON out. What Clash has and an ingress has not is not made up.
"""

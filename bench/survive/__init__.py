"""What becomes of connections when their path fails: `python -m bench survive`, ours and the programs beside us.

Real processes on emulated lines; clients and target are one process with one clock (pieces, watch, target, load), so
that a pause is measured where it is felt. Scenes start a system and break it; rounds measure it; report writes
docs/survive.md.
"""

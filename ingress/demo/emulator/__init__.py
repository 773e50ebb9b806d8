"""Emulated lines in a process of their own: one SOCKS5 port per line, with a real line's time, loss, rate and faults.

A relay of TCP connections shows what a line does to them, not what it does to packets: loss is the stall it causes,
a full queue is backpressure. What congestion control makes of a long fat path needs real packets to be seen.
"""

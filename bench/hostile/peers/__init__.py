"""Peers with valid keys that mean harm: a stolen ingress's key, an exit and a relay in hostile hands.

They speak through plain blocking sockets and `relay.wire` alone, in a thread or process of their own, so that tests
(tests/network, tests/world) and measurements drive the same ones:

    carrier     one carrier in hostile hands: says whatever bytes it likes
    ingress     whoever has an ingress's key, at a node's door
    node        whoever has a node's key, where ingresses dial it
    words       what they say: frames without number or sense
"""

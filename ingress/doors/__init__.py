"""Where clients enter: what they say (SOCKS, HTTP) in, what is to be done out. Pure: no socket, no clock, no await.

`sniff.door_for` picks the door by a client's first byte; the shell carries out the events (`events`) that the door
answers with and tells it what became of them (`door`). Nothing here chooses paths or checks passwords.
"""

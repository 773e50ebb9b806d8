"""Datagrams: one end of a label, which both nodes that it joins have alike. Pure: bytes and times in, bytes out.

    window   which numbers were there already
    sealing  the keys of one epoch, one for each direction
    latch    where replies go: to an address that has answered
    end      one end of a label: seals, opens, counts, says heartbeats
    backlog  datagrams that wait for a carrier, where a line is deaf to UDP
    pieces   payloads that are larger than a path carries, split and joined

What must stay true: nothing of a datagram is believed before it was opened and its number found fresh; a counter
begins at 1 with its key and never goes back, so that no key seals twice under one number.
"""

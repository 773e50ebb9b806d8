"""Where clients enter: what they say (SOCKS, HTTP) in, what is to be done out. Pure: no socket, no clock, no await.

`sniff.door_for` picks the door by a client's first byte; `ingress/client` carries out the events (`events`) that the
door answers with and tells it what became of them (`door`). Nothing here chooses paths or checks passwords.

    socks4, socks5, forward   a handshake that leads to a transparent stream; `handshake` has their states in common
    http                      CONNECT, and plain requests: `kept` is the client's connection, `request` and `strict`
                              take a request apart, `exchange` passes it to the origin and takes the answer apart
    body, headers, target     pieces of a message
    replies, pages, refusal   what is answered when there is no stream, by its cause

What holds after each call: all that is to be done was returned, in order; a door keeps at most KEPT_HARD bytes, and
asks for a pause above KEPT_SOFT. Whatever a client or an origin sends, no call raises: it is refused in the words of
its protocol (RFC 1928, RFC 1929, RFC 9110, RFC 9112), and the connection ends where it cannot go on.
"""

"""What every node does: it lets carriers in, passes them on over its own lines, and ends them in sessions.

node      a connection from its TLS handshake to what it asked for: HELLO here, or TRANSIT over a line
sessions  the sessions that end here, their streams and targets
loops     carriers that come back to a node that has passed them on
own       where our own nodes are reached, which no stream may dial
"""

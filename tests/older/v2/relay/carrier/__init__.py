"""A carrier that is up: its set-up messages, and what joins engine and session.

setup    sends and reads set-up messages on a TLS connection, with a deadline
link     joins a carrier's end in the session to its TLS connection
binding  joins a stream to a client's or target's socket
"""

"""One client's connection: a door, a choice, a stream. The only room that knows all three.

    entrance       lets a client in (`admission`) and makes a Client
    passwords      says whether a password is right, by the rules of `guesses`; hashes in threads
    client         carries out what its door asks; then it is a `tunnel`, or is closed by `closing`
    opener         opens its streams: `permits` and the rules make the demand, the choice decides; waits, opens again
    associations   all associations for datagrams and their exits; a client's is an `association`, or comes in by a
                   `datagram_forward`; `flows` is what both know of exits
    lane           one of a client's streams while its door stays in between
    client_stream  one stream that a client asked for, from its demand to CONNECTED or a cause
    hedging        an OPEN that is not acknowledged in time is said again over another path

All of it runs inside the engine, with plain calls; only the hashing of passwords leaves it. Whoever puts streams on
paths is known as the protocol `opener.Streams`: nothing here knows of paths that come and go.
"""

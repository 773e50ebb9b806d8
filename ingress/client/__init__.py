"""One client's connection: a door, a choice, a stream. The only room that knows all three."""

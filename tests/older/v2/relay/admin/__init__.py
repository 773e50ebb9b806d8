"""The admin socket: where it is, who answers at it, how it is asked."""

"""What the history of a large network costs: bytes of its file, time to write and to read it, time to watch."""

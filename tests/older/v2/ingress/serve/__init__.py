"""`ingress serve`: a process from its start to its end, its reloads, and the answers on its admin socket."""

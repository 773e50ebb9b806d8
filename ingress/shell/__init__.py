"""The running ingress: carriers kept warm, streams steered, questions answered. Trio owns lifetimes."""

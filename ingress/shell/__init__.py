"""The running ingress: carriers kept warm, streams steered, questions answered. Trio tasks own lifetimes, the engine bytes."""

"""What a page costs the ingress that serves it."""

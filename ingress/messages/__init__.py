"""The catalogue of what operators are told: every sentence under a key, in each language. Pure."""

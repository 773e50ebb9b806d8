"""Paths at work: carriers kept warm, streams moved between them, bulk on carriers of its own."""

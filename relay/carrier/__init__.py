"""A carrier that is up: its set-up messages, and the joints between engine and session."""

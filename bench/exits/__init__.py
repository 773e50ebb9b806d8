"""What clients notice when an exit answers, and reaches no targets: `python -m bench exits`."""

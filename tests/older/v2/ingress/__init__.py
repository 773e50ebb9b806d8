"""Where clients enter: doors, measuring, choice, commands."""

"""This machine as an exit of its own: what a rule sends there is dialled from here, and no line carries it."""

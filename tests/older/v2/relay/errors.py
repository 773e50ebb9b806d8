"""The error that a person can mend: commands print its text and end with 1, without a traceback."""


class OperatorError(Exception):
    """Something that is wrong with the world, not with us. Its text says what, where, and what to do about it."""

"""Callbacks that do nothing: what stands where nobody has asked to be told."""


def ignore(*_: object) -> None:
    """Take any arguments, and do nothing."""

"""What is told: that something is wrong, or that it is over, and what it did to streams."""

import attrs

Key = tuple[str, str]
"""Its kind, one of `ingress.config.alert.KINDS`, and the name of what it is about."""


@attrs.frozen
class Fact:
    """Something that is wrong now."""

    kind: str
    name: str
    why: str
    """A sentence, or empty."""

    @property
    def key(self) -> Key:
        """What makes it the same as one of another moment."""
        return self.kind, self.name


@attrs.frozen
class Effect:
    """What became of streams: counts since the start, or the difference of two moments."""

    moved: int = 0
    resumed: int = 0
    lost: int = 0

    def since(self, before: "Effect") -> "Effect":
        """What has come since *before*."""
        return Effect(self.moved - before.moved, self.resumed - before.resumed, self.lost - before.lost)


@attrs.frozen
class Notice:
    """One event's beginning, or its end."""

    kind: str
    name: str
    is_over: bool
    why: str
    seconds: float
    """For which it has lasted, or has lasted in all."""
    effect: Effect = Effect()
    times: int = 1
    """How often it was so, with short breaks."""

    @property
    def key(self) -> Key:
        """As of its fact."""
        return self.kind, self.name

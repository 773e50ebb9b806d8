"""Which paths carried a download or a call, told from what the ingress counts for each. Pure."""

LEAST = 256 * 1024
"""Bytes between two looks, at least, of a path that carries the download: measuring moves less."""


class PathUse:
    """Compares each look at the paths' counts with the one before."""

    def __init__(self, least: int = LEAST) -> None:
        self._least = least
        self._used: list[str] = []
        self._before: dict[str, int] = {}

    @property
    def used(self) -> tuple[str, ...]:
        """The paths, in the order of use."""
        return tuple(self._used)

    def look(self, carried: dict[str, int]) -> None:
        """*carried*: bytes by path, as counted so far. The path that has grown most is the one in use."""
        grown = {path: size - self._before.get(path, size) for path, size in carried.items()}
        busiest = max(grown, key=grown.__getitem__, default=None)
        if busiest is not None and grown[busiest] > self._least and self._used[-1:] != [busiest]:
            self._used.append(busiest)
        self._before = carried

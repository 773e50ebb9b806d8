"""Datagrams that wait for a carrier: old ones go, so that what leaves is not late."""

from collections import deque

PATIENCE = 0.1
"""Seconds after which a datagram is worth nothing to whoever waits for it, more or less."""
MOST = 256 * 1024
"""Bytes that wait at most."""


class Backlog:
    """Whole frames, oldest first."""

    __slots__ = ("_frames", "_patience", "_size", "dropped")

    def __init__(self, patience: float = PATIENCE) -> None:
        """What has waited for longer than *patience* seconds is dropped."""
        self._patience = patience
        self._frames: deque[tuple[float, bytes]] = deque()
        self._size = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._frames)

    @property
    def size(self) -> int:
        """Bytes that wait."""
        return self._size

    def put(self, frame: bytes, now: float) -> None:
        """*frame* waits; if it is too much, the oldest makes room."""
        self._frames.append((now, frame))
        self._size += len(frame)
        while self._size > MOST:
            self._drop()

    def take(self, now: float, most: int) -> list[bytes]:
        """What is to leave next, about *most* bytes; what has waited for too long is dropped."""
        frames, taken = self._frames, []
        while frames and now - frames[0][0] > self._patience:
            self._drop()
        size = 0
        while frames and size < most:
            _, frame = frames.popleft()
            taken.append(frame)
            size += len(frame)
        self._size -= size
        return taken

    def _drop(self) -> None:
        _, frame = self._frames.popleft()
        self._size -= len(frame)
        self.dropped += 1

"""Lines for networks in one process: the demo's emulator, without distance, in this thread's trio.

What must stay true: an order is in force when its method returns.
"""

import math
from collections.abc import Callable

import trio

from ingress.demo.emulator.line import Conditions, EmulatedLine
from ingress.demo.emulator.loop import EmulatorLoop
from ingress.demo.emulator.port import Port


class Wires:
    """Runs the emulator's loop for all the wires it has opened."""

    def __init__(self) -> None:
        self._loop = EmulatorLoop(trio.current_time)
        self._wires: list[Wire] = []
        self._pause = trio.CancelScope()

    def open(self, port: int) -> "Wire":
        """A new wire to *port*."""
        self._wires.append(Wire(self._loop, port, self.wake))
        return self._wires[-1]

    def wake(self) -> None:
        """Something was done to a wire, and may have set a timer."""
        self._pause.cancel()

    async def run(self) -> None:
        """Until cancelled; then everything on the wires is reset."""
        try:
            while True:
                when = self._loop.next_timer()
                with trio.CancelScope(deadline=math.inf if when is None else when) as self._pause:
                    await trio.lowlevel.wait_readable(self._loop)
                self._loop.turn()
        finally:
            for wire in self._wires:
                wire.close()
            self._loop.close()


class Wire:
    """What a line's address leads to: a plain line to *port*."""

    def __init__(self, loop: EmulatorLoop, port: int, wake: Callable[[], None]) -> None:
        self.port = port
        self._line = EmulatedLine(str(port), Conditions())
        self._entry = Port(loop, self._line, 0, ("127.0.0.1", port))
        self._wake = wake
        self.address: int = self._entry.address[1]

    @property
    def accepted(self) -> int:
        """Connections so far."""
        return self._entry.dials

    def hold(self) -> None:
        """A black hole to both ends: nothing passes, nothing is closed, no dial is answered."""
        self._line.blackhole()

    def refuse(self) -> None:
        """New connections are reset; what is open stays."""
        self._line.refuse()

    def release(self) -> None:
        """Neither hold nor refuse any longer; what was held goes on."""
        self._line.heal()
        self._entry.resume()
        self._wake()

    def cut(self) -> None:
        """Reset all connections, held or not; new ones are welcome."""
        self._entry.reset()

    def close(self) -> None:
        """Reset all connections and accept no more."""
        self._entry.close()

"""From the first signal handler to the end of the last process: a demo for a person, or for a COMMAND.

What must stay true: however this ends, what was started has ended and what was written is gone.
"""

import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence

import trio

from ingress.demo.admin import NoAnswer
from ingress.demo.console import Console, introduction
from ingress.demo.control import serve_control
from ingress.demo.display import Display
from ingress.demo.environment import command_environment
from ingress.demo.plain import PlainDisplay
from ingress.demo.processes import DemoFailed
from ingress.demo.program import BY_SIGNAL, Program, find_program
from ingress.demo.running import Demo, run_demo
from ingress.demo.screen import LiveDisplay

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Ending:
    """What the signals do that mean the end: they go to COMMAND if it runs, else they end the demo."""

    def __init__(self) -> None:
        self.number = 0
        """The signal that ended the demo; 0 if none did."""
        self._program: Program | None = None

    def pass_to(self, program: Program) -> None:
        """From now on signals mean *program*, and not the demo."""
        self._program = program

    async def watch(self, signals: AsyncIterator[int], nursery: trio.Nursery) -> None:
        """Obey *signals*; *nursery* is the demo's."""
        async for number in signals:
            if self._program is not None:
                nursery.start_soon(self._program.end, number)
            else:
                self.number = number
                nursery.cancel_scope.cancel()


async def run_session(command: Sequence[str]) -> int:
    """Run the demo, with *command* if it is not empty; gives the exit code."""
    if command:
        find_program(command)
    ending, code = Ending(), 0
    with trio.open_signal_receiver(*ENDING) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ending.watch, signals, nursery)
            if not command:
                print("starting: an ingress, two relays, two exits, their lines and a target …", flush=True)
            async with run_demo() as demo:
                await nursery.start(serve_control, demo.network.control, demo.order)
                code = await run_command(demo, command, ending) if command else await run_display(demo)
            nursery.cancel_scope.cancel()
    return BY_SIGNAL + ending.number if command and ending.number else code


async def run_display(demo: Demo) -> int:
    """Show the demo and obey a person, until told to quit."""
    display = choose_display(demo)
    print(await introduction(demo), flush=True)
    async with trio.open_nursery() as nursery:
        console = Console(demo, nursery, display.tell)
        await display.run(console.execute)
        nursery.cancel_scope.cancel()
    return 0


def choose_display(demo: Demo) -> Display:
    """The screen, if both ends of it are a terminal that is ours: in the background, it belongs to the shell."""
    if sys.stdin.isatty() and sys.stdout.isatty() and os.tcgetpgrp(0) == os.getpgrp():
        return LiveDisplay(demo)
    return PlainDisplay(demo)


async def run_command(demo: Demo, command: Sequence[str], ending: Ending) -> int:
    """Run COMMAND; gives its exit code. DemoFailed if it ended well but has not used the proxy."""
    program = Program(command, command_environment(demo.network))
    ending.pass_to(program)
    code = await program.wait()
    if code == 0 and not await has_opened(demo):
        raise DemoFailed("nothing went through the proxy; COMMAND has not used ALL_PROXY, http_proxy or https_proxy")
    return code


async def has_opened(demo: Demo) -> bool:
    """Whether a client has opened a stream."""
    try:
        totals = (await demo.ask(ask="paths"))["totals"]
    except NoAnswer as error:
        raise DemoFailed(f"the ingress does not answer any more: {error}") from error
    return bool(totals["opened"])

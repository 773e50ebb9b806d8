"""What a person can type while the demo runs. Orders about lines and nodes go to running.py, the rest is done here."""

import os
import re
import shutil
import subprocess
from collections.abc import Callable

import trio

from ingress.demo.admin import NoAnswer
from ingress.demo.call import Call, CallFailed, run_call
from ingress.demo.download import DownloadFailed, Watch, fetch, megabytes
from ingress.demo.path_use import PathUse
from ingress.demo.processes import public_command
from ingress.demo.running import Demo

USUAL_DOWNLOAD = "200MB"
USUAL_CALL = "10s"
FEW = 4
"""Datagrams between two looks, at least, of a path that carries a call: copies and heartbeats are not counted."""
SIZES = {"": 1, "B": 1, "KB": 10**3, "kB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
LOOK = 0.1
"""Seconds between two looks at which path carries a download."""

HELP = """\
cut LINE [towards|back]: nothing passes, nothing is closed   heal LINE undoes it
refuse LINE   reset LINE   freeze LINE: only dials are answered   * is all LINEs
slow LINE 80ms   jitter LINE 5ms   lose LINE 1%   rate LINE 50KB/s
deaf LINE: no datagrams pass   police LINE 250KB/s: no more of them than that
kill NODE   start NODE   freeze NODE: it hangs   thaw NODE   drain NODE: SIGTERM
download [SIZE], call [10s]: begins one, and tells what became of it
page: an address that lets a browser in
paths, why HOST:PORT: what the ingress says     help     quit"""


class Console:
    """Does what is typed; *tell* shows a text."""

    def __init__(self, demo: Demo, nursery: trio.Nursery, tell: Callable[[str], None]) -> None:
        self._demo = demo
        self._nursery = nursery
        self._tell = tell
        self._running: list[Watch] = []
        """Downloads that have not ended."""

    async def execute(self, text: str) -> bool:
        """Do one thing; False when it was to quit."""
        verb, *words = text.split() or [""]
        if verb in ("quit", "exit"):
            self._tell_unfinished()
            return False
        if verb == "help":
            self._tell(HELP)
        elif verb == "download":
            self._download(words[0] if words else USUAL_DOWNLOAD)
        elif verb == "call":
            self._call(words[0] if words else USUAL_CALL)
        elif verb == "page":
            self._tell(await page_address(self._demo))
        elif verb in ("paths", "why"):
            await self._ask_ingress(["--why", *words[:1]] if verb == "why" else [])
        elif verb:
            self._tell(f"{text.strip()}: {await self._demo.order(text)}")
        return True

    def _download(self, size: str) -> None:
        match = re.fullmatch(r"(\d{1,6}) ?([kKMG]?i?B?)", size)
        if match is None or match[2] not in SIZES:
            self._tell(f"{size}: not a size such as {USUAL_DOWNLOAD}")
            return
        self._tell(f"download of {size} begins")
        watch = Watch(int(match[1]) * SIZES[match[2]], trio.current_time())
        self._running.append(watch)
        self._nursery.start_soon(self._run_download, watch)

    async def _run_download(self, watch: Watch) -> None:
        use, failure = PathUse(), None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_paths, use)
            try:
                await fetch(self._demo.network, watch)
            except DownloadFailed as error:
                failure = str(error)
            nursery.cancel_scope.cancel()
        sentence = await trio.to_thread.run_sync(watch.sentence, list(use.used), failure)
        self._running.remove(watch)
        self._tell(f"download: {sentence}")

    def _call(self, seconds: str) -> None:
        match = re.fullmatch(r"(\d{1,4})s?", seconds)
        if match is None or not int(match[1]):
            self._tell(f"{seconds}: not a duration such as {USUAL_CALL}")
            return
        self._tell(f"call of {int(match[1])} s begins: 60 datagrams a second, each way")
        self._nursery.start_soon(self._run_call, int(match[1]))

    async def _run_call(self, seconds: int) -> None:
        call, use, failure = Call(), PathUse(FEW), None
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._watch_paths, use, "datagrams_up")
            try:
                await run_call(self._demo.network, call, seconds)
            except* CallFailed as errors:
                failure = str(errors.exceptions[0])
            nursery.cancel_scope.cancel()
        self._tell(f"call: {call.sentence(use.used, failure)}")

    def _tell_unfinished(self) -> None:
        for watch in self._running:
            self._tell(f"download: ended by quit; {megabytes(watch.received)} of {megabytes(watch.size)} had come.")

    async def _watch_paths(self, use: PathUse, counted: str = "bytes_down") -> None:
        while True:
            try:
                report = await self._demo.ask(ask="paths")
            except NoAnswer:
                report = {"paths": []}
            use.look({path["path"]: path[counted] for path in report["paths"]})
            await trio.sleep(LOOK)

    async def _ask_ingress(self, options: list[str]) -> None:
        command = [*public_command("ingress"), "paths", "--admin", os.fspath(self._demo.network.admin), *options]
        done = await trio.run_process(command, stdin=subprocess.DEVNULL, capture_stdout=True, stderr=subprocess.STDOUT,
                                      check=False)  # fmt: skip
        self._tell(done.stdout.decode(errors="replace").rstrip())


def shown_command(name: str) -> str:
    """How a person types the command *name*."""
    command = public_command(name)
    return name if shutil.which(name) == command[0] else " ".join(command)


async def page_address(demo: Demo) -> str:
    """What lets one browser in, or why there is nothing."""
    try:
        return str((await demo.ask(ask="page"))["address"])
    except NoAnswer as error:
        return str(error)


async def introduction(demo: Demo) -> str:
    """What a person needs to know first."""
    network = demo.network
    return f"""\
the proxy, SOCKS and HTTP:  {network.proxy}
try it:                     curl -x socks5h://{network.proxy} http://{network.target}/
in a browser, for 10 min:   {await page_address(demo)}
from a second terminal:     {shown_command("ingress")} paths --watch --admin {network.admin}
a download that survives:   type `download`, then `cut ix-dmit`; `help` tells more, `quit` ends all of it"""

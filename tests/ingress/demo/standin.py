"""Stands in for `ingress` and `relay` where a test is about the demo and not about them.

`serve` listens where paths.toml says; the ingress answers `paths`, and counts each connection to its proxy port as a
stream that carried a byte.
"""

import json
import signal
import socket
import sys
import threading
import tomllib
from pathlib import Path


def main() -> None:
    program, command, *words = sys.argv[1:]
    options = dict(zip(words[-6::2], words[-5::2], strict=True))
    if command == "paths":
        sys.stdout.write("the paths\n")
    elif command == "serve":
        serve(program, words[0], options)


def serve(program: str, name: str, options: dict[str, str]) -> None:
    file = tomllib.loads(Path(options["--config"]).read_text())
    address = file["ingress"][name]["listen"] if program == "ingress" else file["node"][name]["listen"]
    host, port = address.split(":")
    listener = socket.create_server((host, int(port)))
    page = file["ingress"][name]["web"].split(":") if program == "ingress" else (host, "0")
    page_listener = socket.create_server((page[0], int(page[1])))
    if program == "ingress":
        served: list[socket.socket] = []
        threading.Thread(target=accept, args=(listener, served), daemon=True).start()
        threading.Thread(target=answer, args=(options["--admin"], list(file["line"]), served), daemon=True).start()
    with page_listener:
        signal.sigwait({signal.SIGTERM})


def accept(listener: socket.socket, served: list[socket.socket]) -> None:
    while True:
        served.append(listener.accept()[0])
        served[-1].sendall(b"hello")


def answer(path: str, lines: list[str], served: list[socket.socket]) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        while True:
            with listener.accept()[0] as asker, asker.makefile("rwb") as file:
                asked = json.loads(file.readline())["ask"]
                page = {"version": 1, "address": "http://127.0.0.1:1/#token=x"}
                told = page if asked == "page" else report(lines, len(served))
                file.write(json.dumps(told).encode() + b"\n")


def report(lines: list[str], served: int) -> dict[str, object]:
    row = {"state": "up", "in_band": True, "reason": "it is the best", "round_trip": 0.1, "late": 0.0,
           "streams": served, "bytes_up": served, "bytes_down": 0}  # fmt: skip
    paths = [{"path": name, **row} for name in lines]
    rows = [{"line": name, "start": "a", "end": "b", **row} for name in lines]
    return {"version": 1, "paths": paths, "lines": rows, "totals": {"opened": served}, "blame": []}


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    main()

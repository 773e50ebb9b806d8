"""A request every 100 ms to one site after the other, through the proxy; a line of JSON for each when it has ended.
Every other host is a new one, which the exit has to look up.

The first argument is how many sites there are, the second the proxy's port. Ends when its input does.
"""

import json
import socket
import sys
import threading
import time

EVERY = 0.1
PATIENCE = 30.0
TELLING = threading.Lock()
REQUEST = b"GET / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n"


def request(host: str, port: int) -> str:
    """Ask *host*, as a browser does, for one thing; why it went wrong, or nothing."""
    name = host.encode()
    try:
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as sock:
            sock.sendall(b"\x05\x01\x00")
            if sock.recv(2) != b"\x05\x00":
                return "no greeting"
            sock.sendall(b"\x05\x01\x00\x03" + bytes([len(name)]) + name + (80).to_bytes(2, "big"))
            reply = sock.recv(10)
            if reply[1:2] != b"\x00":
                return f"SOCKS {reply[1:2].hex() or 'closed'}"
            sock.sendall(REQUEST % name)
            return "" if sock.recv(1) else "closed without a byte"
    except OSError as error:
        return type(error).__name__


def run(host: str, port: int) -> None:
    """One request, told of when it has ended."""
    started, began = time.time(), time.monotonic()
    error = request(host, port)
    line = json.dumps({"at": started, "took": time.monotonic() - began, "host": host, "error": error})
    with TELLING:
        print(line, flush=True)


def host_of(number: int, sites: int) -> str:
    """Of the request of that number."""
    first = "www" if number // sites % 2 else f"w{number}"
    return f"{first}.site{number % sites + 1}.test"


def wait_for_the_end(stop: threading.Event) -> None:
    """Until there is nothing to read any more."""
    sys.stdin.read()
    stop.set()


def main() -> None:
    """Go on until there is nothing to read any more."""
    sites, port = int(sys.argv[1]), int(sys.argv[2])
    stop = threading.Event()
    threading.Thread(target=wait_for_the_end, args=(stop,), daemon=True).start()
    number, due = 0, time.monotonic()
    while not stop.is_set():
        number += 1
        threading.Thread(target=run, args=(host_of(number, sites), port)).start()
        due += EVERY
        stop.wait(max(due - time.monotonic(), 0))


if __name__ == "__main__":
    main()

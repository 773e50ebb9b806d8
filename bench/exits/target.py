"""The targets of the bed: at every address of the machine, what a client says is answered, and that is all."""

import socketserver

PORT = 80


class Answer(socketserver.BaseRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """One message, and one back."""
        sock = self.request
        if sock.recv(4096):
            sock.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")


class Targets(socketserver.ThreadingTCPServer):
    """Serves until killed."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128


def main() -> None:
    """Serve."""
    with Targets(("0.0.0.0", PORT), Answer) as server:
        server.serve_forever()


if __name__ == "__main__":
    main()

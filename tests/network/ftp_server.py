"""An FTP server as they are: passive, and only for data connections from the address of the control connection.

`python ftp_server.py ADDRESS TEXT` serves TEXT as every file, at port 21.
"""

import socket
import socketserver
import sys

ANSWERS = {
    "USER": "331 a password, please",
    "PASS": "230 welcome",
    "PWD": '257 "/"',
    "TYPE": "200 as you wish",
    "CWD": "250 there",
    "QUIT": "221 goodbye",
}


class Control(socketserver.StreamRequestHandler):
    """One control connection."""

    def handle(self) -> None:
        self.say("220 ready")
        with socket.create_server((ADDRESS, 0)) as passive:
            for line in self.rfile:
                verb = line.decode().split()[0].upper()
                if verb == "PASV":
                    port = passive.getsockname()[1]
                    numbers = [*ADDRESS.split("."), str(port // 256), str(port % 256)]
                    self.say(f"227 entering passive mode ({','.join(numbers)})")
                elif verb == "RETR":
                    self.send(passive)
                else:
                    self.say(ANSWERS.get(verb, "502 not here"))

    def send(self, passive: socket.socket) -> None:
        data, (host, _) = passive.accept()
        with data:
            if host != self.client_address[0]:
                self.say(f"425 the data connection comes from {host}")
                return
            self.say("150 here it comes")
            data.sendall(TEXT.encode())
        self.say("226 that was all")

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())


if __name__ == "__main__":
    ADDRESS, TEXT = sys.argv[1:]
    socketserver.ThreadingTCPServer.allow_reuse_address = True
    with socketserver.ThreadingTCPServer((ADDRESS, 21), Control) as server:
        server.serve_forever()

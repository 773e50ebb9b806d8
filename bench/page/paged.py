"""An ingress of many lines that serves its page."""

import pathlib

from bench.crowd import LINES
from bench.peers.ours import ManyLines
from bench.topology import HOST

TOKEN = "the-token-of-the-bench"


class Paged(ManyLines):
    """One, with its page at a port of this machine."""

    def __init__(self, folder: pathlib.Path, port: int) -> None:
        super().__init__(LINES)
        self.page = port
        token = folder / "web.token"
        token.write_text(TOKEN)
        token.chmod(0o600)
        self.extra = f'web = "{HOST}:{port}"\nweb_token = {{ file = "{token}" }}\n'

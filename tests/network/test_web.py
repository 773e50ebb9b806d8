"""The page of a real ingress: a line is cut and seen, a stream is seen and ended, nobody reaches it by the proxy."""

import http.client
import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from tests.network.clients import PATIENCE, receive
from tests.network.network import Network

pytestmark = pytest.mark.network


class Browser:
    """One session."""

    def __init__(self, network: Network) -> None:
        done = network.run("ingress", "page", "--admin", network.admin)
        self.base, _, token = done.stdout.strip().partition("/#token=")
        assert done.returncode == 0 and token, done
        self.headers: dict[str, str] = {"X-Ingress": "none"}
        with self.ask("/api/v1/session", "POST", {"token": token}) as answer:
            self.headers["Cookie"] = answer.headers["Set-Cookie"].partition(";")[0]
            self.headers["X-Ingress"] = json.load(answer)["key"]

    def ask(self, path: str, method: str = "GET", content: object = None) -> http.client.HTTPResponse:
        data = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.base + path, data, self.headers, method=method)
        answer = DIRECTLY.open(request, timeout=PATIENCE)
        assert isinstance(answer, http.client.HTTPResponse)
        return answer

    def live(self) -> Iterator[dict[str, Any]]:
        """What moves, second by second."""
        with self.ask("/api/v1/live") as answer:
            for line in answer:
                if line.startswith(b"data: "):
                    yield json.loads(line[6:])


DIRECTLY = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def test_a_line_that_is_cut_is_seen_with_its_blame(breakable: Network) -> None:
    seen = Browser(breakable).live()
    assert {line["state"] for line in next(seen)["lines"]} == {"up"}
    breakable.order("cut ix-one")
    for news in seen:
        lines = {line["line"]: line["state"] for line in news["lines"]}
        if lines["ix-one"] != "up":
            break
    assert any("ix-one" in sentence for sentence in news["blame"])


def test_a_stream_is_seen_and_ended(network: Network) -> None:
    browser = Browser(network)
    with network.connect() as sock:
        sock.sendall(b"GET /bytes/1000 HTTP/1.1\r\nHost: x\r\n\r\n")
        assert receive(sock, 12) == b"HTTP/1.1 200"
        with browser.ask("/api/v1/streams?match=target.test") as answer:
            (row,) = json.load(answer)["streams"]
        assert row["target"].startswith("target.test:") and row["down"] > 1000 and row["path"]
        browser.ask(f"/api/v1/streams/{row['id']}", "DELETE").close()
        with pytest.raises(ConnectionError):
            while sock.recv(1 << 16):
                pass
            raise AssertionError("it ended as if it was done")


@pytest.mark.parametrize("door", ["socks5", "connect"])
def test_no_client_reaches_the_page_by_the_proxy(network: Network, door: str) -> None:
    with pytest.raises(ConnectionError):
        network.connect(door, ("127.0.0.1", network.ports["page"]))

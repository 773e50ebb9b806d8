"""Headless Chromium: a page, what the page fetches, and a WebSocket."""

import pytest

from tests.interop.conftest import NAME, Room, find

pytestmark = pytest.mark.network
PAGE = """
<p id="told">nothing</p><img src="/held">
<script>
  const tell = text => { document.getElementById("told").textContent = text; fetch("/release") }
  const socket = new WebSocket(location.origin.replace("http", "ws") + "/echo")
  let heard = ""
  socket.onopen = () => { for (let count = 0; count < 5; count++) socket.send("word" + count) }
  socket.onerror = () => tell("the socket has failed")
  socket.onmessage = async message => {
    heard += message.data + " "
    if (message.data == "word4") tell(heard + (await (await fetch("/file")).arrayBuffer()).byteLength)
  }
</script>
"""
"""The picture comes when all the rest is done: the browser prints a page when its last picture is there."""


@pytest.mark.parametrize(("proxy", "scheme"), [("socks5", "http"), ("http", "http"), ("http", "https")])
def test_a_page_with_a_websocket_works(room: Room, proxy: str, scheme: str) -> None:
    chromium = find("chromium", "chromium-browser", "google-chrome")
    site = room.tls_site if scheme == "https" else room.site
    site.released.clear()
    (site.files / "page.html").write_text(PAGE)
    (site.files / "file").write_bytes(bytes(2_000_000))
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
    options += [
        "--disable-background-networking",
        "--ignore-certificate-errors",
        f"--user-data-dir={room.home}/profile",
    ]
    shown = room.run(
        chromium, *options, f"--proxy-server={proxy}://{room.proxy}", "--dump-dom", site.url(NAME) + "/page.html"
    )
    assert b'<p id="told">word0 word1 word2 word3 word4 2000000</p>' in shown, shown

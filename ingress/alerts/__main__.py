"""Sends one message: `python -m ingress.alerts`, with all that it needs on standard input. 0, or it says why not.

It is a process of its own for each message, so that whoever does not answer holds up nobody and can be killed, and so
that no library for a hundred services lives in the ingress. What is secret comes by standard input alone.
"""

import json
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import unquote, urlsplit

PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
PATIENCE: Final = 20.0
"""Seconds for one web address to answer."""
LEAST_SECRET: Final = 4
"""Characters of a part of a URL from which on it may be a secret."""
MISSING: Final = "Apprise is not installed here: run pip install apprise in the Python that runs the ingress"


class _StayHere(urllib.request.HTTPRedirectHandler):
    """A redirect is no answer: followed, a POST would become a GET without the message."""

    def redirect_request(self, *_: object) -> None:
        """None of any code."""


def main() -> int:
    """Send what standard input says."""
    asked = json.load(sys.stdin)
    for name in PROXIES:
        os.environ.pop(name, None)
        os.environ.pop(name.lower(), None)
    try:
        why = _post(asked) if asked["is_webhook"] else _notify(asked)
    except Exception as error:  # noqa: BLE001 - a library's, about a URL of its own form
        why = str(error) or type(error).__name__
    if why:
        print(scrubbed(why, asked["url"], keeps_host=asked["is_webhook"]))  # noqa: T201 - whoever started this reads it
    return 1 if why else 0


def _post(asked: Mapping[str, Any]) -> str:
    """To a web address, as JSON."""
    proxy = asked["proxy"]
    by = urllib.request.ProxyHandler({} if proxy is None else {"http": proxy, "https": proxy}), _StayHere()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "ingress"}
    request = urllib.request.Request(asked["url"], json.dumps(asked["fields"]).encode(), headers, method="POST")
    try:
        with urllib.request.build_opener(*by).open(request, timeout=PATIENCE) as answer:
            return "" if answer.status < 300 else f"answers {answer.status}"
    except urllib.error.HTTPError as error:
        error.close()
        return f"{urlsplit(asked['url']).hostname} answers {error.code}"
    except urllib.error.URLError as error:
        return str(error.reason)


def _notify(asked: Mapping[str, Any]) -> str:
    """By Apprise, which goes by the environment's proxy."""
    try:
        import apprise
    except ImportError:
        return MISSING
    if asked["proxy"] is not None:
        os.environ.update({"HTTP_PROXY": asked["proxy"], "HTTPS_PROXY": asked["proxy"]})
    sender = apprise.Apprise()
    if not sender.add(asked["url"]):
        return "Apprise does not understand the URL"
    capture: Any = apprise.LogCapture
    with capture(level=apprise.logging.WARNING, fmt="%(message)s") as said:
        if sender.notify(title=asked["title"], body=asked["text"]):
            return ""
        told: str = said.getvalue()
    return told.strip().replace("\n", "; ") or "the service has not taken it"


def scrubbed(text: str, url: str, *, keeps_host: bool) -> str:
    """*text* without any part of *url* that may be a secret."""
    pieces = [url, *_pieces(url, keeps_host=keeps_host)]
    for piece in sorted({*pieces, *map(unquote, pieces)}, key=len, reverse=True):
        if len(piece) >= LEAST_SECRET:
            text = text.replace(piece, "…")
    return text


def _pieces(url: str, *, keeps_host: bool) -> list[str]:
    try:
        parts = urlsplit(url)
    except ValueError:
        return []
    where = parts.netloc.rpartition("@")[0] if keeps_host else parts.netloc
    query = parts.query.replace("=", "&").split("&")
    return [*where.replace("@", ":").split(":"), *parts.path.split("/"), *query]


if __name__ == "__main__":
    sys.exit(main())

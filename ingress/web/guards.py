"""Who is answered at all: questions of the head of a request, each in a few lines. Pure.

- `Host` must be one of ours: a page whose name was made to mean this machine (DNS rebinding) asks by its own name.
- What changes something must come from our own page: its `Origin`, if a browser tells it, and a header that no form of
  another page can send.
- Every answer tells the browser what the page may do: nothing but talk to us.
"""

from collections.abc import Collection, Mapping
from typing import Final
from urllib.parse import urlsplit

from ingress.web.exchange import WebRequest
from relay.model.addresses import LOCALHOST, is_loopback, plain
from relay.model.hosts import parse_literal

KEY_HEADER: Final = "x-ingress"
"""With which the page shows the key of its session, so that a cookie alone is of no use to other pages."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD"})
CHANGES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "font-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
ALWAYS: Final = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
"""Of every answer."""


def host_of(text: str) -> str:
    """The name or address of a Host header, without its port, in lower case; empty if it makes no sense."""
    host, colon, port = text.rpartition(":")
    if not colon or (text.startswith("[") and text.endswith("]")):
        host, port = text, ""
    if port and not (port.isascii() and port.isdigit()):
        return ""
    return host.lower().removesuffix(".")


def is_our_host(text: str, local: str, hosts: Collection[str]) -> bool:
    """Whether *text*, a Host header, names the address *local* that the connection came in by, or one of *hosts*.

    The port is of no account: ssh and the like forward another one to ours, and no rebinding can make a name of it.
    """
    host = host_of(text)
    if host in hosts or (host == LOCALHOST and is_loopback(local)):
        return True
    literal = parse_literal(host.removeprefix("[").removesuffix("]")) if host else None
    return literal is not None and plain(literal) == plain(local)


def is_same_origin(request: WebRequest) -> bool:
    """Whether *request* comes from our own page, as far as the browser tells. What is no browser tells nothing."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    if site not in ("same-origin", "none"):
        return False
    place = request.headers.get("host", "").lower()
    return origin is None or (place != "" and _place(origin) == place)


def guest_headers(request: WebRequest) -> Mapping[str, str]:
    """What tells a browser that the page of somebody else, which asks, may have the answer."""
    headers = {
        "access-control-allow-origin": request.headers.get("origin", ""),
        "access-control-allow-headers": "authorization, content-type",
        "access-control-max-age": "600",
        "cross-origin-resource-policy": "cross-origin",
        "vary": "origin",
    }
    if "access-control-request-private-network" in request.headers:
        headers["access-control-allow-private-network"] = "true"
    return headers


def _place(origin: str) -> str:
    """Host and port of *origin*, as its Host header would say; empty if it makes no sense (as `null`)."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return ""
    return parts.netloc.lower() if parts.scheme in ("http", "https") else ""


def cookie_of(header: str, name: str) -> str:
    """The value of the cookie *name* in a Cookie header; empty if there is none."""
    for each in header.split(";"):
        found, _, value = each.strip().partition("=")
        if found == name:
            return value
    return ""

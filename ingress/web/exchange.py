"""What a route is asked and answers, as values. Whoever answers questions needs to know this file only."""

import enum
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from typing import Any

import attrs

JSON = "application/json"
EVENTS = "text/event-stream"


class Need(enum.Enum):
    """What a visitor has to have to be answered by a route."""

    OPEN = "open"
    """Nothing: strangers on the same machine may ask, so nothing about users, targets, streams or the network."""
    SESSION = "session"
    """A session of the page, or the token."""
    TOKEN = "token"
    """The token of `web_token`, as a bearer."""


@attrs.frozen
class Visitor:
    """Who asks."""

    address: str
    """Literal."""
    session: str = ""
    """The digest of his session's cookie; empty if he has none."""
    user: str = ""
    """One of `web_users`; empty if the session began with an address of `ingress page`."""
    has_token: bool = False

    @property
    def name(self) -> str:
        """For people: what stands in the log for him."""
        return self.user or ("web_token" if self.has_token else self.address)

    @property
    def is_known(self) -> bool:
        """Whether he may see what is nobody else's concern."""
        return self.has_token or bool(self.session)


@attrs.frozen
class WebRequest:
    """One question."""

    method: str
    path: str
    """Without the query, percent-decoded; it begins with a slash."""
    query: Mapping[str, str]
    """The last value of each key."""
    headers: Mapping[str, str]
    """Names in lower case; values of one name are joined by `, `."""
    body: bytes
    who: Visitor
    rest: str = ""
    """What stands behind the route's prefix, if that ends with a slash."""
    local: tuple[str, int] = ("127.0.0.1", 80)
    """Where the connection came in."""
    is_secure: bool = False
    """Whether it came over TLS."""

    def json(self) -> Mapping[str, Any]:
        """The body, which is to be a JSON object; an empty one is read as an empty object.

        Raises:
            BadRequest: it is something else.
        """
        try:
            found = json.loads(self.body or b"{}")
        except (ValueError, RecursionError) as error:
            raise BadRequest("the body is not JSON") from error
        if not isinstance(found, dict):
            raise BadRequest("the body is no JSON object")
        return found

    @property
    def wants_websocket(self) -> bool:
        """Whether the connection is to become one (RFC 6455 section 4.2.1)."""
        return self.headers.get("upgrade", "").strip().lower() == "websocket" and self.method == "GET"

    @property
    def language(self) -> str:
        """`zh` or `en`: what `?lang=` says, else the first of Accept-Language that is one of them."""
        asked = [self.query.get("lang", ""), *self.headers.get("accept-language", "").split(",")]
        for one in (each.strip().lower()[:2] for each in asked):
            if one in ("en", "zh"):
                return one
        return "en"


@attrs.frozen
class WebResponse:
    """One answer."""

    body: bytes | AsyncGenerator[bytes, None] = b""
    """A generator's pieces are sent for as long as the visitor stays. It is closed in the end."""
    status: int = 200
    headers: Mapping[str, str] = attrs.Factory(dict)
    """Names in lower case. What every answer has is added later."""
    is_messages: bool = False
    """Whether each piece of the body is a message, which a visitor may have by WebSocket."""


Handler = Callable[[WebRequest], Awaitable[WebResponse]]


@attrs.frozen
class WebRoute:
    """What answers at a path. The longest prefix counts, then the method."""

    method: str
    path_prefix: str
    """A whole path; with a slash at its end, all that begins with it."""
    need: Need
    handler: Handler
    for_dashboards: bool = False
    """Pages of others, those of `web_origins`, may ask as well; and the token may stand in the query, because browsers
    send no headers with a WebSocket."""


class BadRequest(Exception):
    """A question that makes no sense, in words for who asked. `status` is what it is answered with."""

    def __init__(self, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.status = status


def json_response(content: Mapping[str, Any], status: int = 200) -> WebResponse:
    """*content* as JSON."""
    return WebResponse(json.dumps(content, separators=(",", ":")).encode(), status, {"content-type": JSON})


def error_response(status: int, text: str) -> WebResponse:
    """What is wrong, in one sentence."""
    return json_response({"version": 1, "error": text}, status)

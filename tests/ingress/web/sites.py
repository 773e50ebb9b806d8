"""A page whose routes tell what they were asked, and requests to it without a connection."""

import json
from collections.abc import AsyncGenerator, Callable

import attrs

from ingress.web.assets import Asset
from ingress.web.exchange import BadRequest, Need, Visitor, WebRequest, WebResponse, WebRoute, json_response
from ingress.web.login import login_routes
from ingress.web.sessions import PageSessions, digest_of
from ingress.web.site import Site, SiteSettings
from relay.errors import OperatorError

TOKEN = "the-token-of-the-tests"
BOARD = "https://board.example"
SECRET = b"a secret that strangers must not see"
ASSETS = {"index.html": Asset(b"<p>", "text/html", '"e"', None)}


@attrs.define
class Scene:
    """One site, its sessions and its clock."""

    now: float = 0.0
    sessions: PageSessions = attrs.Factory(PageSessions)
    called: list[str] = attrs.Factory(list)
    has_users: bool = True
    site: Site = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        async def judge(address: str, user: bytes, password: bytes) -> bool:
            return (user, password) == (b"ann", b"secret")

        async def secret(request: WebRequest) -> WebResponse:
            self.called.append(f"{request.method} {request.path}")
            return WebResponse(SECRET + request.rest.encode())

        async def fail(request: WebRequest) -> WebResponse:
            errors = {"bad": BadRequest("no", 404), "operator": OperatorError("mend it"), "bug": RuntimeError("oh")}
            raise errors[request.rest]

        async def drip() -> AsyncGenerator[bytes, None]:
            while True:
                yield SECRET

        async def stream(_: WebRequest) -> WebResponse:
            return WebResponse(drip())

        async def told(request: WebRequest) -> WebResponse:
            return json_response({"path": request.path, "query": dict(request.query), "size": len(request.body)})

        routes = (
            *login_routes(self.sessions, judge, lambda: self.has_users, lambda: self.now),
            WebRoute("GET", "/api/look", Need.SESSION, secret),
            WebRoute("DELETE", "/api/look", Need.SESSION, secret),
            WebRoute("GET", "/api/stream", Need.SESSION, stream),
            WebRoute("GET", "/metrics", Need.TOKEN, secret),
            WebRoute("GET", "/api/fail/", Need.SESSION, fail),
            WebRoute("GET", "/open/", Need.OPEN, told),
            WebRoute("POST", "/open/", Need.OPEN, told),
            WebRoute("GET", "/clash/", Need.TOKEN, secret, for_dashboards=True),
            WebRoute("PUT", "/clash/", Need.TOKEN, secret, for_dashboards=True),
        )
        self.site = Site(routes, ASSETS, self.sessions, lambda: self.now)
        self.site.settings = SiteSettings(frozenset({"proxy.example"}), digest_of(TOKEN), frozenset({BOARD}))

    async def ask(
        self, method: str, path: str, body: bytes = b"", on_known: Callable[[], None] = lambda: None, **headers: str
    ) -> WebResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path, _, query = path.partition("?")
        pairs = dict(part.split("=", 1) for part in query.split("&") if part)
        all_headers = {"host": "127.0.0.1:9090", **named}
        who = Visitor("127.0.0.1")
        request = WebRequest(method, path, pairs, all_headers, body, who, local=("127.0.0.1", 9090))
        return await self.site.answer(request, on_known)

    def enter(self, user: str = "ann") -> dict[str, str]:
        """What a browser with a session sends."""
        admitted = self.sessions.open(user, self.now)
        return {"cookie": f"ingress-9090={admitted.cookie}", "x_ingress": admitted.key}


def said(response: WebResponse) -> dict[str, object]:
    assert isinstance(response.body, bytes)
    found = json.loads(response.body)
    assert isinstance(found, dict)
    return found

"""One request in, one answer out: may it be asked like that, who asks, which route answers, and may he ask that.

What must stay true: no route is called for somebody who lacks what it needs; a mishap of one answer ends nobody else's;
an answer that holds secrets is kept by no cache.
"""

import hmac
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Final

import attrs

from ingress.penalty import BY_ADDRESS, PenaltyBox
from ingress.web.assets import Asset, serve_asset
from ingress.web.exchange import BadRequest, Need, Visitor, WebRequest, WebResponse, WebRoute, error_response
from ingress.web.guards import (
    ALWAYS,
    CHANGES,
    KEY_HEADER,
    SAFE_METHODS,
    cookie_of,
    guest_headers,
    is_our_host,
    is_same_origin,
)
from ingress.web.sessions import PageSessions, digest_of
from relay import log
from relay.callbacks import ignore
from relay.errors import OperatorError
from relay.model.addresses import group_of

BEARER: Final = "bearer "


@attrs.frozen
class SiteSettings:
    """What the file says of the page."""

    hosts: frozenset[str] = frozenset()
    """Names besides the addresses, in lower case."""
    token: bytes | None = None
    """The digest of `web_token`; None: nobody has it."""
    origins: frozenset[str] = frozenset()
    """Of pages of others that may ask what is for dashboards."""


class Site:
    """All that is served at `web`. `use` changes it while it serves."""

    def __init__(
        self,
        routes: Sequence[WebRoute],
        assets: Mapping[str, Asset],
        sessions: PageSessions,
        clock: Callable[[], float],
    ) -> None:
        self._routes: dict[str, dict[str, WebRoute]] = {}
        for route in routes:
            self._routes.setdefault(route.path_prefix, {})[route.method] = route
        self._assets = assets
        self._sessions = sessions
        self._clock = clock
        self._penalties: PenaltyBox[str] = PenaltyBox(BY_ADDRESS)
        self.settings = SiteSettings()
        self.refused = 0
        """Requests that were not answered because of who asked, or how."""

    async def answer(self, request: WebRequest, on_known: Callable[[], None] = ignore) -> WebResponse:
        """What *request* is answered, with what every answer has. `request.who` knows the address alone; *on_known* is
        called if he turns out to be somebody who may look."""
        response = await self._answer(request, on_known)
        if response.status in (401, 403, 421, 429):
            self.refused += 1
        headers = {**ALWAYS, "cache-control": "no-store", **response.headers}
        return attrs.evolve(response, headers=headers)

    async def _answer(self, request: WebRequest, on_known: Callable[[], None]) -> WebResponse:
        if not is_our_host(request.headers.get("host", ""), request.local[0], self.settings.hosts):
            return error_response(421, "this is no name of this page; add it to web_hosts if it should be")
        found = self._find(request.path)
        is_guest = found is not None and self._is_guest(request, found[1])
        if (request.method in CHANGES or request.wants_websocket) and not (is_guest or is_same_origin(request)):
            return error_response(403, "another page must not do anything here")
        response = await self._answer_found(request, found, on_known)
        return attrs.evolve(response, headers={**response.headers, **guest_headers(request)}) if is_guest else response

    def _is_guest(self, request: WebRequest, methods: Mapping[str, WebRoute]) -> bool:
        """Whether *request* comes from a page of somebody else that may ask this."""
        origin = request.headers.get("origin")
        return origin in self.settings.origins and any(route.for_dashboards for route in methods.values())

    async def _answer_found(
        self, request: WebRequest, found: tuple[str, Mapping[str, WebRoute]] | None, on_known: Callable[[], None]
    ) -> WebResponse:
        if found is None:
            asset = serve_asset(self._assets, request) if request.method in SAFE_METHODS else None
            return asset or error_response(404, "nothing is there")
        prefix, methods = found
        if request.method == "OPTIONS" and self._is_guest(request, methods):
            return WebResponse(status=204, headers={"access-control-allow-methods": ", ".join(sorted(methods))})
        route = methods.get("GET" if request.method == "HEAD" else request.method)
        if route is None:
            response = error_response(405, "that cannot be done there")
            return attrs.evolve(response, headers={**response.headers, "allow": ", ".join(sorted(methods))})
        given = _bearer(request) or (request.query.get("token", "") if route.for_dashboards else "")
        who = self._recognise(request, given)
        refusal = self._refusal(route.need, who, has_given=bool(given))
        if refusal is not None:
            return refusal
        if who.is_known:
            on_known()
        response = await _handled(route, attrs.evolve(request, who=who, rest=request.path[len(prefix) :]))
        if isinstance(response.body, bytes):
            return response
        return attrs.evolve(response, body=self._while_known(response.body, who))

    def _find(self, path: str) -> tuple[str, Mapping[str, WebRoute]] | None:
        """The route's prefix that fits *path* best, and what it answers by method."""
        if path in self._routes:
            return path, self._routes[path]
        at = len(path)
        while (at := path.rfind("/", 0, at)) >= 0:
            prefix = path[: at + 1]
            if prefix in self._routes:
                return prefix, self._routes[prefix]
        return None

    def _recognise(self, request: WebRequest, given: str) -> Visitor:
        """Who *request* says that it is from, as far as it is proved; *given* is to be the token."""
        address, now = request.who.address, self._clock()
        if given:
            is_right = self._is_token(given) and not self._penalties.remaining(group_of(address), now)
            return Visitor(address, has_token=is_right)
        cookie = cookie_of(request.headers.get("cookie", ""), cookie_name(request))
        session = self._sessions.find(cookie, now) if cookie else None
        key = request.headers.get(KEY_HEADER) or request.query.get("key", "")
        if session is None or not session.has_key(key) or not is_same_origin(request):
            return Visitor(address)
        return Visitor(address, session.digest.hex(), session.user)

    def _is_token(self, given: str) -> bool:
        token = self.settings.token
        return token is not None and hmac.compare_digest(token, digest_of(given))

    def _refusal(self, need: Need, who: Visitor, *, has_given: bool) -> WebResponse | None:
        """What somebody is told who lacks what is needed."""
        if need is Need.OPEN or who.has_token or (need is Need.SESSION and who.session):
            return None
        if has_given:
            return self._wrong_token(who.address)
        text = "only with the token of web_token" if need is Need.TOKEN else "only with a session, or with a token"
        response = error_response(401, text)
        return attrs.evolve(response, headers={**response.headers, "www-authenticate": "Bearer"})

    def _wrong_token(self, address: str) -> WebResponse:
        source, now = group_of(address), self._clock()
        wait = self._penalties.remaining(source, now) or self._penalties.failed(source, now)
        log.event("web-token-wrong", level="warning", client=address, refused_for=round(wait, 1))
        if not wait:
            return error_response(401, "the token is wrong")
        response = error_response(429, "too many wrong tokens came from there")
        return attrs.evolve(response, headers={**response.headers, "retry-after": str(int(wait) + 1)})

    async def _while_known(self, body: AsyncGenerator[bytes, None], who: Visitor) -> AsyncGenerator[bytes, None]:
        """What *body* yields for as long as the session of *who* goes on, or the token that he has shown is the one."""
        token = self.settings.token
        async with aclosing(body):
            async for piece in body:
                if who.session and not self._sessions.is_open(who.session, self._clock()):
                    return
                if who.has_token and self.settings.token != token:
                    return
                yield piece


def cookie_name(request: WebRequest) -> str:
    """Of the session, at the port that *request* came in by: browsers do not keep ports of a host apart."""
    name = f"ingress-{request.local[1]}"
    return f"__Host-{name}" if request.is_secure else name


def _bearer(request: WebRequest) -> str:
    header = request.headers.get("authorization", "")
    return header[len(BEARER) :].strip() if header.lower().startswith(BEARER) else ""


async def _handled(route: WebRoute, request: WebRequest) -> WebResponse:
    try:
        return await route.handler(request)
    except BadRequest as error:
        return error_response(error.status, str(error))
    except OperatorError as error:
        return error_response(400, str(error))
    except Exception as error:  # noqa: BLE001 - one answer's mishap must not end the process; it is logged
        log.event("handler-failed", level="error", what=f"{route.method} {route.path_prefix}", error=repr(error))
        return error_response(500, "this went wrong here; the log says how")

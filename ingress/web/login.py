"""A session of the page: begun by an address of `ingress page` or by a password, looked at, ended."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import trio

from ingress.web.exchange import BadRequest, Need, WebRequest, WebResponse, WebRoute, error_response, json_response
from ingress.web.guards import KEY_HEADER
from ingress.web.sessions import Admitted, PageSessions
from ingress.web.site import cookie_name

Judge = Callable[[str, bytes, bytes], Awaitable[bool]]
"""Whether a user (second) and a password (third) that came from an address belong together."""

PLACE: Final = "/api/v1/session"
LONGEST_TEXT: Final = 255
"""Characters of a name, a password, a token."""
MOST_WAITING: Final = 16
"""Logins that are judged at once."""


def login_routes(
    sessions: PageSessions, judge: Judge, has_users: Callable[[], bool], clock: Callable[[], float]
) -> Sequence[WebRoute]:
    """The routes of PLACE."""
    limit = trio.CapacityLimiter(MOST_WAITING)

    async def look(request: WebRequest) -> WebResponse:
        who = request.who
        return json_response(
            {"version": 1, "session": bool(who.session), "user": who.user or None, "has_users": has_users()}
        )

    async def begin(request: WebRequest) -> WebResponse:
        if KEY_HEADER not in request.headers:
            raise BadRequest(f"the header {KEY_HEADER} is missing", 403)
        asked = request.json()
        token, user, password = (_text(asked.get(name, "")) for name in ("token", "user", "password"))
        if token:
            opened = sessions.redeem(token, clock())
            return _welcome(request, opened, "") if opened else error_response(401, "this address was used, or is old")
        try:
            limit.acquire_nowait()
        except trio.WouldBlock:
            return error_response(429, "too many log in at once; try again")
        try:
            is_right = await judge(request.who.address, user.encode(), password.encode())
        finally:
            limit.release()
        if not is_right:
            return error_response(401, "user and password do not belong together, or too many were wrong before")
        return _welcome(request, sessions.open(user, clock()), user)

    async def end(request: WebRequest) -> WebResponse:
        if request.who.session:
            sessions.close(request.who.session)
        return WebResponse(status=204, headers={"set-cookie": _cookie(request, "", "; Max-Age=0")})

    return (
        WebRoute("GET", PLACE, Need.OPEN, look),
        WebRoute("POST", PLACE, Need.OPEN, begin),
        WebRoute("DELETE", PLACE, Need.SESSION, end),
    )


def _text(value: object) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise BadRequest(f"`token`, `user` and `password` are texts of at most {LONGEST_TEXT} characters")
    return value


def _welcome(request: WebRequest, opened: Admitted, user: str) -> WebResponse:
    response = json_response({"version": 1, "session": True, "user": user or None, "key": opened.key})
    return WebResponse(response.body, 200, {**response.headers, "set-cookie": _cookie(request, opened.cookie, "")})


def _cookie(request: WebRequest, value: str, more: str) -> str:
    secure = "; Secure" if request.is_secure else ""
    return f"{cookie_name(request)}={value}; Path=/; HttpOnly; SameSite=Strict{secure}{more}"

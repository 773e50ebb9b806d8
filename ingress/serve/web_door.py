"""The listeners of the page of one ingress, and what its files say of who may look: bound at a start and exchanged by a
reload."""

import socket
from collections.abc import Mapping, Sequence

import trio

from ingress.client.passwords import Passwords
from ingress.config import Web
from ingress.users import Users
from ingress.web.assets import load_assets
from ingress.web.exchange import WebRoute
from ingress.web.files import WebFiles
from ingress.web.server import WebServer
from ingress.web.sessions import PageSessions
from ingress.web.site import Site, SiteSettings
from relay.engine import Loop
from relay.errors import OperatorError
from relay.listen import listen_at
from relay.model.network import Address


class WebDoor:
    """Where the page is served, if it is."""

    def __init__(self, loop: Loop, nursery: trio.Nursery) -> None:
        self._nursery = nursery
        self._scopes: dict[Address, trio.CancelScope] = {}
        self._site: Site | None = None
        self._server: WebServer | None = None
        self.routes: Sequence[WebRoute] = ()
        """What is answered; told before the start, by whom it is put together."""
        self.sessions = PageSessions()
        self.passwords = Passwords(loop, nursery, None)
        self._users = Users({})
        self.web: Web | None = None
        """What the file says of it."""

    @property
    def refused(self) -> int:
        """Requests that were not answered because of who asked, or how, since the start."""
        return 0 if self._site is None else self._site.refused

    @property
    def evicted(self) -> int:
        """Strangers' connections that made room for others, since the start."""
        return 0 if self._server is None else self._server.strangers.statistics().evicted

    @property
    def has_users(self) -> bool:
        """Whether somebody can log in with a password."""
        return self.web is not None and self.web.users is not None

    def invite(self) -> str:
        """An address of the page that begins one session.

        Raises:
            OperatorError: no page is served.
        """
        if self.web is None:
            raise OperatorError('no page is served; write web = "127.0.0.1:9090" in [ingress.NAME], and reload')
        at = self.web.listen[0]
        host = self.web.hosts[0] if self.web.hosts else _reached(at.host)
        scheme = "http" if self.web.certificate is None else "https"
        return f"{scheme}://{Address(host, at.port)}/#token={self.sessions.invite(trio.current_time())}"

    async def judge(self, address: str, user: bytes, password: bytes) -> bool:
        """Whether the two belong together."""
        told, done = [False], trio.Event()

        def answer(is_right: bool) -> None:
            told[0] = is_right
            done.set()

        found = self.passwords.judge(address, user, password, answer)
        if isinstance(found, bool):
            return found
        try:
            await done.wait()
        finally:
            found.cancel()
        return told[0]

    def bind_new(self, web: Web | None) -> Mapping[Address, socket.socket]:
        """Sockets for the addresses of *web* that are new. OperatorError leaves none of them open."""
        wanted = () if web is None else web.listen
        return listen_at([at for at in wanted if at not in self._scopes], self._scopes)

    def use(self, web: Web | None, files: WebFiles | None, bound: Mapping[Address, socket.socket]) -> None:
        """Serve what *web* says at its addresses and at no others; *bound* is what `bind_new` has made of them."""
        self.web = web
        users = None if files is None else files.users
        self.passwords.use(users)
        known, self._users = self._users, users or Users({})
        self.sessions.close_all_but(lambda user: known.is_unchanged(user.encode(), self._users))
        wanted = frozenset(() if web is None else web.listen)
        for at in [at for at in self._scopes if at not in wanted]:
            self._scopes.pop(at).cancel()
        if web is None or files is None:
            return
        site, server = self._made()
        site.settings = SiteSettings(frozenset(web.hosts), files.token, frozenset(web.origins))
        server.context = files.context
        for at, sock in bound.items():
            scope = self._scopes[at] = trio.CancelScope()
            self._nursery.start_soon(_listen, server, sock, scope)

    def _made(self) -> tuple[Site, WebServer]:
        """What serves it, made when the first page is wanted."""
        if self._site is None or self._server is None:
            self._site = Site(self.routes, load_assets(), self.sessions, trio.current_time)
            self._server = WebServer(self._site)
        return self._site, self._server

    def close(self) -> None:
        """Serve nobody any more."""
        for scope in self._scopes.values():
            scope.cancel()
        self._scopes.clear()


def _reached(host: str) -> str:
    """Where what listens at *host* is reached on this machine."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)


async def _listen(server: WebServer, sock: socket.socket, scope: trio.CancelScope) -> None:
    with scope:
        await server.listen(trio.socket.from_stdlib_socket(sock))

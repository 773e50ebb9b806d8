"""The files that the page needs: who may log in, the token, the certificate. Needs no trio: `ingress check` reads them,
too."""

import ssl
from typing import Final

import attrs

from ingress.config import Web
from ingress.users import Users
from ingress.users_file import load_users
from ingress.web.sessions import digest_of
from relay.config.secrets import read_secret
from relay.errors import OperatorError
from relay.private import read_private

SHORTEST_TOKEN: Final = 16
"""Characters. What can be guessed is no token."""


@attrs.frozen
class WebFiles:
    """What was read of all that the page needs."""

    users: Users | None
    token: bytes | None
    """Its digest."""
    context: ssl.SSLContext | None


def read_web_files(web: Web) -> WebFiles:
    """The files that *web* names. OperatorError says what is wrong with one."""
    users = None if web.users is None else load_users(web.users, "ingress user --page add NAME")
    token = None if web.token is None else read_secret(web.token)
    if token is not None and len(token) < SHORTEST_TOKEN:
        where = (web.token and (web.token.file or web.token.env)) or ""
        raise OperatorError(
            f"{where}: the token has fewer than {SHORTEST_TOKEN} characters; make one: openssl rand -hex 32"
        )
    return WebFiles(users, None if token is None else digest_of(token), _context(web))


def _context(web: Web) -> ssl.SSLContext | None:
    if web.certificate is None or web.key is None:
        return None
    read_private(web.key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(web.certificate, web.key)
    except (OSError, ssl.SSLError) as error:
        raise OperatorError(
            f"{web.certificate}: with {web.key} it is no certificate that can be served ({error}); both are PEM"
        ) from error
    return context

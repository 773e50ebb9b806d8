"""Opens a carrier along a path: dial, TLS with every node in turn, TRANSIT at each relay, HELLO at the end.

The path is up after an answered HELLO, not before: a TLS 1.3 client learns only at its first read that it was refused.
"""

import contextlib
import errno
import socket
import ssl
from pathlib import Path as FilePath
from typing import TypeVar

import attrs
import trio

from ingress.measure.health import Refusal
from relay.carrier.setup import SETUP_SECONDS, explain, is_farewell, read_message, send_message
from relay.dial.lines import dial_hop
from relay.engine import sockopts
from relay.engine.secured import Secured
from relay.engine.tls_setup import handshake, unwrap
from relay.errors import OperatorError
from relay.identity import PeerError, require_peer
from relay.model.walk import Path
from relay.wire.codes import Reason
from relay.wire.errors import ProtocolError
from relay.wire.setup import Hello, Message, OtherVersion, Proceed, Refused, Transit, Welcome
from relay.wire.versions import OURS, tell_apart

SHOWN = {
    Reason.VERSION: Refusal.VERSION,
    Reason.NOT_AN_INGRESS: Refusal.AUTH,
    Reason.UNKNOWN_LINE: Refusal.STALE_CONFIG,
    Reason.STALE_CONFIG: Refusal.STALE_CONFIG,
    Reason.NOT_AN_EXIT: Refusal.STALE_CONFIG,
    Reason.NOT_UNDERSTOOD: Refusal.VERSION,
}
"""Reasons that waiting will not mend, and the path state that says so."""


Answer = TypeVar("Answer", Proceed, Welcome)


class SetupFailed(Exception):
    """No carrier came up; the text names the node or line and says why."""

    def __init__(
        self, text: str, reason: Reason | None = None, shown: Refusal | None = None, *, nothing_listens: bool = False
    ) -> None:
        super().__init__(text)
        self.reason = reason
        self.nothing_listens = nothing_listens
        """The path's last line was dialled, and its end refused: nothing listens there."""
        self.shown = SHOWN.get(reason) if shown is None and reason is not None else shown


@attrs.frozen
class Opened:
    """A carrier that is up and that nobody reads yet."""

    tls: Secured
    welcome: Welcome
    dials: dict[str, float]
    """Seconds that the dial of each line on the way took."""


async def open_carrier(
    path: Path, hello: Hello, context: ssl.SSLContext, base: FilePath, timeout: float = SETUP_SECONDS
) -> Opened:
    """Open a carrier along *path* and say *hello* at its end.

    Raises:
        SetupFailed: with nothing left open.
    """
    with trio.move_on_after(timeout):
        return await _open(path, hello, context, base)
    raise SetupFailed(f"no answer along {path.name} within {timeout:.1f} s")


async def _open(path: Path, hello: Hello, context: ssl.SSLContext, base: FilePath) -> Opened:
    first = path.hops[0]
    try:
        sock, took = await dial_hop(first, base, SETUP_SECONDS)
    except (OSError, OperatorError) as error:
        refused = getattr(error, "errno", None) == errno.ECONNREFUSED
        raise SetupFailed(
            f"line {first.line.name}: {error}", nothing_listens=refused and len(path.hops) == 1
        ) from error
    dials = {first.line.name: took}
    try:
        sockopts.carrier(sock)
        for count, following in enumerate(path.hops[1:], 1):
            tls = await _secure(sock, context, following.start)
            proceed = await _transit(tls, path, count, hello.serial)
            dials[following.line.name] = proceed.dial
            sock = await unwrap(tls)
        tls = await _secure(sock, context, path.end)
        welcome = await _ask(tls, hello, path.end, first.start)
        if not isinstance(welcome, Welcome):
            raise SetupFailed(f"{path.end} answered HELLO with a {type(welcome).__name__}")
        return Opened(tls, _check(welcome, path.end), dials)
    except OSError as error:
        sock.close()
        raise SetupFailed(f"{path.name}: {explain(error)}") from error
    except BaseException:
        sock.close()
        raise


async def _transit(tls: Secured, path: Path, count: int, serial: int) -> Proceed:
    """Have the node behind the first *count* lines of *path* dial the next one; *serial* is that of our file."""
    hop = path.hops[count]
    came_by, left = path.hops[count - 1].line.name, len(path.hops) - count
    asking = Transit(hop.line.name, hop.digest, via=came_by, left=left, serial=serial)
    try:
        proceed = await _ask(tls, asking, hop.start, path.hops[0].start)
    except SetupFailed as failure:
        failure.nothing_listens = failure.reason is Reason.DIAL_REFUSED and asking.left == 1
        raise
    if not isinstance(proceed, Proceed):
        raise SetupFailed(f"{hop.start} answered TRANSIT with a {type(proceed).__name__}")
    return _check(proceed, hop.start)


async def _secure(sock: socket.socket, context: ssl.SSLContext, node: str) -> Secured:
    try:
        secured = await handshake(sock, context, server_side=False)
    except ssl.SSLError as error:
        raise _tls_failed(node, "what answers there is not to be trusted", error) from error
    try:
        require_peer(secured.tls, node)
    except PeerError as error:
        secured.close()
        raise SetupFailed(str(error), shown=Refusal.AUTH) from error
    return secured


async def _ask(tls: Secured, question: Message, node: str, me: str) -> Message:
    """What *node* answers to *question* of *me*, if it is no refusal."""
    try:
        with contextlib.suppress(OSError):  # who is refused may not get to write, and only the read tells why
            await send_message(tls, question)
        answer = await read_message(tls)
    except ssl.SSLError as error:
        raise _tls_failed(node, "our certificate is refused", error) from error
    except ProtocolError as error:
        raise SetupFailed(f"{node}: {error}", shown=Refusal.VERSION) from error
    if isinstance(answer, Refused):
        raise SetupFailed(answer.text, answer.reason)
    if isinstance(answer, OtherVersion):
        raise SetupFailed(tell_apart(me, node, answer.versions), Reason.VERSION)
    return answer


def _tls_failed(node: str, what: str, error: ssl.SSLError) -> SetupFailed:
    """A certificate is wrong at one end or the other, unless the connection just ended or was none of TLS."""
    if is_farewell(error):
        return SetupFailed(f"{node}: {explain(error)}")
    is_about_us = isinstance(error, ssl.SSLCertVerificationError) or "ALERT" in (error.reason or "")
    return SetupFailed(f"{node}: {what} ({explain(error)})", shown=Refusal.AUTH if is_about_us else None)


def _check(answer: Answer, node: str) -> Answer:
    """*answer*, if it goes on in a version that we speak."""
    if not OURS.oldest <= answer.agreed <= OURS.newest:
        raise SetupFailed(f"{node} goes on in version {answer.agreed}, we speak {OURS}", Reason.VERSION)
    return answer

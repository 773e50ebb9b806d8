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

from ingress.measure.faults import FaultKind, SetupFault
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

KINDS = {
    Reason.VERSION: FaultKind.VERSION,
    Reason.NOT_AN_INGRESS: FaultKind.NOT_LET_IN,
    Reason.UNKNOWN_LINE: FaultKind.STALE_CONFIG,
    Reason.STALE_CONFIG: FaultKind.STALE_CONFIG,
    Reason.NOT_AN_EXIT: FaultKind.STALE_CONFIG,
    Reason.NOT_UNDERSTOOD: FaultKind.VERSION,
    Reason.DRAINING: FaultKind.DRAINING,
    Reason.DIAL_FAILED: FaultKind.UNREACHABLE,
    Reason.DIAL_REFUSED: FaultKind.REFUSED,
}
"""What a node's refusal says of it, or of the line that it was asked for; other reasons are told in its own words."""
OF_THE_NEXT_LINE = (Reason.DIAL_FAILED, Reason.DIAL_REFUSED)


Answer = TypeVar("Answer", Proceed, Welcome)


class SetupFailed(Exception):
    """No carrier came up; the text names the node or line and says why."""

    def __init__(
        self, text: str, reason: Reason | None = None, *, kind: FaultKind | None = None, hop: int = 0, shown: str = ""
    ) -> None:
        super().__init__(text)
        self.reason = reason
        told = FaultKind.OTHER if reason is None else KINDS.get(reason, FaultKind.OTHER)
        self.fault = SetupFault(told if kind is None else kind, hop, text, shown or None)

    def behind(self, hop: int) -> None:
        """The set-up had come as far as the end of *hop*; what was said of the hops behind it counts from there."""
        self.fault = attrs.evolve(self.fault, hop=hop + self.fault.hop)


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
    setup = _Setup(path, context)
    try:
        with trio.move_on_after(timeout):
            return await setup.run(hello, base)
    except SetupFailed as failure:
        failure.behind(setup.hop)
        raise
    raise SetupFailed(f"no answer along {path.name} within {timeout:.1f} s", kind=FaultKind.SILENT, hop=setup.hop)


class _Setup:
    """One attempt, and how far it came."""

    def __init__(self, path: Path, context: ssl.SSLContext) -> None:
        self.hop = 0
        """Whose line is dialled, or the node at whose end is spoken to."""
        self._path = path
        self._context = context

    async def run(self, hello: Hello, base: FilePath) -> Opened:
        first = self._path.hops[0]
        try:
            sock, took = await dial_hop(first, base, SETUP_SECONDS)
        except (OSError, OperatorError) as error:
            refused = getattr(error, "errno", None) == errno.ECONNREFUSED
            kind = FaultKind.REFUSED if refused else FaultKind.UNREACHABLE
            raise SetupFailed(f"line {first.line.name}: {_plainly(error)}", kind=kind) from error
        try:
            return await self._along(sock, took, hello)
        except OSError as error:
            sock.close()
            raise SetupFailed(f"{self._path.name}: {explain(error)}", kind=FaultKind.SILENT) from error
        except BaseException:
            sock.close()
            raise

    async def _along(self, sock: socket.socket, took: float, hello: Hello) -> Opened:
        path = self._path
        dials = {path.hops[0].line.name: took}
        sockopts.carrier(sock)
        for count, following in enumerate(path.hops[1:], 1):
            tls = await _secure(sock, self._context, following.start)
            proceed = await _transit(tls, path, count, hello.serial)
            dials[following.line.name] = proceed.dial
            sock = await unwrap(tls)
            self.hop = count
        tls = await _secure(sock, self._context, path.end)
        welcome = await _ask(tls, hello, path.end, path.hops[0].start)
        if not isinstance(welcome, Welcome):
            raise SetupFailed(f"{path.end} answered HELLO with a {type(welcome).__name__}")
        return Opened(tls, _check(welcome, path.end), dials)


def _plainly(error: Exception) -> str:
    """Without the number that Python puts before the words."""
    return getattr(error, "strerror", None) or str(error)


async def _transit(tls: Secured, path: Path, count: int, serial: int) -> Proceed:
    """Have the node behind the first *count* lines of *path* dial the next one; *serial* is that of our file."""
    hop = path.hops[count]
    came_by, left = path.hops[count - 1].line.name, len(path.hops) - count
    asking = Transit(hop.line.name, hop.digest, via=came_by, left=left, serial=serial)
    proceed = await _ask(tls, asking, hop.start, path.hops[0].start)
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
        kind = FaultKind.WRONG_NODE if error.found else FaultKind.UNTRUSTED
        raise SetupFailed(str(error), kind=kind, shown=error.found) from error
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
        raise SetupFailed(f"{node}: {error}", kind=FaultKind.VERSION) from error
    if isinstance(answer, Refused):
        raise _refused(answer, question)
    if isinstance(answer, OtherVersion):
        raise SetupFailed(tell_apart(me, node, answer.versions), Reason.VERSION)
    return answer


def _refused(answer: Refused, question: Message) -> SetupFailed:
    """What the dial of the next line came to is that line's fault; at the end of a path there is none."""
    if answer.reason not in OF_THE_NEXT_LINE:
        return SetupFailed(answer.text, answer.reason)
    if isinstance(question, Transit):
        return SetupFailed(answer.text, answer.reason, hop=1)
    return SetupFailed(answer.text, answer.reason, kind=FaultKind.OTHER)


def _tls_failed(node: str, what: str, error: ssl.SSLError) -> SetupFailed:
    """A certificate is wrong at one end or the other, unless the connection just ended or was none of TLS."""
    if is_farewell(error):
        return SetupFailed(f"{node}: {explain(error)}", kind=FaultKind.SILENT)
    if "ALERT" in (error.reason or ""):
        kind = FaultKind.NOT_LET_IN
    else:
        kind = FaultKind.UNTRUSTED if isinstance(error, ssl.SSLCertVerificationError) else FaultKind.NO_TLS
    return SetupFailed(f"{node}: {what} ({explain(error)})", kind=kind)


def _check(answer: Answer, node: str) -> Answer:
    """*answer*, if it goes on in a version that we speak."""
    if not OURS.oldest <= answer.agreed <= OURS.newest:
        raise SetupFailed(f"{node} goes on in version {answer.agreed}, we speak {OURS}", Reason.VERSION)
    return answer

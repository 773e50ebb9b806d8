"""Opens a carrier along a path: dial, TLS with every node in turn, TRANSIT at each relay, HELLO at the end.

The path is up after an answered HELLO, not before: a TLS 1.3 client learns only at its first read that it was refused.
What a node refuses is read by `ingress/measure/faults.py`, and in its own name: its certificate is checked before it
is asked, and its words are shown as its words.
"""

import contextlib
import errno
import socket
import ssl
from pathlib import Path as FilePath
from typing import TypeVar

import attrs
import trio

from ingress.measure.faults import OF_THE_NEXT_LINE, Asked, FaultKind, SetupFault, kind_of
from ingress.messages.message import Message
from ingress.paths.labeling import Labeling
from relay.carrier.setup import SETUP_SECONDS, explain, is_farewell, read_message, send_message
from relay.dial.lines import dial_hop
from relay.dial.udp import udp_address
from relay.engine import sockopts
from relay.engine.secured import Secured
from relay.engine.tls_setup import handshake, unwrap
from relay.engine.udp import DatagramAddress
from relay.errors import OperatorError
from relay.identity import PeerError, require_peer
from relay.model.walk import Path
from relay.wire.codes import Verdict
from relay.wire.errors import ProtocolError
from relay.wire.setup import Hello, OtherVersion, Proceed, Refused, Transit, Welcome
from relay.wire.setup import Message as SetupMessage
from relay.wire.versions import OURS, tell_apart

Answer = TypeVar("Answer", Proceed, Welcome)


class SetupFailed(Exception):
    """No carrier came up; `fault` says why, and its text is that of the exception."""

    def __init__(self, fault: SetupFault) -> None:
        super().__init__(fault.text)
        self.fault = fault


@attrs.frozen
class Opened:
    """A carrier that is up and that nobody reads yet."""

    tls: Secured
    welcome: Welcome
    dials: dict[str, float]
    """Seconds that the dial of each line on the way took."""
    takes: tuple[Verdict | None, ...] = ()
    """What each relay on the way said of the label, if it was told one."""
    datagrams_to: DatagramAddress | None = None
    """Where datagrams go that take the first line; None: there are none, or no label was to be told."""


async def open_carrier(
    path: Path,
    hello: Hello,
    context: ssl.SSLContext,
    base: FilePath,
    timeout: float = SETUP_SECONDS,
    labeling: Labeling | None = None,
) -> Opened:
    """Open a carrier along *path* and say *hello* at its end; *labeling* is what relays are told of its datagrams.

    Raises:
        SetupFailed: with nothing left open.
    """
    setup = _Setup(path, hello, context, labeling)
    with trio.move_on_after(timeout):
        return await setup.run(base)
    raise setup.failed(Message("health.unanswered", path=path.name, length=timeout), FaultKind.SILENT)


class _Setup:
    """One attempt, and how far it came."""

    def __init__(self, path: Path, hello: Hello, context: ssl.SSLContext, labeling: Labeling | None) -> None:
        self._path = path
        self._hello = hello
        self._context = context
        self._labeling = labeling
        self._takes: list[Verdict | None] = []
        self._hop = 0
        """Whose line is dialled, or the node at whose end is spoken to."""

    @property
    def _node(self) -> str:
        return self._path.hops[self._hop].end

    async def run(self, base: FilePath) -> Opened:
        """All of it, from the dial to the answered HELLO."""
        first = self._path.hops[0]
        try:
            sock, took = await dial_hop(first, base, SETUP_SECONDS)
        except (OSError, OperatorError) as error:
            refused = getattr(error, "errno", None) == errno.ECONNREFUSED
            kind = FaultKind.REFUSED if refused else FaultKind.UNREACHABLE
            raise self.failed(Message("setup.line", line=first.line.name, why=_plainly(error)), kind) from error
        try:
            return await self._along(sock, took, await self._datagrams_to(sock))
        except OSError as error:
            sock.close()
            raise self.failed(Message("about", name=self._path.name, text=explain(error)), FaultKind.SILENT) from error
        except BaseException:
            sock.close()
            raise

    async def _datagrams_to(self, sock: socket.socket) -> DatagramAddress | None:
        """Where datagrams go that take the first line, which *sock* was dialled over. That they go nowhere is no reason
        for a carrier not to come up."""
        if self._labeling is None:
            return None
        try:
            return await udp_address(self._path.hops[0], sock)
        except OSError:
            return None

    async def _along(self, sock: socket.socket, took: float, datagrams_to: DatagramAddress | None) -> Opened:
        dials = {self._path.hops[0].line.name: took}
        sockopts.carrier(sock)
        for count, following in enumerate(self._path.hops[1:], 1):
            tls = await self._secure(sock)
            dials[following.line.name] = await self._pass_on(tls, count)
            sock = await unwrap(tls)
            self._hop = count
        tls = await self._secure(sock)
        return Opened(tls, await self._greet(tls), dials, tuple(self._takes), datagrams_to)

    async def _secure(self, sock: socket.socket) -> Secured:
        try:
            secured = await handshake(sock, self._context, server_side=False)
        except ssl.SSLError as error:
            raise self._tls_failed("setup.untrusted", error) from error
        try:
            require_peer(secured.tls, self._node)
        except PeerError as error:
            secured.close()
            kind = FaultKind.WRONG_NODE if error.found else FaultKind.UNTRUSTED
            raise self.failed(str(error), kind, shown=error.found or None) from error
        return secured

    async def _pass_on(self, tls: Secured, count: int) -> float:
        """Have the node behind the first *count* lines dial the next one: how long that took."""
        hop, left = self._path.hops[count], len(self._path.hops) - count
        came_by = self._path.hops[self._hop].line.name
        asking = Transit(hop.line.name, hop.digest, via=came_by, left=left, serial=self._hello.serial)
        if self._labeling is not None:
            key = self._labeling.hop_keys[count - 1]
            asking = attrs.evolve(asking, label=self._labeling.label, place=count, hop_key=key)
        proceed = await self._ask(tls, asking, Asked.TRANSIT)
        if not isinstance(proceed, Proceed):
            raise self._said(self._answered("TRANSIT", proceed))
        self._takes.append(proceed.takes)
        return self._check(proceed).dial

    async def _greet(self, tls: Secured) -> Welcome:
        welcome = await self._ask(tls, self._hello, Asked.RESUME if self._hello.resume else Asked.HELLO)
        if not isinstance(welcome, Welcome):
            raise self._said(self._answered("HELLO", welcome))
        return self._check(welcome)

    async def _ask(self, tls: Secured, question: SetupMessage, asked: Asked) -> SetupMessage:
        """What the node answers to *question*, if it is no refusal."""
        try:
            with contextlib.suppress(OSError):  # who is refused may not get to write, and only the read tells why
                await send_message(tls, question)
            answer = await read_message(tls)
        except ssl.SSLError as error:
            raise self._tls_failed("setup.not-let-in", error, is_checked=True) from error
        except ProtocolError as error:
            raise self._said(str(error), FaultKind.VERSION) from error
        if isinstance(answer, Refused):
            raise self._refused(answer, kind_of(asked, answer.reason))
        if isinstance(answer, OtherVersion):
            text = tell_apart(self._path.hops[0].start, self._node, answer.versions)
            raise self.failed(text, FaultKind.VERSION, said_by=self._node)
        return answer

    def _check(self, answer: Answer) -> Answer:
        """*answer*, if it goes on in a version that we speak."""
        if not OURS.oldest <= answer.agreed <= OURS.newest:
            text = Message("setup.version", node=self._node, version=answer.agreed, ours=str(OURS))
            raise self._said(text, FaultKind.VERSION)
        return answer

    # ---- what went wrong

    def _answered(self, question: str, answer: SetupMessage) -> Message:
        return Message("setup.answered", node=self._node, question=question, answer=type(answer).__name__)

    def _refused(self, answer: Refused, kind: FaultKind) -> SetupFailed:
        if kind is FaultKind.MISPLACED:
            reason = answer.reason.name.lower().replace("_", " ")
            return self._said(Message("setup.misplaced", reason=reason, text=answer.text), kind)
        return self._said(answer.text, kind, behind=kind in OF_THE_NEXT_LINE)

    def _tls_failed(self, what: str, error: ssl.SSLError, *, is_checked: bool = False) -> SetupFailed:
        """A certificate is wrong at one end or the other, unless the connection just ended or was none of TLS. What
        comes behind the handshake (*is_checked*) is the node's word."""
        if is_farewell(error):
            return self.failed(Message("about", name=self._node, text=explain(error)), FaultKind.SILENT)
        text = Message(what, node=self._node, why=explain(error))
        if "ALERT" in (error.reason or ""):
            return self.failed(text, FaultKind.NOT_LET_IN, said_by=self._node if is_checked else None)
        is_untrusted = isinstance(error, ssl.SSLCertVerificationError)
        return self.failed(text, FaultKind.UNTRUSTED if is_untrusted else FaultKind.NO_TLS)

    def _said(self, text: str, kind: FaultKind = FaultKind.OTHER, *, behind: bool = False) -> SetupFailed:
        """The node, whose certificate was checked, says *text*, and is named with it; *behind*: of the next line."""
        node = self._node
        whole = text if text.startswith((f"{node} ", f"{node}: ")) else Message("about", name=node, text=text)
        return self.failed(whole, kind, said_by=node, behind=behind)

    def failed(
        self,
        text: str,
        kind: FaultKind,
        *,
        shown: str | None = None,
        said_by: str | None = None,
        behind: bool = False,
    ) -> SetupFailed:
        """It failed here, or at the hop *behind*."""
        return SetupFailed(SetupFault(kind, self._hop + behind, text, shown, said_by))


def _plainly(error: Exception) -> str:
    """Without the number that Python puts before the words."""
    return getattr(error, "strerror", None) or str(error)

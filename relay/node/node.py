"""A node: accepts carriers, passes them on over its own lines (TRANSIT) or ends them in a session (HELLO).

A stranger gets TLS and nothing else: names are checked before a message is acted upon, and every refusal is one line in
the log here and one message to a peer that proved to be ours. Nothing is dialled but lines of this node's own file.
"""

import errno
import socket
import ssl
from collections.abc import Iterable
from pathlib import Path

import trio

from relay import __version__, log
from relay.carrier.setup import SETUP_SECONDS, explain, is_farewell, read_message, send_message
from relay.dial.lines import dial_hop
from relay.engine import Loop, Splice, sockopts
from relay.engine.secured import Secured
from relay.engine.tls_setup import close, handshake, unwrap
from relay.errors import OperatorError
from relay.exit.targets import Targets
from relay.identity import Identity, PeerError, peer_name
from relay.model.network import Network
from relay.model.walk import Hop, hops_from
from relay.node.sessions import RefusedError, Terminal
from relay.node.strangers import Stranger, Strangers
from relay.session.window import Memory
from relay.wire.bodies import LineReport
from relay.wire.errors import ProtocolError
from relay.wire.setup import VERSION, Hello, Message, Proceed, Purpose, Refusal, Refused, Transit, Welcome

PASSING = (Refusal.DIAL_FAILED, Refusal.DIAL_REFUSED, Refusal.DRAINING)
"""Refusals that the weather explains: an ingress meets them at every redial of a dead line, and says so itself."""
TRANSIT_IDLE = 30.0
"""Seconds without a byte in either direction after which a passed-on carrier is closed: its ends are pinged far more
often, and drop it after 10."""


class RelayNode:
    """Everything that one `relay serve` holds. `network` and `identity` may be exchanged while it runs."""

    def __init__(
        self, loop: Loop, nursery: trio.Nursery, name: str, network: Network, identity: Identity, base: Path
    ) -> None:
        self.name = name
        self.base = base
        self.network = network
        self.terminal: Terminal
        self.transits: dict[Splice, str] = {}
        """Carriers that are passed on, and the ingress of each."""
        self.reports: list[LineReport] = []
        """How long the last dials of our own lines took."""
        self.is_draining = False
        self.changed = trio.Event()
        """Set when `network` has been exchanged; there is a new one then."""
        self._loop = loop
        self._nursery = nursery
        self._strangers = Strangers()
        self.use(network, identity)

    def use(self, network: Network, identity: Identity) -> None:
        """Go by *network* and *identity* from the next carrier on."""
        self.network = network
        self.identity = identity
        self._context = identity.server_context()
        told, self.changed = self.changed, trio.Event()
        told.set()

    def start_terminal(self, memory: Memory, targets: Targets | None) -> None:
        """Be ready for carriers that end here."""
        self.terminal = Terminal(self._loop, memory, targets)

    def expel_strangers(self) -> None:
        """End the carriers of ingresses that are no longer in the file."""
        ingresses = self.network.ingresses
        self.terminal.expel(ingresses)
        for splice in [splice for splice, owner in self.transits.items() if owner not in ingresses]:
            splice.close()
            del self.transits[splice]

    def drain(self) -> None:
        """Let no carrier in from now on, and tell the ingresses to leave."""
        self.is_draining = self.terminal.is_draining = True
        self.terminal.say_goaway()

    @property
    def is_exit(self) -> bool:
        return self.network.nodes[self.name].exit

    def hops(self) -> Iterable[Hop]:
        """The lines that start here."""
        return hops_from(self.network, self.name)

    def tell_lines(self, reports: list[LineReport]) -> None:
        """Remember how long our lines' dials took, and tell every ingress."""
        self.reports = reports
        self.terminal.tell_lines(self.network.digest, reports)

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """A connection came in: set it up in a task of its own."""
        self._nursery.start_soon(self._serve, sock, f"{address[0]}:{address[1]}", self._strangers.admit(address[0]))

    # ---- set-up

    async def _serve(self, sock: socket.socket, peer: str, stranger: Stranger) -> None:
        sockopts.carrier(sock)
        try:
            with stranger.scope, trio.fail_after(SETUP_SECONDS):
                await self._set_up(sock, peer, stranger)
            if stranger.scope.cancelled_caught:
                self._log_stranger(peer, "made room for others")
        except ssl.SSLCertVerificationError as error:
            log.event("set-up-failed", level="warning", peer=peer, why=explain(error))
        except PeerError as error:
            log.event("set-up-failed", level="warning", peer=peer, why=str(error))
        except OSError as error:
            if is_farewell(error):
                log.event("set-up-failed", level="debug", peer=peer, why=explain(error))
            else:
                self._log_stranger(peer, explain(error))
        except trio.TooSlowError:
            self._log_stranger(peer, "too slow")
        except Exception as error:  # noqa: BLE001 - one carrier's mishap must not end the node; it is logged
            log.event("handler-failed", level="error", what=f"the set-up of {peer}", error=repr(error))
        finally:
            self._strangers.leave(stranger)

    def _log_stranger(self, peer: str, why: str) -> None:
        if self._strangers.may_log(self._loop.now):
            log.event("set-up-failed", level="warning", peer=peer, why=why)

    async def _set_up(self, sock: socket.socket, peer: str, stranger: Stranger) -> None:
        """Everything until the engine owns the connection; on any error it is closed."""
        try:
            secured = await handshake(sock, self._context, server_side=True)
            owner = peer_name(secured.tls)
            self._strangers.leave(stranger)
            try:
                await self._answer(secured, owner, await self._read(secured))
            except RefusedError as refusal:
                level = "debug" if refusal.reason in PASSING else "warning"
                log.event("carrier-refused", level=level, peer=peer, name=owner, why=str(refusal))
                await send_message(secured, Refused(refusal.reason, str(refusal)))
                close(sock)
        except BaseException:
            close(sock)
            raise

    async def _read(self, secured: Secured) -> Message:
        try:
            return await read_message(secured)
        except ProtocolError as error:
            raise RefusedError(Refusal.PROTOCOL, f"{self.name} cannot read this: {error}") from error
        except OSError as error:
            if not is_farewell(error):
                raise
            text = f"{peer_name(secured.tls)} left without a word; perhaps it wanted another node than {self.name}"
            raise PeerError(text) from error

    async def _answer(self, secured: Secured, owner: str, message: Message) -> None:
        if owner not in self.network.ingresses:
            raise RefusedError(Refusal.NOT_AN_INGRESS, f"{owner} is not an ingress in the file of {self.name}")
        if not isinstance(message, Transit | Hello):
            raise RefusedError(Refusal.PROTOCOL, f"a {type(message).__name__} where TRANSIT or HELLO belongs")
        if message.version != VERSION:
            older = self.name if message.version > VERSION else owner
            text = f"{self.name} speaks version {VERSION}, {owner} version {message.version}: update {older}"
            raise RefusedError(Refusal.VERSION, text)
        if self.is_draining:
            raise RefusedError(Refusal.DRAINING, f"{self.name} is shutting down")
        if isinstance(message, Transit):
            await self._pass_on(secured, owner, message)
        else:
            await self._end_here(secured, owner, message)

    async def _pass_on(self, secured: Secured, owner: str, message: Transit) -> None:
        hop = self._hop(message)
        try:
            sock, took = await dial_hop(hop, self.base, SETUP_SECONDS)
        except (OSError, OperatorError) as error:
            reason = (
                Refusal.DIAL_REFUSED if getattr(error, "errno", None) == errno.ECONNREFUSED else Refusal.DIAL_FAILED
            )
            raise RefusedError(reason, f"{self.name} cannot dial {hop.line.name}: {error}") from error
        try:
            sockopts.carrier(sock)
            await send_message(secured, Proceed(took))
            raw = await unwrap(secured)
        except BaseException:
            sock.close()
            raise
        self._splice(raw, sock, owner, hop.line.name)

    def _hop(self, message: Transit) -> Hop:
        hop = next((hop for hop in self.hops() if hop.line.name == message.line), None)
        if hop is None:
            raise RefusedError(Refusal.UNKNOWN_LINE, f"{self.name} has no line {message.line} in its file: update it")
        if hop.line.digest != message.digest:
            text = f"{self.name} has another version of line {message.line} in its file: update it"
            raise RefusedError(Refusal.STALE_CONFIG, text)
        return hop

    def _splice(self, a: socket.socket, b: socket.socket, owner: str, line: str) -> None:
        def closed() -> None:
            del self.transits[splice]
            log.event("transit-closed", level="debug", line=line)

        splice = Splice(self._loop, a, b, closed, idle=TRANSIT_IDLE)
        self.transits[splice] = owner
        log.event("transit-opened", level="debug", line=line)

    async def _end_here(self, secured: Secured, owner: str, hello: Hello) -> None:
        if hello.purpose is not Purpose.PREFIX and not self.is_exit:
            raise RefusedError(Refusal.NOT_AN_EXIT, f"{self.name} is no exit in its own file: update it")
        session = self.terminal.session_for(hello, owner)
        digest, expires = self.network.digest, self.identity.expires
        if digest != hello.digest:
            log.event("config-differed", level="warning", ingress=owner, hint="update the older paths.toml")
        await send_message(secured, Welcome(digest, __version__, self.is_draining, expires))
        self.terminal.adopt(secured, session, hello.purpose)

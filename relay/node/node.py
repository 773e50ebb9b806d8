"""A node: accepts carriers, passes them on over its own lines (TRANSIT) or ends them in a session (HELLO).

A stranger gets TLS and nothing else: names are checked before a message is acted upon, and every refusal is one line in
the log here and one message to a peer that proved to be ours. Nothing is dialled but lines of this node's own file.
"""

import errno
import socket
import ssl
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs
import trio

from relay import __version__, log
from relay.carrier.setup import SETUP_SECONDS, explain, is_farewell, read_message, send_message
from relay.dial.lines import LineDial, dial_hop
from relay.dial.udp import udp_address
from relay.engine import DatagramOut, Loop, Splice, descriptors, sockopts
from relay.engine.secured import Secured
from relay.engine.tls_setup import close, handshake, unwrap
from relay.errors import OperatorError
from relay.identity import Identity, PeerError, peer_name
from relay.model.families import ALL_FAMILIES, Families
from relay.model.limits import Limits
from relay.model.network import Network, who_is_behind, whom_to_update
from relay.model.vitals import ConnectedIngress, LineReport
from relay.model.walk import MOST_LINES, Hop, hops_from
from relay.node.datagrams import NodeDatagrams
from relay.node.line_use import Carried, LineUse
from relay.node.loops import Onlooker, Passed
from relay.node.sessions import MOST_CARRIERS, RefusedError, Sessions
from relay.strangers import Stranger, Strangers
from relay.wire.codes import OF_DATAGRAMS, OUR_FEATURES, Feature, Purpose, Reason, Verdict
from relay.wire.errors import NotUnderstoodError, ProtocolError
from relay.wire.setup import Hello, OtherVersion, Parsed, Proceed, Refused, Transit, Welcome
from relay.wire.versions import NEWEST, tell_apart

PASSING = (Reason.DIAL_FAILED, Reason.DIAL_REFUSED, Reason.DRAINING)
"""Reasons that the weather explains: an ingress meets them at every redial of a dead line, and says so itself."""
MOST_STRANGERS = 512
"""Connections at once that have shown no certificate; each costs a task, a descriptor and perhaps a handshake."""
MOST_EACH = 128
"""Of one IPv4 address or IPv6 /64. An ingress that starts dials each of its 64 paths and their beginnings at once."""
MOST_SETUPS = 256
"""Set-ups of one ingress at once, after its certificate was read. One that starts dials each of its 64 paths and their
beginnings together."""
TRANSIT_IDLE = 30.0
"""Seconds without a byte in either direction after which a passed-on carrier is closed: its ends are pinged far more
often, and drop it after 10."""


@attrs.frozen
class Passage:
    """A carrier that is passed on: whose it is, by which line it came and over which it goes."""

    ingress: str
    via: str
    line: str
    watch: Onlooker
    """What it remembers of the set-ups that went by."""
    label: bytes = b""
    """Of the datagrams that take the same way."""

    def carried(self, splice: Splice) -> tuple[Carried, Carried]:
        """What *splice* has moved over either line."""
        moved = splice.statistics()
        to_via, to_line = splice.sent()
        return (
            Carried(self.via, moved.bytes_forth, moved.bytes_back, to_via),
            Carried(self.line, moved.bytes_back, moved.bytes_forth, to_line),
        )


class RelayNode:
    """Everything that one `relay serve` holds. `network` and `identity` may be exchanged while it runs."""

    def __init__(
        self,
        loop: Loop,
        nursery: trio.Nursery,
        name: str,
        network: Network,
        identity: Identity,
        base: Path,
        sessions: Sessions,
    ) -> None:
        """*sessions* take the carriers that end here; secrets of the file are read from beside *base*."""
        self.name = name
        self.base = base
        self.network = self.earlier = network
        """What is gone by, and what was so before the last reload: an ingress may not have read the new file yet."""
        self.sessions = sessions
        most = min(MOST_STRANGERS, descriptors.share_of_strangers())
        self.strangers = Strangers(most, min(MOST_EACH, most))
        self.transits: dict[Splice, Passage] = {}
        """Carriers that are passed on."""
        self.passed = Passed()
        """By which one that comes back is known."""
        self.refusals: Counter[Reason] = Counter()
        """Carriers that were refused."""
        self.dials: dict[str, LineDial] = {}
        """The last dial of each of our own lines."""
        self.families = ALL_FAMILIES
        """Those that this machine reaches the world by, as ingresses are told."""
        self.is_draining = False
        self.changed = trio.Event()
        """Set when `network` has been exchanged; there is a new one then."""
        self._loop = loop
        self._nursery = nursery
        self._set_ups: Counter[str] = Counter()
        """Under way, by ingress."""
        self.use(network, identity)

    def use(self, network: Network, identity: Identity) -> None:
        """Go by *network* and *identity* from the next carrier on."""
        if network != self.network:
            self.earlier = self.network
        self.network = network
        self.sessions.uses.know(network, self.name)
        self.identity = identity
        self.datagrams.take_only(identity.network)
        self._context = identity.server_context()
        told, self.changed = self.changed, trio.Event()
        told.set()

    def expel_strangers(self) -> None:
        """End the carriers of ingresses that are no longer in the file."""
        ingresses = self.network.ingresses
        self.sessions.expel(ingresses)
        self.datagrams.carriers.expel(ingresses)
        for splice in [splice for splice, passage in self.transits.items() if passage.ingress not in ingresses]:
            splice.close()
            self._passed(splice)

    def drain(self) -> None:
        """Let no carrier in from now on, and tell the ingresses to leave."""
        self.is_draining = self.sessions.is_draining = True
        self.sessions.say_goaway()

    @property
    def datagrams(self) -> NodeDatagrams:
        """What carries them here."""
        return self.sessions.datagrams

    @property
    def limits(self) -> Limits:
        """Those of this node."""
        return self.network.nodes[self.name].limits

    @property
    def is_exit(self) -> bool:
        """Whether the file in force lets this node connect to targets."""
        return self.network.nodes[self.name].exit

    def hops(self) -> Iterable[Hop]:
        """The lines that start here."""
        return hops_from(self.network, self.name)

    @property
    def digest(self) -> bytes:
        """Of what concerns this node in its file."""
        return self.network.digest_for(self.name)

    def note_dials(self, dials: Iterable[LineDial]) -> None:
        """Our lines were dialled."""
        self.dials = {dial.line: dial for dial in dials}

    def lines(self) -> list[LineReport]:
        """What is known of every line at this node, in the order of the file."""
        uses = self.sessions.uses.with_live([*self.sessions.carried(), *self._passing()])
        return [self._report(name, uses[name]) for name in self.network.lines if name in uses]

    def _report(self, line: str, use: LineUse) -> LineReport:
        dial = self.dials.get(line)
        report = LineReport(
            line,
            carriers=use.carriers,
            bytes_in=use.bytes_in,
            bytes_out=use.bytes_out,
            sent=use.sent if use.sent.segments else None,
        )
        if dial is None:
            return report
        return attrs.evolve(report, dial=dial.took, error=dial.error, age=self._loop.now - dial.at)

    def _passing(self) -> Iterator[Carried]:
        for splice, passage in self.transits.items():
            yield from passage.carried(splice)

    def connected(self) -> list[ConnectedIngress]:
        """What each ingress has here, what is passed on for it included."""
        found = {one.ingress: one for one in self.sessions.connected()}
        for passage in self.transits.values():
            one = found.get(passage.ingress, ConnectedIngress(passage.ingress))
            found[passage.ingress] = attrs.evolve(one, passed_on=one.passed_on + 1)
        return [found[name] for name in sorted(found)]

    def note_families(self, families: Families) -> None:
        """This machine reaches the world by *families*: WELCOME and STATUS say so from now on."""
        self.families = families

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """A connection came in: set it up in a task of its own."""
        scope = trio.CancelScope()
        stranger = self.strangers.admit(address[0], scope.cancel)
        self._nursery.start_soon(self._serve, sock, f"{address[0]}:{address[1]}", stranger, scope)

    # ---- set-up

    async def _serve(self, sock: socket.socket, peer: str, stranger: Stranger, scope: trio.CancelScope) -> None:
        sockopts.carrier(sock)
        try:
            with scope, trio.fail_after(self.limits.handshake):
                await self._set_up(sock, peer, stranger)
            if scope.cancelled_caught:
                _log_failure(peer, "made room for others")
        except ssl.SSLCertVerificationError as error:
            _log_failure(peer, explain(error), about="certificates")
        except PeerError as error:
            _log_failure(peer, str(error), about="certificates")
        except OSError as error:
            if is_farewell(error):
                log.event("set-up-failed", level="debug", peer=peer, why=explain(error))
            else:
                _log_failure(peer, explain(error))
        except trio.TooSlowError:
            _log_failure(peer, "too slow")
        except Exception as error:  # noqa: BLE001 - one carrier's mishap must not end the node; it is logged
            log.event("handler-failed", level="error", what=f"the set-up of {peer}", error=repr(error))
        finally:
            self.strangers.leave(stranger)

    async def _set_up(self, sock: socket.socket, peer: str, stranger: Stranger) -> None:
        """Everything until the engine owns the connection; on any error it is closed."""
        try:
            secured = await handshake(sock, self._context, server_side=True)
            owner = peer_name(secured.tls)
            self.strangers.leave(stranger)
            self._set_ups[owner] += 1
            try:
                await self._answer(secured, owner, await self._read(secured))
            except RefusedError as refusal:
                self.refusals[refusal.reason] += 1
                level = "debug" if refusal.reason in PASSING else "warning"
                log.event("carrier-refused", level=level, about=owner, peer=peer, name=owner, why=str(refusal))
                await send_message(secured, Refused(refusal.reason, str(refusal)))
                close(sock)
            finally:
                self._set_ups[owner] -= 1
        except BaseException:
            close(sock)
            raise

    async def _read(self, secured: Secured) -> Parsed:
        try:
            return await read_message(secured)
        except NotUnderstoodError as error:
            raise RefusedError(Reason.NOT_UNDERSTOOD, f"{self.name}: {error}: update {self.name}") from error
        except ProtocolError as error:
            raise RefusedError(Reason.PROTOCOL, f"{self.name} cannot read this: {error}") from error
        except OSError as error:
            if not is_farewell(error):
                raise
            text = f"{peer_name(secured.tls)} left without a word; perhaps it wanted another node than {self.name}"
            raise PeerError(text) from error

    async def _answer(self, secured: Secured, owner: str, message: Parsed) -> None:
        if owner not in self.network.ingresses:
            raise RefusedError(Reason.NOT_AN_INGRESS, f"{owner} is not an ingress in the file of {self.name}")
        if isinstance(message, OtherVersion):
            raise RefusedError(Reason.VERSION, tell_apart(self.name, owner, message.versions))
        if not isinstance(message, Transit | Hello):
            raise RefusedError(Reason.PROTOCOL, f"a {type(message).__name__} where TRANSIT or HELLO belongs")
        if self.is_draining:
            raise RefusedError(Reason.DRAINING, f"{self.name} is shutting down")
        if secured.opening in self.passed:
            raise RefusedError(Reason.LIMIT, f"{self.name} has passed this carrier on before: no path comes back")
        if self._set_ups[owner] > MOST_SETUPS:
            raise RefusedError(Reason.LIMIT, f"{owner} has {MOST_SETUPS} carriers under way at {self.name}")
        if isinstance(message, Transit):
            await self._pass_on(secured, owner, message)
        else:
            await self._end_here(secured, owner, message)

    async def _pass_on(self, secured: Secured, owner: str, message: Transit) -> None:
        hop = self._hop(message, owner)
        if sum(passage.ingress == owner for passage in self.transits.values()) >= MOST_CARRIERS:
            raise RefusedError(Reason.LIMIT, f"{self.name} passes on {MOST_CARRIERS} carriers of {owner} already")
        try:
            sock, took = await dial_hop(hop, self.base, SETUP_SECONDS)
        except (OSError, OperatorError) as error:
            reason = Reason.DIAL_REFUSED if getattr(error, "errno", None) == errno.ECONNREFUSED else Reason.DIAL_FAILED
            raise RefusedError(reason, f"{self.name} cannot dial {hop.line.name}: {error}") from error
        try:
            sockopts.carrier(sock)
            takes, onwards = await self._take_label(hop, sock, owner, message)
            await send_message(secured, Proceed(took, min(message.versions.newest, NEWEST), takes))
            raw = await unwrap(secured)
        except BaseException:
            sock.close()
            raise
        self._splice(raw, sock, owner, message, onwards)

    async def _take_label(
        self, hop: Hop, sock: socket.socket, owner: str, message: Transit
    ) -> tuple[Verdict | None, DatagramOut | None]:
        """What to say of the label that *message* has, and where its datagrams go on; *sock* was dialled."""
        if not message.label:
            return None, None
        if not self.datagrams.is_open:
            return Verdict.NO_DATAGRAMS, None
        try:
            address = await udp_address(hop, sock)
            onwards = None if address is None else self.datagrams.onwards(address, str(sock.getsockname()[0]))
        except OSError:
            return Verdict.UNKNOWN_ADDRESS, None
        if onwards is None:
            return Verdict.NO_DATAGRAMS, None
        verdict = self.datagrams.labels.may_have(message.label, owner)
        return verdict, onwards if verdict is Verdict.TAKEN else None

    def _hop(self, message: Transit, owner: str) -> Hop:
        """What *message* asks to dial: a line of the present file, or of the one before it."""
        if not 1 <= message.left < MOST_LINES:
            text = f"{self.name} passes on what has 1 to {MOST_LINES - 1} lines left, not {message.left}"
            raise RefusedError(Reason.LIMIT, text)
        known = [*self.hops(), *hops_from(self.earlier, self.name)]
        found = [hop for hop in known if hop.line.name == message.line]
        for hop in found:
            if hop.digest == message.digest:
                return hop
        what, reason = ("another version of", Reason.STALE_CONFIG) if found else ("no", Reason.UNKNOWN_LINE)
        update = whom_to_update(owner, message.serial, self.network.serial)
        raise RefusedError(reason, f"{self.name} has {what} line {message.line} in its file: {update}")

    def _splice(
        self, a: socket.socket, b: socket.socket, owner: str, message: Transit, onwards: DatagramOut | None
    ) -> None:
        def closed() -> None:
            self._passed(splice)
            log.event("transit-closed", level="debug", line=message.line, via=message.via)

        watch = Onlooker(self.passed)
        splice = Splice(self._loop, a, b, closed, idle=TRANSIT_IDLE, watch=watch)
        label = b""
        if onwards is not None:
            label = message.label
            self.datagrams.labels.pass_on(label, owner, message.place, message.hop_key, onwards)
        self.transits[splice] = Passage(owner, message.via, message.line, watch, label)
        log.event("transit-opened", level="debug", line=message.line, via=message.via)

    def _passed(self, splice: Splice) -> None:
        passage = self.transits.pop(splice)
        passage.watch.forget()
        if passage.label:
            self.datagrams.labels.carrier_ended(passage.label)
        for one in passage.carried(splice):
            self.sessions.uses.ended(one)

    async def _end_here(self, secured: Secured, owner: str, hello: Hello) -> None:
        if not isinstance(hello.purpose, Purpose):
            text = f"{self.name} knows no carriers of purpose {hello.purpose}: update {self.name}"
            raise RefusedError(Reason.NOT_UNDERSTOOD, text)
        if hello.purpose is Purpose.DATAGRAM:
            await self._take_datagrams(secured, owner, hello)
            return
        if hello.purpose is not Purpose.PREFIX and not self.is_exit:
            update = whom_to_update(owner, hello.serial, self.network.serial)
            raise RefusedError(Reason.NOT_AN_EXIT, f"{self.name} is no exit in its own file: {update}")
        session = self.sessions.session_for(hello, owner)
        await send_message(secured, self._welcome(owner, hello))
        self.sessions.adopt(secured, session, hello)

    async def _take_datagrams(self, secured: Secured, owner: str, hello: Hello) -> None:
        """The carrier has datagrams, and is of no session."""
        if self.datagrams.carriers.of(owner) >= MOST_CARRIERS:
            raise RefusedError(Reason.LIMIT, f"{owner} has {MOST_CARRIERS} carriers for datagrams here already")
        await send_message(secured, self._welcome(owner, hello))
        self.datagrams.carriers.adopt(secured, owner, hello.via)

    def _welcome(self, owner: str, hello: Hello) -> Welcome:
        digest, serial = self.digest, self.network.serial
        if digest != hello.digest:
            why = who_is_behind(owner, hello.serial, self.name, serial)
            log.event(
                "config-differed",
                level="warning",
                about=owner,
                ingress=owner,
                serial=serial,
                theirs=hello.serial,
                why=why,
            )
        return Welcome(
            digest,
            serial,
            __version__,
            self.is_draining,
            self.identity.expires,
            features=OUR_FEATURES | (OF_DATAGRAMS if self.datagrams.is_open else Feature(0)),
            families=self.families,
            agreed=min(hello.versions.newest, NEWEST),
        )


def _log_failure(peer: str, why: str, about: str = "") -> None:
    """What a port scan makes by the thousand (*about* nothing) does not use up the lines about certificates."""
    log.event("set-up-failed", level="warning", about=about, peer=peer, why=why)

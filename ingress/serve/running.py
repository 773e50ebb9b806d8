"""One ingress process: its parts, made from the files and exchanged by a reload. What serves, reloads and answers works
on it."""

import importlib
import socket
import time
from argparse import Namespace
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial
from pathlib import Path

import attrs
import trio

from ingress.alerts.notice import Fact
from ingress.choice.demand import demands_of
from ingress.choice.sites import load_suffixes
from ingress.choice.wishes import Wish, Wishes, read_wishes
from ingress.client.allowances import Allowances
from ingress.client.associations import ClientAssociations
from ingress.client.client_accounts import ClientAccounts
from ingress.client.entrance import Entrance
from ingress.client.opener import Opener
from ingress.config import IngressConfig, load
from ingress.config.rule import of_rules
from ingress.direct.direct_exit import DirectExit
from ingress.direct.own_names import OwnNames
from ingress.lists.load import NO_LISTS, Lists, load_lists
from ingress.paths.fleet import Fleet
from ingress.paths.live import SetupOptions
from ingress.quota.tallies import KeptTallies
from ingress.serve.alert_door import AlertDoor
from ingress.serve.alert_facts import certificate_ends, effect, facts
from ingress.serve.alerting import Alerting, read_kept
from ingress.serve.certificate_watch import CertificateWatch
from ingress.serve.datagram_forwards import Bound, DatagramForwards
from ingress.serve.history_keeping import History
from ingress.serve.holding import Holding
from ingress.serve.list_fetch import ListFetcher
from ingress.serve.list_watch import ListWatch
from ingress.serve.presence import Presence, read_sign
from ingress.serve.quota_keeping import QuotaKeeping
from ingress.serve.web_door import WebDoor
from ingress.serve.wish_ends import WishEnds
from ingress.state.capacities import CapacityPart
from ingress.state.keeper import Keeper, Part
from ingress.state.notes import NotePart
from ingress.state.place import fetched_folder, state_file, state_folder
from ingress.state.quotas import QuotaPart
from ingress.state.usage import UsagePart
from ingress.usage.usage import Usage
from ingress.users import Users
from ingress.users_file import load_users
from ingress.web.files import WebFiles, read_web_files
from relay import log
from relay.engine import Listener, Loop, sockopts
from relay.errors import OperatorError
from relay.identity import Identity, load_identity
from relay.listen import listen_at
from relay.model.cause import Cause
from relay.model.network import Address
from relay.serve.half_closed import watch_half_closed
from relay.serve.reloads import Reloads, read_aside
from relay.serve.shortage import Shortages
from relay.serve.vanished import Vanished
from relay.session.stream import Stream
from relay.session.window import Memory

OnAccept = Callable[[socket.socket, tuple[str, int]], None]


@attrs.frozen
class Files:
    """What was read of all that an ingress needs."""

    config: IngressConfig
    identity: Identity
    users: Users | None
    lists: Lists
    web: WebFiles | None


def read(options: Namespace, name: str | None, known: Lists = NO_LISTS) -> Files:
    """All files that the ingress *name* (the only one, if None) needs, checked; OperatorError with every mistake. Of
    *known* lists those are not read again that have not changed."""
    config = load(options.config, name)
    load_suffixes()  # not in the loop, by the first stream
    _load_library(config)
    identity = load_identity(Path(options.keys), config.name)
    if not identity.is_ingress:
        raise OperatorError(
            f"{options.keys}/{config.name}: is the certificate of a relay; run: ingress keys --renew {config.name}"
        )
    users = None if config.users is None else load_users(config.users)
    return Files(
        config,
        identity,
        users,
        load_lists(of_rules(config.rules), config.countries, known, fetched_folder(config.state)),
        None if config.web is None else read_web_files(config.web),
    )


def _load_library(config: IngressConfig) -> None:
    """What writes /metrics takes a tenth of a second to import: not in the loop, by the first scrape."""
    if config.web is not None:
        importlib.import_module("ingress.metrics.exposition")


def _tag(config: IngressConfig, identity: Identity) -> bytes | None:
    """With what labels of datagrams begin; None where none are relayed."""
    return identity.network if config.udp else None


class Running:
    """Made inside the nursery that its tasks live in; nothing listens before `start`."""

    def __init__(self, options: Namespace, files: Files, nursery: trio.Nursery) -> None:
        self.options = options
        self.config = config = files.config
        self.identity = identity = files.identity
        self.lists = files.lists
        self._web_files = files.web
        self.loop = Loop()
        self.memory = Memory(config.limits.memory)
        self.vanished = Vanished(self.loop, lambda: self.config.limits.keepalive)
        self.is_draining = False
        self.since = self.loop.now
        self.reloads = Reloads(self._go_by_files)
        self._nursery = nursery
        self._listeners: dict[Address, Listener] = {}
        self._accepts: Mapping[Address, OnAccept] = {}
        base, tag = Path(options.config).parent, _tag(config, identity)
        setup = SetupOptions(config.network, identity.client_context(), base, tag)
        self.usage = Usage(time.time)
        self.accounts = ClientAccounts(self.usage, sites=config.sites)
        self.fleet = fleet = Fleet(self.loop, nursery, config.name, config.paths, setup, self.memory, self.usage)
        self.wishes = wishes = Wishes()
        wishes.plan(config.network, config.paths.used)
        self.names = OwnNames(self.loop, nursery, base)
        tallies = KeptTallies(time.time)
        allowances = Allowances(self.loop, tallies)
        by = self.accounts, allowances, config, files.lists, wishes, self.names
        self.opener = Opener(self.loop, fleet.chooser, fleet.moving, self._has_room, *by)
        self.associations = ClientAssociations(self.loop, fleet.chooser, fleet.datagrams, *by)
        shared = fleet, self.accounts, allowances, self.opener, self.associations, tallies
        self.quotas = QuotaKeeping(config.name, *shared, lambda: self.config.limits.drain)
        self.quotas.use(config)
        self.datagram_forwards = DatagramForwards(self.associations)
        self.entrance = Entrance(self.loop, nursery, self.opener, self.associations, config, files.users)
        self.history = History(config.name, fleet, time.time)
        self.fleet.on_round = self._each_round
        self.direct: DirectExit | None = None
        self._go_direct(config)
        accept = self.entrance.accept_forward
        self.list_watch = ListWatch(lambda: self.lists, self._use_lists)
        self.fetcher = ListFetcher(lambda: self.lists, self._use_lists, accept, self.loop.call_soon)
        state = state_file(state_folder(config.state), config.name)
        usage = UsagePart(config.name, self.usage, self._sweep, time.time)
        self.wish_ends = WishEnds(self.loop, wishes, lambda: self._rule_anew(True))
        kept = NotePart("wishes", wishes.write, read_wishes, self.wish_ends.recall)
        self.holding = Holding(fleet)
        capacities = CapacityPart(self.fleet.line_loads.capacities)
        parts: list[Part] = [capacities, usage, kept, self.holding.part, self.history.part, QuotaPart(tallies)]
        door = AlertDoor(self.loop, self.entrance).open
        counts = partial(effect, fleet)
        self.alerting = Alerting(config.name, nursery, self._facts, counts, door, base.absolute(), time.time)
        parts.append(NotePart("alerts", self.alerting.write, read_kept, self.alerting.recall))
        self.presence = Presence(time.time, self.alerting.was_away, lambda: self.is_draining)
        parts.append(NotePart("presence", self.presence.write, read_sign, self.presence.recall))
        self.keeper = Keeper(state, parts)
        self.certificates = CertificateWatch(self._certificate_ends, time.time)
        self.web = WebDoor(self.loop, nursery)

    def start(self) -> None:
        """Listen, keep what is learned, and look after what is half closed.

        Raises:
            OperatorError: an address cannot be listened on; the process should end.
        """
        self._listen(self.config, self._bind_new(self.config))
        forwards = self.config.datagram_forwards
        self.datagram_forwards.use(forwards, self.datagram_forwards.bind_new(forwards))
        self.web.use(self.config.web, self._web_files, self.web.bind_new(self.config.web))
        self.alerting.use(self.config.alerts)
        self.history.begin()
        self.presence.begin()
        self._nursery.start_soon(self._keep)
        self._nursery.start_soon(self.holding.watch)
        self._nursery.start_soon(self.vanished.watch)
        self._nursery.start_soon(self.list_watch.run)
        self._nursery.start_soon(self.fetcher.run)
        self._nursery.start_soon(self.quotas.watch)
        self._nursery.start_soon(self.certificates.watch)
        self._nursery.start_soon(Shortages(lambda: {self.config.name: self.memory}, self.streams).watch)
        self._nursery.start_soon(watch_half_closed, self._half_closed_idle, self.streams)

    async def _keep(self) -> None:
        try:
            await self.keeper.run()
        finally:
            self.history.end()

    def _each_round(self) -> None:
        self.opener.each_round()
        self.history.each_round()
        self.alerting.each_round(self.loop.now)

    def _facts(self) -> Iterator[Fact]:
        """What is wrong now."""
        ends = self._certificate_ends()
        out, disk, refused = self.history.watch.outages.open, self.keeper.trouble, self.reloads.refused
        quotas, near = self.quotas.lines.tallies, self.quotas.near
        return facts(self.fleet, out, quotas, near, ends, time.time(), disk=disk, refused=refused)

    def _certificate_ends(self) -> Mapping[str, float]:
        return certificate_ends(self.fleet, self.identity, self.config.name)

    def _sweep(self) -> None:
        """Count what was moved by all that is open."""
        self.accounts.sweep()
        self.fleet.line_meter.sweep()

    def _use_lists(self, lists: Lists) -> None:
        did = self.opener.restricts_paths
        self.lists = lists
        self._judge_by(self.config, lists)
        self._rule_anew(did)

    def _judge_by(self, config: IngressConfig, lists: Lists) -> None:
        """What is asked for from now on goes by the rules of *config*, made once for streams and datagrams: of a
        thousand rules that takes 30 ms of the loop."""
        demands = demands_of(config, lists, self.wishes, self.names)
        self.opener.use(config, demands)
        self.associations.use(config, demands)

    def use(self, wish: Wish | None, whom: str | None = None) -> None:
        """Take what *wish* says, as long as it works; None: as ever for *whom*, or in all that was asked for (None).
        Running streams leave by plan for it.

        Raises:
            OperatorError: no path is so, or nothing was asked for *whom*.
        """
        if wish is None:
            self.wishes.drop(whom)
        else:
            self.wishes.put(wish)
        self.wish_ends.look()
        self._rule_anew(True)

    def _rule_anew(self, did: bool) -> None:
        """Running streams and datagrams go by the rules that are in force now; *did* the ones before restrict paths?"""
        if did or self.opener.restricts_paths:
            self.fleet.rule_anew(self.opener.again)
        self.associations.rule_anew()
        self.datagram_forwards.rule_anew()

    def _go_direct(self, config: IngressConfig) -> None:
        """Look names up and dial from here as *config* says, if a rule of it wants that. OperatorError: as
        `OwnNames.use`."""
        machine, wants_direct = config.machine, any(rule.direct for rule in config.rules)
        if machine is None or not (self.direct or wants_direct or any(rule.resolve for rule in config.rules)):
            return
        self.names.use(machine)
        if self.direct is not None:
            self.direct.use(machine, config.network)
        elif wants_direct:
            base = Path(self.options.config).parent
            self.direct = DirectExit(self.loop, self._nursery, machine, config.network, base, self.memory, self.names)
            self.opener.direct = self.associations.direct = self.direct
            self._nursery.start_soon(self.direct.keep)

    def streams(self) -> list[Stream]:
        """Those that are open, over whichever path or none."""
        own = [] if self.direct is None else self.direct.streams()
        return [*self.fleet.streams(), *own]

    @property
    def stream_count(self) -> int:
        """How many these are."""
        return self.fleet.stream_count + (0 if self.direct is None else self.direct.stream_count)

    def _has_room(self, most: int) -> bool:
        return self.fleet.has_room(most if self.direct is None else most - self.direct.stream_count)

    def _half_closed_idle(self) -> float:
        return self.config.limits.half_closed_idle

    @property
    def listeners(self) -> Collection[Listener]:
        """Those that are open."""
        return self._listeners.values()

    # ---- listening

    def _bind_new(self, config: IngressConfig) -> dict[Address, socket.socket]:
        """Sockets for what *config* says and nobody listens on yet. OperatorError leaves none of them open."""
        wanted = (*config.listen, *(forward.listen for forward in config.forwards))
        new = [address for address in wanted if address not in self._listeners]
        bound = listen_at(new, self._listeners)
        for sock in bound.values():
            sockopts.nodelay(sock)  # accepted sockets inherit both: not one system call per client
            sockopts.reset_on_close(sock)
        return bound

    def _listen(self, config: IngressConfig, bound: Mapping[Address, socket.socket]) -> None:
        """Listen on what *config* says and on nothing else; *bound* are the sockets that are new."""
        accepts: dict[Address, OnAccept] = {at: partial(self.entrance.accept, at) for at in config.listen}
        accepts |= {forward.listen: partial(self.entrance.accept_forward, forward) for forward in config.forwards}
        self._accepts = accepts
        for address, sock in bound.items():
            self._listeners[address] = Listener(self.loop, sock, partial(self._accept, address))
        for listener in self._listeners.values():
            sockopts.keepalive(listener.sock, int(config.limits.keepalive))  # inherited as well
        for address in [address for address in self._listeners if address not in accepts]:
            self._listeners.pop(address).stop()

    def _accept(self, address: Address, sock: socket.socket, client: tuple[str, int]) -> None:
        """What is said to whom is looked up for each client: a reload may have changed it."""
        self._accepts[address](sock, client)

    # ---- the files, again

    async def _go_by_files(self) -> str:
        """Read the files again and go by them; until they are read, by the old ones. Returns what was done.

        Raises:
            OperatorError: with the mistakes, or it stops listening; nothing was changed.
        """
        files = await read_aside(read, self.options, self.config.name, self.lists)
        config, identity = files.config, files.identity
        if self.is_draining:
            raise OperatorError(f"{config.name} is about to end and reads no files any more; start it again")
        bound = self._bind_new(config)
        datagrams: Bound = {}
        web: Bound = {}
        try:
            datagrams = self.datagram_forwards.bind_new(config.datagram_forwards)
            web = self.web.bind_new(config.web)
            self._go_direct(config)
        except OperatorError:
            for sock in (*bound.values(), *datagrams.values(), *web.values()):
                sock.close()
            raise
        self._listen(config, bound)
        self.datagram_forwards.use(config.datagram_forwards, datagrams)
        self.web.use(config.web, files.web, web)
        self.alerting.use(config.alerts)
        self.config, self.identity, self.lists = config, identity, files.lists
        self.accounts.sites = config.sites
        self.memory.resize(config.limits.memory)
        did = self.opener.restricts_paths
        self.wishes.plan(config.network, config.paths.used)
        self._judge_by(config, files.lists)
        self.entrance.use(config, files.users)
        self.fleet.replan(config.network, config.paths, identity.client_context(), _tag(config, identity))
        self.holding.plan()
        self.quotas.use(config)
        self.certificates.look()
        self._rule_anew(did)
        self._nursery.start_soon(self.fetcher.fetch_due)  # whoever has named a new list waits for it
        log.event("reloaded", ingress=config.name, paths=len(config.paths.used), lines=len(config.network.lines))
        return f"reloaded: {len(config.network.lines)} lines, {len(config.paths.used)} paths"

    # ---- the end

    def stop_listening(self) -> None:
        """Accept nobody any more."""
        for listener in self._listeners.values():
            listener.stop()
        self._listeners.clear()
        self.datagram_forwards.close()
        self.web.close()

    def reset_streams(self) -> None:
        """Reset what is left, at both ends."""
        for stream in self.streams():
            stream.sink.on_reset(Cause.SHUTDOWN)
            stream.abort(Cause.SHUTDOWN)

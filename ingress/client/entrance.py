"""What all clients of an ingress share: who may enter, which way a stream takes, who waits for a path.

Everything here runs inside the engine but the hashing of passwords, which goes to a thread and comes back as a call.
"""

import socket
from collections import deque

import trio

from ingress.choice.choice import Choice
from ingress.choice.chooser import REDUNDANT, SINGLE
from ingress.client.client import Client
from ingress.client.client_stream import Opening
from ingress.client.closing import Linger
from ingress.client.guard import Guard
from ingress.client.hedging import Openings
from ingress.config import Forward, IngressConfig
from ingress.doors.door import DoorSettings
from ingress.doors.forward import Forward as ForwardDoor
from ingress.paths.fleet import Fleet
from ingress.paths.live import Way
from ingress.penalty import PenaltyBox
from ingress.users import Users
from relay import log
from relay.engine import Deadlines, Loop, Tcp
from relay.model.cause import Cause
from relay.session.carrier import CarrierEnd
from relay.session.initiator import InitiatorStream
from relay.session.stream import Stream

WAIT_FOR_PATH = 5.0
"""Seconds a new stream waits when no path is up, also at start-up; then 03, or 503."""
MOST_WAITING = 1024
"""Streams that wait for a path at once; further ones are refused at once."""
HASHERS = 2
"""Threads that hash passwords at once: each costs a core for some 50 ms."""
LOST_CAUSES = frozenset({Cause.EXIT_LOST, Cause.SESSION_EXPIRED, Cause.GONE, Cause.DRAINING, Cause.PROTOCOL})
"""Ends that are nobody's wish: counted with the path that the stream was opened on."""


class Front:
    """Takes clients from the listeners and gives them streams of the fleet."""

    def __init__(
        self, loop: Loop, nursery: trio.Nursery, fleet: Fleet, config: IngressConfig, users: Users | None
    ) -> None:
        self.loop = loop
        self.fleet = fleet
        self.clients = 0
        self.handshakes: Deadlines[Client]
        self.openings = Openings(fleet)
        self._nursery = nursery
        self._turns = trio.CapacityLimiter(HASHERS)
        self._penalties = PenaltyBox()
        self._waiting: deque[Opening] = deque()
        self._linger = Linger(loop, self.gone)
        self.use(config, users)
        fleet.on_round = self._each_round

    def use(self, config: IngressConfig, users: Users | None) -> None:
        """Go by *config* from the next client on."""
        self.config = config
        self._users = users
        self._guard = Guard(config, users is not None)
        self.handshakes = Deadlines(self.loop, config.limits.handshake, Client.expired)
        url = f"socks5h://{config.listen[0]}"
        self._settings = {needs: DoorSettings(needs, url, pseudonym=config.name) for needs in (False, True)}

    def settings(self, needs_password: bool) -> DoorSettings:
        return self._settings[needs_password]

    # ---- entering

    def accept(self, sock: socket.socket, address: tuple[str, int]) -> None:
        """A client has connected to one of the proxy addresses."""
        admission = self._guard.admission(address[0])
        if admission is None:
            log.event("client-refused", level="warning", client=address[0], why="address not in clients")
            sock.close()
            return
        client = Client(self, address[0], admission)
        self.clients += 1
        client.tcp = Tcp(self.loop, sock, client)

    def accept_forward(self, forward: Forward, sock: socket.socket, address: tuple[str, int]) -> None:
        """A client has connected to a `[[forward]]`."""
        if not self._guard.may_use(forward, address[0]):
            log.event("client-refused", level="warning", client=address[0], why="address not in clients of the forward")
            sock.close()
            return
        client = Client(self, address[0], False)
        self.clients += 1
        client.tcp = Tcp(self.loop, sock, client)
        door = client.door = ForwardDoor(self.settings(False), forward.target.host, forward.target.port)
        client.run(door.start())

    def gone(self, client: Client) -> None:
        """A client's connection has ended."""
        self.clients -= 1

    def linger(self, client: Client) -> None:
        """Let the last answer arrive, then close."""
        self._linger.add(client)

    # ---- users

    def authenticate(self, client: Client, user: bytes, password: bytes) -> None:
        """Answer `client.authenticated` soon: at once for a pair that was right before."""
        users = self._users
        if users is None or self._penalties.is_refused(client.address, self.loop.now):
            self.loop.call_soon(lambda: client.authenticated(False))
        elif users.remembered(user, password):
            self.loop.call_soon(lambda: client.authenticated(True))
        else:
            self._nursery.start_soon(self._verify, client, users, user, password)

    async def _verify(self, client: Client, users: Users, user: bytes, password: bytes) -> None:
        async with self._turns:
            # Guesses that came at once stand in line here, and those behind a wrong one are not looked at.
            if self._penalties.is_refused(client.address, self.loop.now):
                self.loop.call_soon(lambda: client.authenticated(False))
                return
            accepted = await trio.to_thread.run_sync(users.verify, user, password)
        if accepted:
            self._penalties.succeeded(client.address)
        else:
            seconds = self._penalties.failed(client.address, self.loop.now)
            log.event("password-wrong", level="warning", client=client.address, refused_for=round(seconds, 1))
        self.loop.call_soon(lambda: client.authenticated(accepted))

    # ---- opening

    def open(self, client: Client, host: str, port: int) -> None:
        """A door asks for a stream."""
        door = client.door
        user = (door.user if door is not None else None) or ""
        opening = client.upstream = Opening(client, host, port, user, self.loop.now)
        cause = self._refusal(host, port)
        if cause is not None:
            self._refuse(opening, cause)
        elif not self._start(opening):
            self._wait(opening)

    def _refusal(self, host: str, port: int) -> Cause | None:
        """What the ingress knows by itself."""
        if self.fleet.streams >= self.config.limits.streams or self.fleet.memory.is_full:
            return Cause.LIMIT
        return self._guard.refusal(host, port)

    def _refuse(self, opening: Opening, cause: Cause) -> None:
        log.event(
            "stream-refused", client=opening.client.address, target=f"{opening.host}:{opening.port}", why=cause.word
        )
        opening.client.refused(cause)

    def _wait(self, opening: Opening) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._refuse(opening, Cause.NO_PATH)
        else:
            self._waiting.append(opening)

    def _each_round(self) -> None:
        """Paths may have come up; slow openings are looked at."""
        self.openings.look(self.loop.now)
        for _ in range(len(self._waiting)):
            opening = self._waiting.popleft()
            if not opening.is_current or self._start(opening):
                continue
            if self.loop.now - opening.at >= WAIT_FOR_PATH:
                self._refuse(opening, Cause.NO_PATH)
            else:
                self._waiting.append(opening)

    def _start(self, opening: Opening) -> bool:
        """Choose a way and open; False if there is none now."""
        client = opening.client
        choice = self.fleet.chooser.choose(
            opening.host, opening.port, self.loop.now, client=client.address, user=opening.user
        )
        if choice is None or not self._open_over(opening, self._permitted(opening, choice)):
            return False
        if not opening.answered and self._answers_early(opening):
            opening.answered = True
            client.opened()
        return True

    def _permitted(self, opening: Opening, choice: Choice) -> Choice:
        """*choice*, or the best path to an exit that may dial the target, if its own may not."""
        exits = self._guard.permitted_exits(opening.host, opening.port)
        if exits is None or choice.exit in exits:
            return choice
        groups = [self.fleet.chooser.ranking.exits[name] for name in exits if name in self.fleet.chooser.ranking.exits]
        best = min((group.leader for group in groups), key=lambda entry: entry.rank, default=None)
        return choice if best is None else Choice(best, "the only exit that may dial it")

    def _answers_early(self, opening: Opening) -> bool:
        if self.config.answer == "true":
            return False
        return self.fleet.chooser.may_answer_early(opening.host, opening.port, self.loop.now)

    def _open_over(self, opening: Opening, choice: Choice) -> bool:
        """Open the stream over the carriers of *choice*; False if its path has none."""
        ways = [self.fleet.ways[name] for name in choice.paths if name in self.fleet.ways]
        carriers = tuple(way.thin.end for way in ways if way.thin is not None)
        if not carriers:
            return False
        opening.choice = choice
        opening.tries += 1
        ways[0].tally.opened += 1
        stream = self._begin(opening, ways[0], carriers)
        if choice.why in (REDUNDANT, SINGLE):
            self.fleet.steer.redundant.add(stream)
        self.openings.add(opening, stream)
        return True

    def _begin(self, opening: Opening, way: Way, carriers: tuple[CarrierEnd, ...]) -> InitiatorStream:
        session = way.peer.session
        stream = opening.stream = session.open(opening.host, opening.port, opening, carriers, self.loop.now)
        log.event("stream-opened", level="debug", stream=stream.id, path=way.path.name, carrier=carriers[0].number)
        return stream

    def reopen(self, opening: Opening, old: InitiatorStream) -> bool:
        """Take another exit for a stream of which nothing has travelled; what the client said already goes with it."""
        if opening.choice is None:
            return False
        lost, exits = opening.choice.exit, self._guard.permitted_exits(opening.host, opening.port)
        for choice in self.fleet.chooser.alternatives(opening.choice):
            is_permitted = choice.exit != lost and (exits is None or choice.exit in exits)
            if is_permitted and self._open_over(opening, choice):
                self._repeat(opening, old)
                return True
        if opening.answered:
            return False
        self._wait(opening)
        return True

    def _repeat(self, opening: Opening, old: InitiatorStream) -> None:
        """Give the new stream of *opening* all that *old* was given."""
        stream, steer = opening.stream, self.fleet.steer
        assert stream is not None
        if old in steer.redundant:
            steer.redundant.add(stream)
        if old.withdrawn:
            stream.write(old.withdrawn)
        if old.sender.is_finished:
            stream.finish()

    # ---- what became of it

    def connected(self, opening: Opening, took: float) -> None:
        """An exit has connected to the target."""
        if opening.choice is not None:
            chooser = self.fleet.chooser
            chooser.connected(opening.host, opening.port, opening.choice.exit, took, self.loop.now)

    def failed(self, opening: Opening) -> None:
        """The target could not be reached, and no path is to blame."""
        self.fleet.chooser.failed(opening.host, opening.port, self.loop.now)

    def ended(self, opening: Opening, stream: Stream, cause: Cause) -> None:
        """A stream has ended before both its ends were done."""
        way = None if opening.choice is None else self.fleet.ways.get(opening.choice.paths[0])
        if way is not None and cause in LOST_CAUSES:
            way.tally.ended(cause.word)
        log.event("stream-ended", level="debug", stream=stream.id, why=cause.word)

"""Streams that were opened here, and their targets: each is dialled, and joined to its stream once it is there."""

from collections import Counter

from relay.carrier.binding import Binding
from relay.engine import Loop, Tcp, descriptors
from relay.exit.targets import Dialled, Dialling, Targets
from relay.model.cause import Cause
from relay.node.first_exchange import FirstExchange
from relay.session.acceptor import AcceptorStream
from relay.session.sink import Sink

LOOK = 1.0
"""Seconds between looks at which connections last, and at the limit of descriptors."""


class Dials:
    """All dials under way for the streams of some acceptors."""

    def __init__(self, loop: Loop, targets: Targets) -> None:
        self.failures: Counter[Cause] = Counter()
        """Targets that were not reached, by cause."""
        self._loop = loop
        self._targets = targets
        self._dialling: dict[Binding, Dialling] = {}
        self._young: dict[Binding, Tcp] = {}
        """Connected since the last look: sockets that last are settled at the next, others are gone by then."""
        loop.call_at(loop.now + LOOK, self._look)

    def begin(self, stream: AcceptorStream, host: str, port: int) -> Binding:
        """Dial for *stream*; the sink for its bytes, which keeps them until the target is there. As `OnOpen`."""
        binding = (
            FirstExchange(self._loop, stream, Cause.TARGET_RESET, self._done)
            if stream.tells_first_byte
            else Binding(stream, Cause.TARGET_RESET, self._done)
        )
        dialling = self._targets.dial(host, port, lambda outcome: self._dialled(stream, binding, outcome))
        self._dialling[binding] = dialling
        return binding

    def waits_for(self, sink: Sink) -> Cause:
        """What the dial of a stream, whose sink is a binding, would end with."""
        dialling = self._dialling.get(sink) if isinstance(sink, Binding) else None
        return Cause.CONNECT_TIMEOUT if dialling is None else dialling.waits_for

    def _dialled(self, stream: AcceptorStream, binding: Binding, outcome: Dialled | Cause) -> None:
        del self._dialling[binding]
        if isinstance(outcome, Cause):
            self.failures[outcome] += 1
            stream.reset(outcome)
            binding.close(outcome)
            return
        stream.connected(outcome.took, self._loop.now)
        self._young[binding] = tcp = Tcp(self._loop, outcome.sock, binding)
        binding.attach(tcp)

    def _look(self) -> None:
        self._loop.call_at(self._loop.now + LOOK, self._look)
        descriptors.note_limit()
        young, self._young = self._young, {}
        for tcp in young.values():
            tcp.settle(self._targets.keepalive)

    def _done(self, binding: Binding, cause: Cause | None) -> None:
        self._young.pop(binding, None)
        dialling = self._dialling.pop(binding, None)
        if dialling is not None:
            dialling.cancel()

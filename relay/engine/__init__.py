"""The engine: the only room that touches descriptors where bytes flow. Knows sockets and moments; no session, no SOCKS.

One trio task runs `Loop.run`. It owns a private epoll and serves what is ready with plain calls, so that a
connection costs no task, no cancel scope and no stream object. In a process that serves, the loop waits outside of
trio, which is its guest (`host`); anywhere else, in tests above all, it waits in trio. The rules, which every file here
keeps:

1. Edge-triggered. Each descriptor is registered once. An edge is consumed only by the kernel saying "would block",
   by an end of file, or by a short read (then the kernel has nothing left and will signal what comes); whoever stops
   earlier (budget, pause) remembers that there may be more and goes on the loop's ready list when it may go on.
2. Every service has a budget (READ_BUDGET bytes for an endpoint, SLICE seconds for the loop): a heavy stream delays the
   others by one budget, and the engine delays other trio tasks by about one slice. A turn that takes longer is
   followed by shorter ones (FEWEST_AT_ONCE).
3. One order in a turn: ready descriptors, endpoints with budget left over, due timers, `call_soon` calls, and last
   the carriers that were asked to flush, so that all that a turn has to say goes out in one write. While datagrams
   flow, their sockets are looked after between these services as well (`Loop.register_urgent`), and answer at once.
4. One read buffer for all, and one for what has still to be decrypted. A view handed to `on_bytes` is valid during the
   call; who keeps bytes copies them.
5. An owner is called back from the loop only, never from inside its own call to the endpoint: a `write` that fails
   tells `on_closed` later in the same wake-up. An owner may close its endpoint inside any callback.
6. `on_closed` is called once and last; never for what the owner closed itself.
7. An owner that raises loses its endpoint (reset, `on_closed`, one log line `handler-failed`), never the loop.
8. All of it runs in one thread. Other trio tasks call in directly; a parked loop is woken by an eventfd, and a hosted
   one does not wait while a task runs.
"""

from relay.engine.connect import Connecting, Racing, SocketAddress, connect, race
from relay.engine.deadlines import Deadline, Deadlines
from relay.engine.endpoint import Endpoint
from relay.engine.listener import Listener
from relay.engine.loop import HandlerFailed, Loop
from relay.engine.splice import Splice
from relay.engine.tcp import Tcp, TcpOwner
from relay.engine.timers import Timer
from relay.engine.tls import Tls, TlsOwner
from relay.engine.udp import DatagramAddress, DatagramOut, DatagramOwner, DatagramPort, UdpOut, UdpPort, Where

__all__ = [
    "Connecting",
    "DatagramAddress",
    "DatagramOut",
    "DatagramOwner",
    "DatagramPort",
    "Deadline",
    "Deadlines",
    "Endpoint",
    "HandlerFailed",
    "Listener",
    "Loop",
    "Racing",
    "SocketAddress",
    "Splice",
    "Tcp",
    "TcpOwner",
    "Timer",
    "Tls",
    "TlsOwner",
    "UdpOut",
    "UdpPort",
    "Where",
    "connect",
    "race",
]

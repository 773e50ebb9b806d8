"""Which functions stand for which stage of a connection, and what each stage may cost.

A function is named `module:name` or `module:Class.method`, where it is defined. Within a stage its callees need no
line of their own; what they call of another stage does. `owners` are classes that own a socket: the reading and
writing of it (SERVICE) is the stage's. All that nobody names is the loop's.

Budgets are about a third above what two cores of an AMD EPYC took when they were set: less would be noise, and a stage
that grows by more has grown. All of them together stay below WHOLE.
"""

import importlib
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, NamedTuple

import attrs

from bench.load import Failed
from bench.stages.clock import REST

SERVICE = "relay.engine.tcp:Tcp.serve"


@attrs.frozen
class Stage:
    """One stage. `budget` is in µs of CPU per connection; `why` says what has to be done for them."""

    budget: float
    why: str
    functions: tuple[str, ...] = ()
    owners: tuple[str, ...] = ()


MOVING = (
    "relay.carrier.binding:Binding.on_data",
    "relay.session.stream:Stream.receive",
    "relay.session.session:Session.handle_deadline",
)
ENDING = (
    "relay.carrier.binding:Binding.on_eof",
    "relay.carrier.binding:Binding.on_fin",
    "relay.session.stream:Stream.receive_fin",
    "relay.engine.tcp:Tcp._end",
)
CARRYING = ("relay.engine.tls:Tls.serve",)

INGRESS: Mapping[str, Stage] = {
    "accept": Stage(
        14.0,
        "accept4, fcntl, epoll_ctl; a client and its socket are made",
        ("relay.engine.listener:Listener.serve",),
    ),
    "handshake": Stage(
        20.0,
        "two reads, the greeting's answer written; two messages taken apart",
        owners=("ingress.client.client:Client",),
    ),
    "choose": Stage(
        11.0,
        "looked up in what the last round prepared; nothing is asked of the kernel",
        (
            "ingress.choice.chooser:Chooser.decide",
            "ingress.choice.chooser:Chooser.opened",
            "ingress.choice.chooser:Chooser.may_answer_early",
            "ingress.choice.chooser:Chooser.connected",
        ),
    ),
    "open": Stage(
        15.0,
        "a stream, its leg and its place in the session; OPEN waits for the round's end",
        ("ingress.client.opener:Opener.open",),
    ),
    "reply": Stage(
        16.0,
        "the answer written; the client becomes a tunnel; CONNECTED noted",
        (
            "ingress.client.lane:LaneHolder.on_stream_opened",
            "ingress.client.client_stream:ClientStream.on_connected",
            "ingress.client.tunnel:Tunnel.on_connected",
        ),
    ),
    "pump": Stage(
        12.0,
        "one read and one write of 64 bytes, from socket to stream and back",
        MOVING,
        ("ingress.client.tunnel:Tunnel",),
    ),
    "close": Stage(
        22.0,
        "shutdown and close; FIN both ways and the last words",
        (*ENDING, "relay.session.initiator:InitiatorStream.complete"),
        ("ingress.client.closing:ClosingClient",),
    ),
    "carriers": Stage(
        24.0,
        "TLS records, frames and acknowledgements both ways; shared by all that a round has to say",
        CARRYING,
    ),
    REST: Stage(10.0, "epoll, timers, trio, pings; shared by all that is ready at once"),
}

EXIT: Mapping[str, Stage] = {
    "accept": Stage(
        9.0,
        "OPEN taken apart; a stream and its binding",
        ("relay.session.acceptor:Acceptor._on_open",),
    ),
    "open": Stage(
        45.0,
        "the address judged; socket, connect, epoll_ctl; then what became of it, how long it took, keep-alive",
        ("relay.exit.targets:Targets.dial", "relay.engine.connect:Connecting.serve"),
    ),
    "reply": Stage(
        7.0,
        "CONNECTED noted; the socket gets its endpoint, and is given what the client said already",
        ("relay.node.dials:Dials._dialled",),
    ),
    "pump": Stage(
        12.0,
        "one read and one write of 64 bytes, from socket to stream and back",
        MOVING,
        ("relay.carrier.binding:Binding",),
    ),
    "close": Stage(
        15.0,
        "shutdown and close; FIN both ways, and the stream forgotten",
        (*ENDING, "relay.session.acceptor:AcceptorStream.complete"),
    ),
    "carriers": Stage(
        24.0,
        "TLS records, frames and acknowledgements both ways; shared by all that a round has to say",
        CARRYING,
    ),
    REST: Stage(10.0, "epoll, timers, trio; shared by all that is ready at once"),
}

MIDDLE = 15.0
"""µs of CPU per connection at each node between: it moves ciphertext, several connections in one piece."""
WHOLE = 0.75 * 480.0
"""µs that all budgets may make together, two nodes between: three quarters of what the best peer takes."""

STAGES: Mapping[str, Mapping[str, Stage]] = {"ingress": INGRESS, "relay": EXIT}
"""By the program that is run."""


class Found(NamedTuple):
    """What a name of the table stands for: `holder` has it as `name`."""

    holder: Any
    name: str
    value: Any


def resolve(text: str) -> Found:
    """Find what *text* names.

    Raises:
        Failed: there is no such function or class any more; the table must follow the program.
    """
    module, _, path = text.partition(":")
    *outer, name = path.split(".")
    try:
        holder: Any = importlib.import_module(module)
        for part in outer:
            holder = vars(holder)[part]
        value = vars(holder)[name]
    except (ImportError, KeyError):
        raise Failed(f"stages: there is no {text}; bench/stages/table.py must say what took its place") from None
    if not isinstance(value, FunctionType | type):
        raise Failed(f"stages: {text} is no plain function or class, and cannot be timed")
    return Found(holder, name, value)


def names() -> Iterator[str]:
    """Every name in the table, and where sockets are served."""
    yield SERVICE
    for stages in STAGES.values():
        for stage in stages.values():
            yield from (*stage.functions, *stage.owners)


def service_of(owner: str) -> str:
    """What the services of that owner's sockets are counted as."""
    return f"{SERVICE} for {owner}"

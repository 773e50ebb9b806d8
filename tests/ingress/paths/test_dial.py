"""Set-ups along a path, against nodes that are played by hand over a socket pair: what each failure says and shows."""

import errno
import socket
import ssl
from functools import cache
from pathlib import Path as FilePath

import attrs
import pytest
import trio
import trustme
from hypothesis import given, settings
from hypothesis import strategies as st
from trio.testing import MockClock

from ingress.measure.faults import OF_THE_NEXT_LINE, Asked, FaultKind, Refusal, kind_of
from ingress.paths.dial import Opened, SetupFailed, open_carrier
from relay.engine.tls_setup import close, handshake, read_exactly, send_all, unwrap
from relay.errors import OperatorError
from relay.model.network import Address, Line
from relay.model.walk import Hop, Path
from relay.wire.codes import Purpose, Reason
from relay.wire.frames import HEADER_SIZE, LONGEST_BODY, Kind, frame
from relay.wire.setup import Hello, Proceed, Refused, Transit, Welcome, encode, parse_setup
from relay.wire.versions import Versions

HELLO = Hello(Purpose.THIN, bytes(16), False, bytes(8), 0, "test", "direct")
WELCOME = Welcome(bytes(8), 0, "test", False, 2.0**33)
PROCEED = encode(Proceed(0.07))
DIRECT, TWO, THREE = ("us",), ("jp", "us"), ("jp", "kr", "us")
"""Paths by the nodes at which their lines end."""


def walk(nodes: tuple[str, ...]) -> Path:
    """The path by *nodes*; each line has the name of its end."""
    starts = ("shanghai", *nodes[:-1])
    lines = [Line(f"to-{end}", start, end, Address(end, 1)) for start, end in zip(starts, nodes, strict=True)]
    return Path(tuple(Hop(line, line.start, line.end, line.address) for line in lines))


# ---- certificates


@cache
def authority(which: str = "ours") -> trustme.CA:
    return trustme.CA()


@cache
def context(name: str, *, is_node: bool, by: str = "ours", trusts: str = "ours") -> ssl.SSLContext:
    """As `relay.identity` makes them: TLS 1.3, our CA both ways, no tickets, names checked by ourselves."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if is_node else ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.check_hostname = False
    made.verify_mode = ssl.CERT_REQUIRED
    if is_node:
        made.num_tickets = 0
    authority(trusts).configure_trust(made)
    authority(by).issue_cert(name).configure_cert(made)
    return made


# ---- nodes


@attrs.define
class Says:
    """A node, by the name in its certificate, and the bytes that it answers to whatever it is asked."""

    name: str
    answer: bytes
    by: str = "ours"
    trusts: str = "ours"
    goes_on: bool = False
    """It ends its TLS cleanly after the answer, so that the next node is heard on the same connection."""


@attrs.define
class Raw:
    """Bytes where TLS is expected, and then the end."""

    data: bytes


class Silent:
    """It takes everything, and says nothing."""


Script = tuple["Says | Raw | Silent | OSError | OperatorError", ...]


class Nodes:
    """What is behind the first line: the nodes of a script, one after another on one connection."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.asked: list[object] = []
        self.near, self.far = socket.socketpair()
        for sock in (self.near, self.far):
            sock.setblocking(False)

    async def dial_hop(self, hop: Hop, base: FilePath, timeout: float) -> tuple[socket.socket, float]:
        """As `relay.dial.lines.dial_hop`."""
        if isinstance(self.script[0], Exception):
            self.near.close()
            raise self.script[0]
        return self.near, 0.02

    async def play(self) -> None:
        """Be the nodes, until the last of them has answered; then the connection ends."""
        try:
            sock = self.far
            for node in self.script:
                match node:
                    case Says():
                        sock = await self._answer(sock, node)
                    case Raw(data):
                        await trio.lowlevel.wait_readable(sock)
                        sock.send(data)
                        sock.recv(65536)
                    case Silent():
                        await trio.sleep_forever()
        except OSError:
            pass  # it was refused itself, or left alone
        finally:
            close(self.far)

    async def _answer(self, sock: socket.socket, node: Says) -> socket.socket:
        tls = await handshake(sock, context(node.name, is_node=True, by=node.by, trusts=node.trusts), True)
        head = await read_exactly(tls, HEADER_SIZE)
        parsed = parse_setup(head + await read_exactly(tls, int.from_bytes(head[1:], "big")))
        assert parsed is not None
        self.asked.append(parsed[0])
        await send_all(tls, node.answer)
        return await unwrap(tls) if node.goes_on else sock


def attempt(
    nodes: tuple[str, ...], *script: object, timeout: float = 3.0, hello: Hello = HELLO
) -> tuple[Nodes, Opened | SetupFailed]:
    """One set-up along *nodes*, where what answers is *script*; what came of it. Nothing may be left open of a failure.

    Time passes only while everybody waits.
    """
    played = Nodes(script)  # type: ignore[arg-type]
    result: list[Opened | SetupFailed] = []

    async def run() -> None:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(played.play)
            ours = context("shanghai", is_node=False)
            try:
                result.append(await open_carrier(walk(nodes), hello, ours, FilePath("/nonexistent"), timeout))
            except SetupFailed as failure:
                result.append(failure)
            nursery.cancel_scope.cancel()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingress.paths.dial.dial_hop", played.dial_hop)
        patch.setattr("relay.engine.sockopts._set", lambda *option: None)  # these are no TCP connections
        trio.run(run, clock=MockClock(autojump_threshold=0))
    assert (played.near.fileno() == -1) == isinstance(result[0], SetupFailed)
    return played, result[0]


def says(answer: object, name: str = "us", **others: object) -> Says:
    """A node that answers a message, or bytes."""
    return Says(name, answer if isinstance(answer, bytes) else encode(answer), **others)  # type: ignore[arg-type]


def proceeds(name: str = "jp") -> Says:
    return Says(name, PROCEED, goes_on=True)


# ---- what succeeds


def test_a_path_of_one_line() -> None:
    played, opened = attempt(DIRECT, says(WELCOME))
    assert isinstance(opened, Opened)
    assert (opened.welcome, opened.dials) == (WELCOME, {"to-us": 0.02})
    assert opened.tls.sock is played.near
    assert played.asked == [HELLO]
    opened.tls.close()


def test_a_path_of_three_lines_asks_each_relay_for_the_next() -> None:
    played, opened = attempt(THREE, proceeds(), proceeds("kr"), says(WELCOME))
    assert isinstance(opened, Opened)
    assert opened.dials == {"to-jp": 0.02, "to-kr": 0.07, "to-us": 0.07}
    hops = walk(THREE).hops
    assert played.asked == [
        Transit("to-kr", hops[1].digest, via="to-jp", left=2),
        Transit("to-us", hops[2].digest, via="to-kr", left=1),
        HELLO,
    ]
    opened.tls.close()


# ---- what fails


REFUSED = ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
NEWER = attrs.evolve(WELCOME, versions=Versions(3, 4))

FAILURES = [
    # the way
    (DIRECT, (REFUSED,), "line to-us: Connection refused", None),
    (DIRECT, (OSError(errno.ENETUNREACH, "Network is unreachable"),), "line to-us: Network is unr", None),
    (DIRECT, (OperatorError("no SECRET is set"),), "line to-us: no SECRET is set", None),
    (DIRECT, (Silent(),), "no answer along to-us within 3.0 s", None),
    (TWO, (proceeds(), Silent()), "no answer along to-jp/to-us within 3.0 s", None),
    (DIRECT, (Raw(b""),), "us: the other end has gone", None),
    (
        DIRECT,
        (Raw(b"SSH-2.0-OpenSSH_9.2\r\n"),),
        "us: what answers there is not to be trusted (wrong version n",
        None,
    ),
    (DIRECT, (says(b""),), "to-us: the peer ended after 0 of 4 bytes", None),
    (TWO, (says(PROCEED, "jp"),), "to-jp/to-us: ", None),
    # who is there
    (DIRECT, (says(WELCOME, by="theirs"),), "us: what answers there is not to be trusted (unable", Refusal.AUTH),
    (DIRECT, (says(WELCOME, "jp"),), 'the other end is "jp", and not "us"', Refusal.AUTH),
    (TWO, (says(PROCEED, "us"),), 'the other end is "us", and not "jp"', Refusal.AUTH),
    (DIRECT, (says(WELCOME, trusts="theirs"),), "us: our certificate is refused (tlsv1 alert unk", Refusal.AUTH),
    # which version
    (DIRECT, (says(NEWER),), "shanghai speaks version 2, us version 3 to 4: update shanghai", Refusal.VERSION),
    (TWO, (says(NEWER, "jp"),), "shanghai speaks version 2, jp version 3 to 4: update shanghai", Refusal.VERSION),
    (DIRECT, (says(attrs.evolve(WELCOME, agreed=9)),), "us goes on in version 9, we speak 2", Refusal.VERSION),
    (TWO, (says(Proceed(0.1, agreed=9), "jp"),), "jp goes on in version 9, we speak 2", Refusal.VERSION),
    (DIRECT, (says(b"\x7f\0\0\0"),), "us: frame kind 127 during set-up", Refusal.VERSION),
    (DIRECT, (says(frame(Kind.WELCOME, b"\x02")),), "us: ", Refusal.VERSION),
    # what it says
    (DIRECT, (says(Proceed(0.1)),), "us answered HELLO with a Proceed", None),
    (TWO, (says(WELCOME, "jp"),), "jp answered TRANSIT with a Welcome", None),
]


@pytest.mark.parametrize(("nodes", "script", "text", "shown"), FAILURES)
def test_what_a_failure_says_and_shows(
    nodes: tuple[str, ...], script: Script, text: str, shown: Refusal | None
) -> None:
    _, failure = attempt(nodes, *script)
    assert isinstance(failure, SetupFailed)
    assert str(failure).startswith(text)
    assert failure.fault.refusal is shown


WALKS = [
    # what is asked of whom, behind how many lines of how many, and who goes on before it
    (Asked.TRANSIT, THREE, (), "jp", 0),
    (Asked.TRANSIT, THREE, (proceeds(),), "kr", 1),
    (Asked.HELLO, THREE, (proceeds(), proceeds("kr")), "us", 2),
    (Asked.HELLO, DIRECT, (), "us", 0),
    (Asked.RESUME, TWO, (proceeds(),), "us", 1),
]


@pytest.mark.parametrize("reason", list(Reason))
@pytest.mark.parametrize(("asked", "nodes", "before", "node", "hop"), WALKS)
def test_c1_what_a_refusal_decides_by_where_it_is_said(
    reason: Reason, asked: Asked, nodes: tuple[str, ...], before: tuple[Says, ...], node: str, hop: int
) -> None:
    """The whole table, with real TLS: only the node that was asked is believed, and only about what it was asked."""
    hello = attrs.evolve(HELLO, resume=asked is Asked.RESUME)
    _, failed = attempt(nodes, *before, says(Refused(reason, "in its own words"), node), hello=hello)
    assert isinstance(failed, SetupFailed)
    fault = failed.fault
    assert (fault.kind, fault.said_by, fault.shown) == (kind_of(asked, reason), node, None)
    assert fault.hop == hop + (fault.kind in OF_THE_NEXT_LINE)
    assert fault.text.startswith(f"{node}: ") and fault.text.endswith("in its own words")
    assert ("has no place" in fault.text) == (fault.kind is FaultKind.MISPLACED)


def test_words_that_name_their_speaker_are_not_named_twice() -> None:
    _, failed = attempt(TWO, says(Refused(Reason.DIAL_FAILED, "jp cannot dial to-us: no route"), "jp"))
    assert str(failed) == "jp cannot dial to-us: no route"
    _, failed = attempt(TWO, says(Refused(Reason.OTHER, "us is broken for good"), "jp"))
    assert str(failed) == "jp: us is broken for good"


FAULTS = [
    # who refuses a dial, or is found where; what kind of fault it is, and at which hop
    (DIRECT, (REFUSED,), FaultKind.REFUSED, 0),
    (TWO, (REFUSED,), FaultKind.REFUSED, 0),
    (DIRECT, (TimeoutError(errno.ETIMEDOUT, "timed out"),), FaultKind.UNREACHABLE, 0),
    (TWO, (says(Refused(Reason.DIAL_REFUSED, "no"), "jp"),), FaultKind.REFUSED, 1),
    (TWO, (says(Refused(Reason.DIAL_FAILED, "no"), "jp"),), FaultKind.UNREACHABLE, 1),
    (TWO, (says(Refused(Reason.UNKNOWN_LINE, "no"), "jp"),), FaultKind.STALE_CONFIG, 0),
    (THREE, (says(Refused(Reason.DIAL_REFUSED, "no"), "jp"),), FaultKind.REFUSED, 1),
    (THREE, (proceeds(), says(Refused(Reason.DIAL_REFUSED, "no"), "kr")), FaultKind.REFUSED, 2),
    (DIRECT, (says(Refused(Reason.DIAL_REFUSED, "no")),), FaultKind.MISPLACED, 0),  # that is no dial of a line
    (TWO, (proceeds(), says(Refused(Reason.DIAL_FAILED, "no"))), FaultKind.MISPLACED, 1),
    (TWO, (proceeds(), Silent()), FaultKind.SILENT, 1),
    (TWO, (Silent(),), FaultKind.SILENT, 0),
    (TWO, (proceeds(), Raw(b"")), FaultKind.SILENT, 1),
    (TWO, (proceeds(), Raw(b"HTTP/1.1 400 Bad Request\r\n\r\n")), FaultKind.NO_TLS, 1),
    (TWO, (proceeds(), says(WELCOME, by="theirs")), FaultKind.UNTRUSTED, 1),
    (TWO, (proceeds(), says(WELCOME, trusts="theirs")), FaultKind.NOT_LET_IN, 1),
    (TWO, (proceeds(), says(WELCOME, "kr")), FaultKind.WRONG_NODE, 1),
    (THREE, (proceeds("kr"), says(WELCOME)), FaultKind.WRONG_NODE, 0),
]


@pytest.mark.parametrize(("nodes", "script", "kind", "hop"), FAULTS)
def test_g1_which_hop_is_at_fault_and_how(nodes: tuple[str, ...], script: Script, kind: FaultKind, hop: int) -> None:
    _, failure = attempt(nodes, *script)
    assert isinstance(failure, SetupFailed)
    assert (failure.fault.kind, failure.fault.hop) == (kind, hop)
    assert failure.fault.text == str(failure)
    assert (failure.fault.shown is not None) == (kind is FaultKind.WRONG_NODE)
    is_told = any(isinstance(one, Says) and one.answer[0] == Kind.REFUSED for one in script)
    assert (failure.fault.said_by is not None) == (is_told or kind is FaultKind.NOT_LET_IN)


# ---- any bytes


FRAMES = st.builds(frame, st.integers(0, 255), st.binary(max_size=200))
ANSWERS = st.one_of(st.binary(max_size=300), FRAMES, st.builds(bytes.__add__, FRAMES, st.binary(max_size=50)))
PARTS = st.sampled_from([encode(WELCOME), PROCEED, encode(Refused(Reason.LIMIT, "full"))])


def broken(whole: bytes, at: int, bits: int) -> bytes:
    at %= len(whole)
    return whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :]


BROKEN = st.builds(broken, PARTS, st.integers(0, 100), st.integers(1, 255))
"""One byte of an answer is another."""


def let_go(result: Opened | SetupFailed) -> None:
    """Of the rare answer that is a WELCOME all the same; of a failure `attempt` has seen that nothing is left open."""
    if isinstance(result, Opened):
        result.tls.close()


@settings(max_examples=100, deadline=None)
@given(answer=st.one_of(ANSWERS, BROKEN))
def test_any_answer_of_an_exit(answer: bytes) -> None:
    let_go(attempt(DIRECT, says(answer))[1])


@settings(max_examples=50, deadline=None)
@given(answer=st.one_of(ANSWERS, BROKEN), goes_on=st.booleans())
def test_any_answer_of_a_relay(answer: bytes, goes_on: bool) -> None:
    let_go(attempt(TWO, Says("jp", answer, goes_on=goes_on), says(WELCOME))[1])


@settings(max_examples=50, deadline=None)
@given(data=st.binary(max_size=300))
def test_any_bytes_instead_of_tls(data: bytes) -> None:
    _, failure = attempt(DIRECT, Raw(data))
    assert isinstance(failure, SetupFailed)
    assert failure.fault.kind is FaultKind.SILENT or data


def test_an_answer_that_is_too_long_is_not_read() -> None:
    _, failure = attempt(DIRECT, says(bytes([Kind.WELCOME]) + LONGEST_BODY.to_bytes(3, "big")))
    assert isinstance(failure, SetupFailed)
    assert str(failure) == f"us: a set-up body of {LONGEST_BODY} bytes"

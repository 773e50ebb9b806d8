"""UDP ports on real sockets: runs come whole, leave whole, and nobody's flood or refusal stops them."""

import errno
import socket
from collections.abc import Callable, Iterator
from time import perf_counter

import pytest

from relay.engine import Loop, UdpPort
from relay.engine.udp import BUDGET, DatagramAddress
from relay.engine.udp_options import PORT_BUFFER, destination_of, open_udp, take_only
from relay.engine.urgent import HURRY
from tests.relay.engine.conftest import Notes
from tests.world import until


class Reader(Notes):
    """An owner that keeps what it gets, cut into datagrams."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[bytes] = []
        self.calls = 0
        self.source: DatagramAddress = ()
        self.local = b""
        self.react: Callable[[], None] = lambda: None

    def on_datagrams(self, data: memoryview, size: int, source: DatagramAddress, local: bytes) -> None:
        self.calls += 1
        self.got += [bytes(data[at : at + size]) for at in range(0, len(data), size)] if size else [b""]
        self.source, self.local = source, local
        self.note()
        self.react()


@pytest.fixture
def ports(loop: Loop) -> Iterator[Callable[..., UdpPort]]:
    made: list[UdpPort] = []

    def make(owner: Reader, host: str = "127.0.0.1", **options: bool) -> UdpPort:
        made.append(UdpPort(loop, open_udp((host, 0), buffer=PORT_BUFFER, may_fragment=False, **options), owner))
        return made[-1]

    yield make
    for port in made:
        port.close()


Ports = Callable[..., UdpPort]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_turns_datagrams_arrive_in_order_and_whole(ports: Ports, host: str) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near, host), ports(far, host)
    out = sender.out(receiver.sock.getsockname())
    sent = [bytes([number]) * (1200 if number % 7 else number + 1) for number in range(100)] + [b"", b"x" * 9000]
    for part in sent:
        out.put(part)
    await far.until(lambda: len(far.got) == len(sent))
    assert far.got == sent
    assert far.source == sender.sock.getsockname()
    assert sender.statistics().sent == len(sent) and sender.statistics().unsent == 0
    assert f"{len(sent)} in" in repr(receiver)


async def test_runs_are_read_and_sent_at_once(ports: Ports) -> None:
    near, middle, far = Reader(), Reader(), Reader()
    sender, relay, receiver = ports(near), ports(middle), ports(far)
    onwards = relay.out(receiver.sock.getsockname())
    middle.on_datagrams = lambda data, size, source, local: onwards.pass_on(data, size)  # type: ignore[method-assign]
    out = sender.out(relay.sock.getsockname())
    for number in range(32):
        out.put(bytes([number]) * 1200)
    await far.until(lambda: len(far.got) == 32)
    assert far.got == [bytes([number]) * 1200 for number in range(32)]
    assert far.calls < 32


async def test_what_was_read_together_may_be_more_than_the_kernel_takes_at_once(ports: Ports) -> None:
    near, middle, far = Reader(), Reader(), Reader()
    sender, relay, receiver = ports(near), ports(middle), ports(far)
    onwards = relay.out(receiver.sock.getsockname())
    middle.on_datagrams = lambda data, size, source, local: onwards.pass_on(data, size)  # type: ignore[method-assign]
    sent = [number.to_bytes(2, "big") * 300 for number in range(300)] + [b"", b"shorter", b"none of the run"]
    sender.out(relay.sock.getsockname()).put_all(sent)
    await far.until(lambda: len(far.got) == len(sent))
    assert far.got == sent
    assert relay.statistics().unsent == 0 and far.calls < 20


async def test_datagrams_that_come_singly_are_joined(ports: Ports, loop: Loop) -> None:
    far = Reader()
    receiver, one, other = ports(far), socket.socket(type=socket.SOCK_DGRAM), socket.socket(type=socket.SOCK_DGRAM)
    address = receiver.sock.getsockname()
    with one, other:
        for number in range(9):
            one.sendto(bytes([number]) * 700, address)
        one.sendto(b"the last may be shorter", address)
        one.sendto(b"and begins another run if not", address)
        other.sendto(b"as long as the one before....", address)
        await far.until(lambda: len(far.got) == 12)
    assert far.got[:9] == [bytes([number]) * 700 for number in range(9)]
    assert [len(datagram) for datagram in far.got[9:]] == [23, 29, 29]
    assert far.calls == 3


async def test_those_that_come_alone_and_bursts_between_them_all_arrive(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)
    out, sent = sender.out(receiver.sock.getsockname()), list[bytes]()
    for burst in (1, 1, 1, 5, 1, 3, 1, 1, 30, *[1] * 20, 2):
        for _ in range(burst):
            sent.append(b"%d" % len(sent))
            sender.send_one(sent[-1], out.address, b"")
        await far.until(lambda: len(far.got) == len(sent))
    assert far.got == sent
    assert receiver.received == len(sent)


async def test_a_connected_port_hears_only_its_peer(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)
    receiver.sock.connect(sender.sock.getsockname())
    stranger = ports(Reader())
    stranger.out(receiver.sock.getsockname()).put(b"no")
    sender.out(receiver.sock.getsockname()).put(b"yes")
    await far.until(lambda: bool(far.got))
    receiver.out().put(b"answer")
    await near.until(lambda: bool(near.got))
    assert (far.got, near.got) == ([b"yes"], [b"answer"])


async def test_a_connected_port_sends_runs(ports: Ports) -> None:
    far = Reader()
    sender, receiver = ports(Reader()), ports(far)
    sender.sock.connect(receiver.sock.getsockname())
    out = sender.out()
    parts = [bytes([number]) * 900 for number in range(20)]
    for part in parts:
        out.put(part)
    await far.until(lambda: len(far.got) == 20)
    assert far.got == parts
    assert sender.statistics().sent == 20 and sender.statistics().segments
    assert sender.bytes_out == sum(map(len, parts)) == receiver.bytes_in
    out.put(b"and one alone")
    await far.until(lambda: len(far.got) == 21)
    assert sender.bytes_out == sum(map(len, far.got)) == receiver.bytes_in


async def test_a_kernel_that_joins_nothing_is_not_asked_to_cut(loop: Loop) -> None:
    """As one before 5.0: sockets that are none of UDP have the same answer for the options."""
    far = Reader()
    near_sock, far_sock = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
    sender, receiver = UdpPort(loop, near_sock, Reader()), UdpPort(loop, far_sock, far)
    assert not sender.statistics().segments
    out = sender.out()
    for part in (b"one", b"two", b"six", b"7"):
        out.put(part)
    await far.until(lambda: len(far.got) == 4)
    assert far.got == [b"one", b"two", b"six", b"7"]
    assert sender.statistics().sent == 4
    for port in (sender, receiver):
        port.close()


async def test_what_is_taken_back_or_has_no_port_any_more_is_not_sent(ports: Ports) -> None:
    far = Reader()
    sender, closing, receiver = ports(Reader()), ports(Reader()), ports(far)
    address = receiver.sock.getsockname()
    out, kept, late = sender.out(address), sender.out(address), closing.out(address)
    out.put(b"taken back")
    out.close()
    late.put(b"of a port that is closed before the turn ends")
    closing.close()
    kept.put(b"kept")
    kept.serve(0)  # the turn has not ended: nothing goes yet
    assert sender.statistics().sent == 0
    await far.until(lambda: bool(far.got))
    assert far.got == [b"kept"]
    assert closing.statistics().sent == closing.statistics().unsent == 0


async def test_where_it_came_is_told_and_replies_leave_from_there(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far, "0.0.0.0", tells_local=True)
    sender.out(("127.0.0.9", receiver.sock.getsockname()[1])).put(b"ask")
    await far.until(lambda: bool(far.got))
    assert far.local == bytes([127, 0, 0, 9])
    back = receiver.out(far.source, far.local)
    back.put(b"one")
    back.put(b"two")
    await near.until(lambda: len(near.got) == 2)
    assert near.source[0] == "127.0.0.9"


async def test_where_it_came_is_told_in_ipv6(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near, "::1"), ports(far, "::", tells_local=True)
    sender.out(("::1", receiver.sock.getsockname()[1])).put(b"ask")
    await far.until(lambda: bool(far.got))
    assert far.local == socket.inet_pton(socket.AF_INET6, "::1")
    receiver.out(far.source, far.local).put(b"answer")
    await near.until(lambda: bool(near.got))


async def test_u27_strangers_do_not_reach_python(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)
    take_only(receiver.sock, b"\x12\x34\x56\x78")
    out = sender.out(receiver.sock.getsockname())
    for part in (b"stranger", b"", b"\x12", b"\x12\x34\x56\x78 forth", b"\x92\x34\x56\x78 back"):
        out.put(part)
    await far.until(lambda: len(far.got) == 2)
    assert [part[4:] for part in far.got] == [b" forth", b" back"]
    assert receiver.statistics().received == 2


async def test_u29_a_kernel_that_refuses_to_cut_runs_gets_them_singly(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)
    sender.sock.setsockopt(socket.SOL_SOCKET, 11, 1)  # SO_NO_CHECK, with which it does (EINVAL)
    out = sender.out(receiver.sock.getsockname())
    for _ in range(5):
        out.put(b"a" * 500)
    await far.until(lambda: len(far.got) == 5)
    assert not sender.statistics().segments


async def test_u29_a_device_that_does_not_cut_runs_gets_them_singly(
    ports: Ports, monkeypatch: pytest.MonkeyPatch, events: list[tuple[str, dict[str, object]]]
) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)

    class Refusing:
        """The socket as it is over a device without checksums (udp_send_skb: EIO)."""

        def __init__(self, sock: socket.socket) -> None:
            self._sock = sock

        def sendmsg(self, *_: object) -> int:
            raise OSError(errno.EIO, "Input/output error")

        def __getattr__(self, name: str) -> object:
            return getattr(self._sock, name)

    monkeypatch.setattr(sender, "_sock", Refusing(sender.sock))
    out = sender.out(receiver.sock.getsockname())
    for _ in range(2):
        out.put(b"a" * 500)
        out.put(b"b" * 500)
    await far.until(lambda: len(far.got) == 4)
    assert not sender.statistics().segments
    assert [name for name, _ in events] == ["segmentation-refused"]


async def test_what_the_kernel_does_not_take_is_counted(ports: Ports) -> None:
    sender = ports(Reader())
    out = sender.out(("127.0.0.1", 9))
    out.put(bytes(65_508))
    far = Reader()
    sender.out(ports(far).sock.getsockname()).put(b"goes on")
    await far.until(lambda: bool(far.got))
    assert sender.statistics().unsent == 1


async def test_a_run_that_the_kernel_does_not_take_is_counted_whole(ports: Ports) -> None:
    far = Reader()
    sender = ports(far)
    out = sender.out(("255.255.255.255", 9))  # EACCES: it was not asked to broadcast
    for _ in range(5):
        out.put(b"to everybody")
    sender.out(sender.sock.getsockname()).put(b"goes on")
    await far.until(lambda: bool(far.got))
    assert (sender.statistics().unsent, sender.statistics().sent) == (5, 1)
    assert sender.statistics().segments


async def test_a_port_that_is_taken_leaves_nothing_open(ports: Ports) -> None:
    taken = ports(Reader())
    free = open_udp(("127.0.0.1", 0), buffer=PORT_BUFFER, may_fragment=False)
    lowest = free.fileno()
    free.close()
    with pytest.raises(OSError, match="Address already in use"):
        open_udp(taken.sock.getsockname(), buffer=PORT_BUFFER, may_fragment=False)
    with open_udp(("127.0.0.1", 0), buffer=PORT_BUFFER, may_fragment=False) as again:
        assert again.fileno() <= lowest


def test_what_else_the_kernel_tells_is_no_address() -> None:
    assert destination_of(socket.SOL_SOCKET, 29, bytes(16)) == b""  # SO_TIMESTAMP


async def test_nobody_there_is_no_end(ports: Ports, loop: Loop) -> None:
    near = Reader()
    sender = ports(near)
    gone = open_udp(("127.0.0.1", 0), buffer=PORT_BUFFER, may_fragment=True)
    address = gone.getsockname()
    gone.close()
    sender.sock.connect(address)
    sender.out().put(b"to nobody")  # ICMP says so, at the next read
    await until(lambda: sender.sent == 1)
    there = open_udp(address, buffer=PORT_BUFFER, may_fragment=True)
    UdpPort(loop, there, Reader()).out(sender.sock.getsockname()).put(b"back again")
    await near.until(lambda: bool(near.got))
    assert near.got == [b"back again"]


async def test_an_owner_that_raises_or_closes_loses_only_what_it_was_given(ports: Ports) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)

    def react() -> None:
        if far.got == [b"one"]:
            raise ValueError("an owner's mistake")
        if len(far.got) == 2:
            receiver.close()

    far.react = react
    address = receiver.sock.getsockname()
    for number, part in enumerate((b"one", b"twoo", b"three"), 1):
        sender.out(address).put(part)
        if number < 3:
            await far.until(lambda count=number: len(far.got) == count)  # type: ignore[misc]
    assert far.got == [b"one", b"twoo"]
    assert receiver.closed and "closed" in repr(receiver)
    receiver.fail(OSError())
    receiver.close()


async def test_a_flood_is_served_in_portions(ports: Ports, loop: Loop) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)
    address = receiver.sock.getsockname()
    for number in range(2 * BUDGET):
        sender.sock.sendto(b"x" * (number % 900 + 1), address)
    await far.until(lambda: len(far.got) == 2 * BUDGET)
    assert receiver.statistics().received == 2 * BUDGET


async def test_u18_a_flood_at_one_port_leaves_others_their_turn(ports: Ports) -> None:
    near, flooded, other = Reader(), Reader(), Reader()
    sender, port, another = ports(near), ports(flooded), ports(other)
    at_last: list[int] = []
    other.react = lambda: at_last.append(len(flooded.got))
    for number in range(4 * BUDGET):
        sender.sock.sendto(b"x" * (number % 2 + 1), port.sock.getsockname())
    sender.sock.sendto(b"a game's", another.sock.getsockname())
    await flooded.until(lambda: len(flooded.got) == 4 * BUDGET)
    assert at_last and at_last[0] <= 2 * BUDGET


async def test_u17_datagrams_are_served_between_the_services_of_others(ports: Ports, loop: Loop) -> None:
    near, far = Reader(), Reader()
    sender, receiver = ports(near), ports(far)
    echoed = receiver.out(sender.sock.getsockname())
    far.react = lambda: echoed.put(b"at once")
    order: list[str] = []
    near.react = lambda: order.append("answer")

    class Heavy:
        """Something that takes its time, and sends a datagram to the loop meanwhile."""

        def __init__(self, number: int) -> None:
            self.queued = False
            self.number = number

        def serve(self, events: int) -> None:
            end = perf_counter() + HURRY
            while perf_counter() < end:
                pass
            sender.sock.sendto(b"ask", receiver.sock.getsockname())
            order.append(f"heavy {self.number}")

        def fail(self, error: OSError) -> None: ...

        def close(self) -> None: ...

    sender.out(receiver.sock.getsockname()).put(b"datagrams flow")
    await near.until(lambda: len(near.got) == 1)
    order.clear()
    for number in range(5):
        loop.again(Heavy(number))
    await near.until(lambda: len(near.got) == 6)
    assert order.index("answer") < order.index("heavy 4"), order
    assert loop.statistics().endpoints == 2

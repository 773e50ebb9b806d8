"""Associations of clients on real sockets; the exits behind them are echoes. Cases U01 to U09, U13, U19, U33."""

import ipaddress
import socket
from collections.abc import Iterator

import pytest

from ingress.client import associations as module
from ingress.client.associations import KEPT
from ingress.client.flows import AssociationClient
from ingress.config.allowance import Allowance
from ingress.config.rule import Denial, PortRange, Rule
from ingress.doors.datagram import PREFIX, address_bytes
from relay.model.cause import Cause
from relay.model.network import Allowed
from relay.model.quota import Quota
from tests.ingress.choice.figures import figure
from tests.ingress.client.association_bed import ELSEWHERE, HERE, LOOPBACK, NAMED, TARGET, Make, counted, heard
from tests.ingress.client.client_bed import TWO_EXITS, ClientBeds, make_config


@pytest.mark.parametrize("address", [TARGET, NAMED, address_bytes("2606:4700::1", 443)], ids=["IPv4", "name", "IPv6"])
@pytest.mark.parametrize("payload", [b"hello", b"", bytes(60_000)], ids=["some", "U08 none", "much"])
async def test_u01_what_is_sent_reaches_the_exit_and_comes_back(make: Make, address: bytes, payload: bytes) -> None:
    bed = make()
    client = bed.client(bed.begin())
    client.send(PREFIX + address + payload)
    assert await heard(client) == PREFIX + address + payload
    assert bed.network.flows[0].sent == [(address, payload)]


async def test_datagrams_in_a_row_arrive_in_order(make: Make) -> None:
    bed = make()
    client = bed.client(bed.begin())
    for number in range(50):
        client.send(PREFIX + TARGET + bytes([number]))
    assert [(await heard(client))[-1] for _ in range(50)] == list(range(50))
    assert len(bed.network.flows) == 1


async def test_a_run_is_cut_where_the_target_changes_or_nothing_leads_on(make: Make) -> None:
    bed = make()
    client = bed.client(bed.begin())
    other, nobody = address_bytes("9.9.9.8", 53), address_bytes("169.254.169.254", 53)
    targets = [TARGET, TARGET, other, other, b"\x02" + TARGET[1:], nobody, other, TARGET]
    for number, target in enumerate(targets):
        client.send(PREFIX + target + bytes([number]) * 700)
    assert [(await heard(client))[-1] for _ in range(6)] == [0, 1, 2, 3, 6, 7]
    assert [address for address, _ in bed.network.flows[0].sent] == [TARGET, TARGET, other, other, other, TARGET]
    assert bed.all.statistics().malformed == bed.all.statistics().refused == 1


async def test_who_was_there_before_the_client_was_known_is_not_heard_either(make: Make) -> None:
    bed = make()
    association = bed.begin()
    client, stranger = bed.client(association), bed.client(association)
    client.send(PREFIX + TARGET + b"mine")
    stranger.send(PREFIX + TARGET + b"not mine")
    await counted(lambda: bed.all.statistics().foreign == 1)
    assert bed.network.flows[0].sent == [(TARGET, b"mine")]


async def test_u04_another_address_is_not_heard(make: Make) -> None:
    bed = make()
    association = bed.begin()
    stranger = bed.client(association, ELSEWHERE)
    stranger.send(PREFIX + TARGET + b"x")
    await counted(lambda: bed.all.statistics().foreign == 1)
    client = bed.client(association)
    client.send(PREFIX + TARGET + b"mine")
    assert await heard(client) == PREFIX + TARGET + b"mine"
    assert len(bed.network.flows[0].sent) == 1


async def test_u05_the_first_datagram_tells_the_port(make: Make) -> None:
    bed = make()
    association = bed.begin()
    first, second = bed.client(association), bed.client(association)
    first.send(PREFIX + TARGET + b"first")
    await heard(first)
    second.send(PREFIX + TARGET + b"second")
    with pytest.raises(ConnectionRefusedError):  # the kernel says that nobody listens there for it
        await heard(second)
    first.send(PREFIX + TARGET + b"third")
    assert (await heard(first)).endswith(b"third")
    assert [payload for _, payload in bed.network.flows[0].sent] == [b"first", b"third"]


async def test_u05_or_the_client_has_told_it(make: Make) -> None:
    bed = make()
    client = bed.client()
    association = bed.begin(port=client.getsockname()[1])
    bed.client(association).send(PREFIX + TARGET + b"x")
    await counted(lambda: bed.all.statistics().foreign == 1)
    client.connect(association.bound)
    client.send(PREFIX + TARGET + b"mine")
    assert (await heard(client)).endswith(b"mine")


@pytest.mark.parametrize("data", [b"", b"\0\0\1" + TARGET, b"\0\0\0\1\2", PREFIX + b"\7" + bytes(20)])
async def test_u06_u07_what_is_malformed_is_dropped(make: Make, data: bytes) -> None:
    bed = make()
    client = bed.client(bed.begin())
    client.send(data)
    client.send(PREFIX + TARGET + b"well")
    assert (await heard(client)).endswith(b"well")
    assert bed.all.statistics().malformed == 1 and len(bed.network.flows[0].sent) == 1


async def test_u09_the_end_of_the_client_is_that_of_all(make: Make) -> None:
    bed = make()
    association = bed.begin()
    client = bed.client(association)
    client.send(PREFIX + TARGET + b"x")
    await heard(client)
    association.close()
    association.close()
    assert bed.network.flows[0].is_closed and bed.all.statistics().open == 0
    client.send(PREFIX + TARGET + b"y")
    with pytest.raises(ConnectionRefusedError):
        await heard(client)


async def test_u19_there_is_none_where_no_exit_takes_any(make: Make) -> None:
    bed = make()
    bed.network.may_carry = False
    assert bed.all.add(HERE, AssociationClient(HERE), 0, lambda: None) is None


async def test_an_address_that_is_not_ours_gives_none(make: Make) -> None:
    assert make().all.add("192.0.2.77", AssociationClient(HERE), 0, lambda: None) is None


async def test_u35_what_no_exit_may_dial_is_not_sent(make: Make) -> None:
    bed = make()
    client = bed.client(bed.begin())
    for address in (address_bytes("127.0.0.1", 53), b"\x03\x09localhost\x00\x35", b"\x03\x04a..b\x00\x35"):
        client.send(PREFIX + address + b"x")
    await counted(lambda: bed.all.statistics().refused == 3)
    assert bed.network.flows == []


async def test_an_exit_that_may_dial_it_is_taken(make: Make) -> None:
    bed = make(allow={"eu": (Allowed(ipaddress.ip_network("127.0.0.0/8"), "test"),)})
    client = bed.client(bed.begin())
    client.send(PREFIX + address_bytes("127.0.0.1", 53) + b"x")
    await heard(client)
    assert bed.network.flows[0].exit == "eu"


async def test_without_a_way_to_any_exit_datagrams_are_dropped_until_there_is_one(make: Make) -> None:
    bed = make()
    bed.network.reached = frozenset()
    client = bed.client(bed.begin())
    client.send(PREFIX + TARGET + b"x")
    await counted(lambda: bed.all.statistics().unrouted == 1)
    bed.network.reached = frozenset({"eu"})
    client.send(PREFIX + TARGET + b"y")
    await heard(client)
    assert bed.network.flows[0].exit == "eu"


async def test_u25_a_lost_exit_is_replaced_by_the_next_datagram(make: Make) -> None:
    bed = make()
    association = bed.begin()
    client = bed.client(association)
    client.send(PREFIX + TARGET + b"x")
    await heard(client)
    assert bed.network.flows[0].exit == "us"
    bed.network.reached = frozenset({"eu"})
    association.on_gone(bed.network.flows[0])
    client.send(PREFIX + TARGET + b"y")
    await heard(client)
    assert [flow.exit for flow in bed.network.flows] == ["us", "eu"]


async def test_u33_the_associations_of_a_client_share_an_exit(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    bed = make()
    first = bed.client(bed.begin())
    first.send(PREFIX + TARGET + b"x")
    await heard(first)
    bed.chooser.rank((figure("a>us", 300), figure("b>eu", 50)), bed.all.loop.now)
    second = bed.client(bed.begin())
    second.send(PREFIX + address_bytes("8.8.4.4", 53) + b"x")
    await heard(second)
    monkeypatch.setattr(module, "KEPT", -1.0)
    third = bed.client(bed.begin())
    third.send(PREFIX + TARGET + b"x")
    await heard(third)
    assert [flow.exit for flow in bed.network.flows] == ["us", "us", "eu"]
    assert KEPT == 1800


async def test_u13_targets_are_forgotten_and_judged_anew(make: Make) -> None:
    bed = make()
    association = bed.begin()
    client = bed.client(association)
    for number in range(3000):
        client.send(PREFIX + address_bytes(f"9.9.{number >> 8}.{number & 255}", 53) + b"x")
        await heard(client)
    assert "1024 targets" in repr(association)
    assert len(bed.network.flows[0].sent) == 3000


@pytest.mark.parametrize("most", ["MOST", "MOST_EACH"])
async def test_who_was_idle_longest_makes_room(make: Make, monkeypatch: pytest.MonkeyPatch, most: str) -> None:
    monkeypatch.setattr(module, most, 2)
    bed = make()
    old, _ = bed.begin(user="alice"), bed.begin(user="alice")
    client = bed.client(old)
    client.send(PREFIX + TARGET + b"x")
    await heard(client)
    bed.begin(user="alice")
    assert bed.evicted == ["alice"] and bed.all.statistics().evicted == 1 and bed.all.statistics().open == 2
    client.send(PREFIX + TARGET + b"y")
    assert (await heard(client)).endswith(b"y"), "it was not idle"


@pytest.mark.parametrize(
    ("client", "local", "told"),
    [
        ("8.8.8.8", HERE, "198.51.100.1"),
        ("10.0.0.1", HERE, HERE),
        (HERE, HERE, HERE),
        ("2606:4700::1", "::1", "2001:db8::7"),
    ],
)
async def test_u02_where_clients_are_told_to_send(make: Make, client: str, local: str, told: str) -> None:
    bed = make(advertise=("198.51.100.1", "2001:db8::7"))
    found = bed.all.add(local, AssociationClient(client), 0, lambda: None)
    assert found is not None
    bed.stack.callback(found[0].close)
    assert found[1] == (told, found[0].bound[1]) and found[0].bound[0] == local


async def test_a_rule_sends_its_targets_to_an_exit_of_their_own(make: Make) -> None:
    bed = make(
        rules=(Rule(ports=(PortRange(123, 123),), exits=("eu",), exit_nodes=frozenset({"eu"}), redundant=False),)
    )
    client = bed.client(bed.begin())
    for port in (53, 123, 443, 123):
        client.send(PREFIX + address_bytes("9.9.9.9", port) + b"x")
        await heard(client)
    assert [(flow.exit, len(flow.sent), flow.redundant) for flow in bed.network.flows] == [
        ("us", 2, None),
        ("eu", 2, False),
    ]


@pytest.mark.parametrize("is_allowed", [False, True])
async def test_u22_new_quic_is_met_with_silence_where_datagrams_go_in_tcp(make: Make, is_allowed: bool) -> None:
    web = address_bytes("9.9.9.9", 443)
    bed = make(rules=(Rule(ports=(PortRange(443, 443),), protocols=("udp",), redundant=False),) if is_allowed else ())
    client = bed.client(bed.begin())
    client.send(PREFIX + TARGET + b"x")
    await heard(client)
    bed.network.flows[0].goes_in_tcp = True
    client.send(PREFIX + web + b"begins")
    client.send(PREFIX + TARGET + b"goes on")
    answers = [await heard(client) for _ in range(1 + is_allowed)]
    assert answers[-1].endswith(b"goes on") and bed.all.statistics().not_in_tcp == (not is_allowed)
    bed.network.flows[0].goes_in_tcp = False
    client.send(PREFIX + web + b"again")
    assert (await heard(client)).endswith(b"again")
    bed.network.flows[0].goes_in_tcp = True
    client.send(PREFIX + web + b"is not new")
    assert (await heard(client)).endswith(b"is not new")


async def test_who_has_used_a_quota_gets_no_other_and_what_it_has_is_slow(make: Make) -> None:
    bed = make()
    bed.allowances.use((Allowance(users=("ann",), quota=Quota(amount=1000, zone="UTC")),))
    mine, other = bed.begin(user="ann"), bed.begin(user="bob")
    bed.allowances.used("ann", HERE, 1000, 0)
    owners = bed.allowances.heed_quotas()
    bed.all.pace(owners)
    assert owners == {mine.owner} and other.owner is None
    assert bed.all.add(HERE, AssociationClient(HERE, "ann"), 0, lambda: None) is Cause.ALLOWANCE
    client = bed.client(mine)
    for _ in range(100):
        client.send(PREFIX + TARGET + bytes(1000))
    await counted(lambda: bed.all.statistics().over_rate)
    assert await heard(client)


async def test_a_rule_that_denies_drops(make: Make) -> None:
    bed = make(rules=(Rule(ports=(PortRange(443, 443),), protocols=("udp",), deny=Denial.REFUSE),))
    client = bed.client(bed.begin())
    client.send(PREFIX + address_bytes("9.9.9.9", 443) + b"x")
    client.send(PREFIX + TARGET + b"well")
    assert (await heard(client)).endswith(b"well")
    assert bed.all.statistics().refused == 1


# ---- behind the door


@pytest.fixture
def tcp() -> Iterator[tuple[socket.socket, socket.socket, tuple[str, int]]]:
    """A connection over loopback: ours, the client's, and the client's address."""
    with socket.create_server((HERE, 0)) as listener, socket.create_connection(listener.getsockname()) as far:
        near, address = listener.accept()
        near.setblocking(False)
        far.setblocking(False)
        with near:
            yield near, far, address


@pytest.mark.parametrize("is_evicted", [False, True])
async def test_u02_u09_a_client_from_its_greeting_to_its_end(
    make_bed: ClientBeds, tcp: tuple[socket.socket, socket.socket, tuple[str, int]], is_evicted: bool
) -> None:
    near, far, address = tcp
    bed = await make_bed(*TWO_EXITS, udp=True)
    bed.entrance.accept(bed.config.listen[0], near, address)
    far.sendall(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0")
    await bed.settle()
    answer = far.recv(100)
    assert answer[:9] == b"\x05\x00\x05\x00\x00\x01" + socket.inet_aton(HERE)[:3]
    bound = (HERE, int.from_bytes(answer[-2:], "big"))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.setblocking(False)
        client.sendto(PREFIX + NAMED + b"x", bound)
        await bed.settle()
        assert client.recv(100) == PREFIX + NAMED + b"x"
    await bed.passes(4000)
    assert bed.associations.statistics().open == 1, "U10: an hour without a byte on the connection"
    if is_evicted:
        bed.associations._evict(next(iter(bed.associations._held)))
        await bed.settle()
        assert far.recv(100) == b""
    far.close()
    await bed.settle()
    bed.assert_empty()
    assert bed.associations.statistics().open == 0


async def test_u19_switched_off_the_door_says_so(
    make_bed: ClientBeds, tcp: tuple[socket.socket, socket.socket, tuple[str, int]]
) -> None:
    near, far, address = tcp
    bed = await make_bed(*TWO_EXITS, udp=True)
    bed.datagrams.may_carry = False
    bed.entrance.accept(bed.config.listen[0], near, address)
    far.sendall(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0")
    await bed.settle()
    assert far.recv(100) == b"\x05\x00\x05\x07\x00\x01" + bytes(6)


async def test_who_has_as_many_as_the_allowance_leaves_is_told_so_in_another_word(
    make_bed: ClientBeds, tcp: tuple[socket.socket, socket.socket, tuple[str, int]]
) -> None:
    near, far, address = tcp
    bed = await make_bed(*TWO_EXITS, udp=True, allowances=(Allowance(clients=LOOPBACK, associations=0),))
    bed.entrance.accept(bed.config.listen[0], near, address)
    far.sendall(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0")
    await bed.settle()
    assert far.recv(100) == b"\x05\x00\x05\x01\x00\x01" + bytes(6)


async def test_a_rule_that_leaves_some_paths_has_a_flow_of_its_own(make: Make) -> None:
    rule = Rule(ports=(PortRange(123, 123),), avoid=("ix",))
    bed = make(rules=(rule,))
    left = frozenset(path.name for path in make_config(TWO_EXITS).paths.used)
    client = bed.client(bed.begin())
    for port in (53, 123, 123, 53):
        client.send(PREFIX + address_bytes("9.9.9.9", port) + b"x")
        await heard(client)
    assert [flow.within for flow in bed.network.flows] == [None, left]
    assert [len(flow.sent) for flow in bed.network.flows] == [2, 2]

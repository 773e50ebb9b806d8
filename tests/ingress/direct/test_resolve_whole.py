"""Rules that have names looked up, in a whole network: what matches decides, nothing else does, nobody else waits."""

import socket
from collections.abc import Callable

import dns.message
import dns.rrset
import pytest
import trio

from ingress.direct import own_names
from ingress.doors.datagram import PREFIX, address_bytes
from relay.exit.resolver import Resolver
from tests.ingress.serve.test_answers_whole import said
from tests.relay.exit.dns_servers import DnsServer, is_silent
from tests.world import INGRESS, NAME, PATIENCE, World, free_ports, read, read_all, reply, until

TWO_EXITS = (("to-us", INGRESS, "us"), ("to-eu", INGRESS, "eu"))
NEAR, FAR = "near.test", "far.test"
ADDRESSES = {NEAR: "127.0.0.1", FAR: "198.51.100.1"}
OPENED = 'hosts = "own"\nallow = [{ cidr = "127.0.0.0/8", reason = "the tests\' targets" }]\n'
RULE = '[[rule]]\nname = "home"\ncidr = "127.0.0.0/8"\nresolve = true\n{action}\n'


def tells(query: dns.message.Message) -> dns.message.Message:
    answer = dns.message.make_response(query)
    address = ADDRESSES.get(query.question[0].name.to_text(omit_final_dot=True))
    if address is not None and query.question[0].rdtype == 1:
        answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", address))
    return answer


async def started(make_world: Callable[..., World], action: str, more: str = "") -> tuple[World, DnsServer]:
    """A network by that rule, whose exits know every name, and whose ingress asks our own server."""
    world, server = make_world(TWO_EXITS), DnsServer(tells)
    (world.folder / "hosts").write_text(f"127.0.0.1 {NAME} {NEAR} {FAR}\n")
    (world.folder / "own").write_text("192.0.2.1 own.test\n")
    text = world.text().replace('answer = "true"\n', f'answer = "true"\n{OPENED}', 1)
    world.write(text + RULE.format(action=action) + more)
    await world.start()
    await world.up()
    at = await world.nursery.start(server.serve)
    names = world.running.names
    names._resolver = resolver = Resolver(world.nursery, [at])
    if world.running.direct is not None:
        world.running.direct.targets.resolver = resolver
    return world, server


def at_exits(world: World) -> int:
    return sum(node.sessions.streams for node in world.nodes.values())


async def test_only_a_match_decides(make_world: Callable[..., World]) -> None:
    world, server = await started(make_world, "direct = true")
    direct = world.running.direct
    assert direct is not None
    client, target = await world.connect(NEAR), await world.target.accept()
    await client.send_all(b"hello")
    assert await read(target, 5) == b"hello"
    assert (direct.stream_count, at_exits(world)) == (1, 0)
    await world.connect(FAR)
    assert (direct.stream_count, at_exits(world)) == (1, 1)
    await world.connect("127.0.0.1")
    assert (direct.stream_count, at_exits(world)) == (2, 1)
    assert set(server.asked) == {NEAR, FAR}
    await world.connect(NEAR)
    assert server.asked[NEAR] == 2  # what is known is not asked again


async def test_the_name_goes_to_the_exit_all_the_same(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(ADDRESSES, NEAR, "127.9.9.9")  # where nobody is
    world, _ = await started(make_world, 'exit = "us"')
    await world.connect(NEAR)
    assert (world.nodes["us"].sessions.streams, at_exits(world)) == (1, 1)
    told = await said(world, ask="why", target=f"{NEAR}:80")
    assert told["rule"]["title"] == "rule home" and told["rule"]["because"] == "cidr, by its address 127.9.9.9"
    assert (await said(world, ask="why", target=f"{FAR}:80"))["rule"] is None  # asked for by the question itself
    assert (await said(world, ask="why", target=f"{NEAR}:80/udp"))["rule"]["title"] == "rule home"


async def test_what_is_denied_then_is_refused_in_the_words_of_the_door(make_world: Callable[..., World]) -> None:
    world, _ = await started(make_world, "deny = true", '[[rule]]\nport = 7\nhost = "far.test"\ndeny = true\n')
    assert await reply(await world.ask(NEAR)) == 2
    assert await reply(await world.ask(FAR, 7)) == 2  # another rule, below
    await world.connect(FAR)
    client = await world.client()
    await client.send_all(f"GET http://{NEAR}/ HTTP/1.0\r\nHost: {NEAR}\r\n\r\n".encode())
    answer = await read_all(client)
    assert answer.startswith(b"HTTP/1.0 403 ") and b"It is rule home." in answer


async def test_what_is_dropped_then_ends_without_a_word(make_world: Callable[..., World]) -> None:
    world, _ = await started(make_world, 'deny = "drop"')
    client = await world.ask(NEAR)
    assert await read_all(client) == b"\x05\x00"


async def test_a_silent_server_holds_up_whom_the_rule_asks_about_and_them_for_a_while(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_names, "PATIENCE", 0.3)
    world, server = await started(make_world, 'exit = "eu"')
    server.answer = is_silent
    opener = world.running.opener
    waiting = await world.ask(NEAR)
    gone = await world.ask(NEAR)
    await until(lambda: opener.waiting == 2)
    await world.connect("127.0.0.1")
    assert opener.waiting == 2
    gone.socket.close()
    assert await reply(waiting) == 0  # by the best path
    assert opener.waiting == 0
    await world.connect(NEAR)  # and nobody waits for it again


async def test_too_many_that_wait_are_judged_as_if_nothing_was_known(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.client.opener.MOST_WAITING", 0)
    world, server = await started(make_world, "deny = true")
    server.answer = is_silent
    await world.connect(NEAR)


async def associate(world: World) -> tuple[trio.SocketStream, int]:
    control = await world.client()
    await control.send_all(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0")
    answer = await read(control, 12)
    return control, int.from_bytes(answer[-2:], "big")


async def test_datagrams_wait_in_order_and_what_comes_meanwhile_does_not_get_lost(
    make_world: Callable[..., World],
) -> None:
    world, _ = await started(make_world, "direct = true")
    control, port = await associate(world)
    with (
        trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo,
        trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        await echo.bind(("127.0.0.1", 0))
        await client.connect(("127.0.0.1", port))
        literal = address_bytes(*echo.getsockname())
        named = bytes([3, len(NEAR)]) + NEAR.encode() + literal[5:]
        with trio.fail_after(PATIENCE):
            for payload in (b"one", b"two", b"three"):
                await client.send(PREFIX + named + payload)
            came = [await echo.recvfrom(100) for _ in range(3)]
            assert [data for data, _ in came] == [b"one", b"two", b"three"]
            await echo.sendto(b"back", came[0][1])
            assert await client.recv(100) == PREFIX + literal + b"back"
            await client.send(PREFIX + named + b"four")
            assert (await echo.recvfrom(100))[0] == b"four"
    assert not world.running.fleet.datagrams.flows
    await control.aclose()


async def test_more_datagrams_than_may_wait_are_dropped_and_counted(
    make_world: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingress.client.held.ROOM", 5)
    world, server = await started(make_world, "deny = true")
    server.answer = is_silent
    associations = world.running.associations
    control, port = await associate(world)
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        await client.connect(("127.0.0.1", port))
        for payload in (b"one", b"two"):
            await client.send(PREFIX + bytes([3, len(NEAR)]) + NEAR.encode() + b"\x00\x35" + payload)
        await until(lambda: associations.statistics().unrouted == 1)
    await control.aclose()  # while one waits
    await until(lambda: associations.statistics().open == 0)


async def test_a_forward_of_datagrams_is_ruled_so_as_well(make_world: Callable[..., World]) -> None:
    (port,) = free_ports(1)
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        await echo.bind(("127.0.0.1", 0))
        target = f"{NEAR}:{echo.getsockname()[1]}"
        forward = f'[[forward]]\nprotocol = "udp"\nlisten = "127.0.0.1:{port}"\ntarget = "{target}"\n'
        world, _ = await started(make_world, "direct = true", forward)
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, trio.fail_after(PATIENCE):
            await client.connect(("127.0.0.1", port))
            await client.send(b"one")
            await client.send(b"two")
            data, source = await echo.recvfrom(100)
            assert (data, (await echo.recvfrom(100))[0]) == (b"one", b"two")
            await echo.sendto(b"back", source)
            assert await client.recv(100) == b"back"
        assert not world.running.fleet.datagrams.flows


async def test_a_reload_keeps_what_was_found(make_world: Callable[..., World]) -> None:
    world, server = await started(make_world, 'exit = "eu"')
    client = await world.connect(NEAR)
    await until(lambda: world.nodes["eu"].sessions.streams == 1)
    server.answer = is_silent
    demand = next(iter(world.running.accounts.streams)).demand
    assert [str(one) for one in demand.addresses] == ["127.0.0.1"]
    world.running.names.resolver._forget()
    again = world.running.opener.again(demand)
    assert again.match is not None and not again.asking and again.exits == frozenset({"eu"})
    await client.aclose()

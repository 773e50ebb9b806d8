"""What a rule sends direct is dialled from here: bytes, ends, resets, causes and the policy are those of any exit."""

import socket
from collections.abc import Callable

import pytest
import trio

from ingress.demo.ports import free_ports
from ingress.doors.datagram import PREFIX, address_bytes
from relay.errors import OperatorError
from relay.model.cause import Cause
from tests.world import INGRESS, NAME, PATIENCE, World, read, reply, until

FORWARD = '[[forward]]\nlisten = "127.0.0.1:{listen}"\ntarget = "a.test:1"\n'
RULE = '[[rule]]\ndirect = true\nhost = "direct.test"\ncidr = "127.0.0.0/8"\n'
OPENED = 'hosts = "hosts"\nallow = [{ cidr = "127.0.0.0/8", reason = "the tests\' targets" }]\n'


async def started(make_world: Callable[..., World], machine: str = OPENED, rule: str = RULE) -> World:
    world = make_world()
    (world.folder / "hosts").write_text(f"127.0.0.1 {NAME} direct.test\n")
    world.write(world.text().replace('answer = "true"\n', f'answer = "true"\n{machine}', 1) + rule)
    return await world.start()


async def read_all(stream: trio.SocketStream) -> bytes:
    return b"".join([piece async for piece in stream])


async def test_bytes_and_ends_go_both_ways_and_no_path_carries_them(make_world: Callable[..., World]) -> None:
    world = await started(make_world)
    client = await world.connect("direct.test")
    target = await world.target.accept()
    for exit_ in world.nodes.values():
        assert exit_.sessions.streams == 0
    sent = bytes(range(256)) * 8192
    async with trio.open_nursery() as nursery:
        nursery.start_soon(client.send_all, sent)
        assert await read(target, len(sent)) == sent
    await client.send_eof()
    assert await read_all(target) == b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(target.send_all, sent)
        assert await read(client, len(sent)) == sent
    await target.send_eof()
    assert await read_all(client) == b""
    direct = world.running.direct
    assert direct is not None
    await until(lambda: direct.stream_count == 0)
    assert world.running.memory.statistics().used == 0
    await until(lambda: len(direct._wire.near.unconfirmed) == 0)  # a ping has confirmed the last words


async def test_a_target_that_reads_nothing_holds_up_its_client_alone(make_world: Callable[..., World]) -> None:
    world = await started(make_world)
    client = await world.connect("127.0.0.1")
    target = await world.target.accept()
    sent = 0
    with trio.move_on_after(1.0) as scope:
        while sent < 64 << 20:
            await client.send_all(bytes(1 << 20))
            sent += 1 << 20
    assert scope.cancelled_caught, "64 MiB went into a target that reads nothing"
    other, beside = await world.connect("direct.test"), await world.target.accept()
    await other.send_all(b"beside")
    assert await read(beside, 6) == b"beside"
    await target.aclose()


async def test_a_reset_of_either_end_is_one_at_the_other(make_world: Callable[..., World]) -> None:
    world = await started(make_world)
    client, target = await world.connect("direct.test"), await world.target.accept()
    target.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await target.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await client.receive_some()
    client, target = await world.connect("direct.test"), await world.target.accept()
    client.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    await client.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await target.receive_some()


async def test_causes_are_told_in_the_doors_words(make_world: Callable[..., World]) -> None:
    world = await started(make_world)
    assert await reply(await world.ask("direct.test", 1)) == 5
    direct = world.running.direct
    assert direct is not None
    assert direct.dials.failures == {Cause.REFUSED: 1}


async def test_what_is_not_allowed_is_refused_and_so_are_the_networks_own_ports(
    make_world: Callable[..., World],
) -> None:
    world = await started(make_world, machine='hosts = "hosts"\n')
    assert await reply(await world.ask("direct.test")) == 2
    opened = world.config.read_text().replace('hosts = "hosts"\n', OPENED, 1)
    world.write(opened)
    await world.running.reloads.reload()
    assert await reply(await world.ask("direct.test", world.ports["us"])) == 2
    assert await reply(await world.ask("direct.test", world.ports[INGRESS])) == 2
    await world.connect("direct.test")


async def test_paths_may_all_be_down(make_world: Callable[..., World]) -> None:
    world = make_world()
    (world.folder / "hosts").write_text(f"127.0.0.1 {NAME} direct.test\n")
    world.write(world.text().replace('answer = "true"\n', f'answer = "true"\n{OPENED}', 1) + RULE)
    await world.start(INGRESS)
    client, target = await world.connect("direct.test"), await world.target.accept()
    await client.send_all(b"none is needed")
    assert await read(target, 14) == b"none is needed"


async def test_a_reload_brings_the_rule_and_takes_it_away(make_world: Callable[..., World]) -> None:
    world = make_world()
    (world.folder / "hosts").write_text(f"127.0.0.1 {NAME} direct.test\n")
    plain = world.text().replace('answer = "true"\n', f'answer = "true"\n{OPENED}', 1)
    world.write(plain)
    await world.start()
    await world.up()
    world.write(plain + RULE)
    await world.running.reloads.reload()
    client, target = await world.connect("direct.test"), await world.target.accept()
    direct = world.running.direct
    assert direct is not None and direct.stream_count == 1
    world.write(plain)
    await world.running.reloads.reload()
    await client.send_all(b"goes on")
    assert await read(target, 7) == b"goes on"
    await world.connect("direct.test")
    assert direct.stream_count == 1
    assert sum(node.sessions.streams for node in world.nodes.values()) == 1


async def test_datagrams_leave_from_here_too(make_world: Callable[..., World]) -> None:
    world = await started(make_world)
    control = await world.client()
    await control.send_all(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0")
    answer = await read(control, 12)
    assert answer[3] == 0
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as echo:
        await echo.bind(("127.0.0.1", 0))
        with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
            await client.connect(("127.0.0.1", int.from_bytes(answer[-2:], "big")))
            literal = address_bytes(*echo.getsockname())
            for target in (literal, b"\x03\x0bdirect.test" + literal[5:]):
                with trio.fail_after(PATIENCE):
                    await client.send(PREFIX + target + b"hello")
                    data, source = await echo.recvfrom(100)
                    await echo.sendto(data + b" back", source)
                    assert await client.recv(100) == PREFIX + literal + b"hello back"
    for flow in world.running.fleet.datagrams.flows.values():
        raise AssertionError(f"it went over a path: {flow!r}")
    await control.aclose()
    await until(lambda: world.running.associations.statistics().open == 0)


async def test_datagrams_that_this_machine_may_not_send_are_dropped(make_world: Callable[..., World]) -> None:
    world = await started(make_world, machine="")
    control = await world.client()
    await control.send_all(b"\x05\x01\x00\x05\x03\x00\x01\0\0\0\0\0\0")
    answer = await read(control, 12)
    direct = world.running.direct
    assert direct is not None
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        await client.connect(("127.0.0.1", int.from_bytes(answer[-2:], "big")))
        await client.send(PREFIX + address_bytes("127.0.0.1", 53) + b"hello")
        await until(lambda: direct.datagrams_refused == 1)


async def test_another_file_of_names_is_gone_by_from_the_next_stream_on(make_world: Callable[..., World]) -> None:
    world = await started(make_world)
    (world.folder / "others").write_text("127.0.0.1 later.test\n")
    world.write(
        world.config.read_text()
        .replace('hosts = "hosts"\n', 'hosts = "others"\n', 1)
        .replace("direct.test", "later.test")
    )
    await world.running.reloads.reload()
    client, target = await world.connect("later.test"), await world.target.accept()
    await client.send_all(b"found")
    assert await read(target, 5) == b"found"


async def test_a_file_of_names_that_is_gone_refuses_the_reload_and_changes_nothing(
    make_world: Callable[..., World],
) -> None:
    world = await started(make_world)
    text = world.config.read_text()
    (listen,) = free_ports(1)
    world.write(
        text.replace('hosts = "hosts"\n', 'hosts = "gone"\n', 1).replace('answer = "true"', 'answer = "true"')
        + FORWARD.format(listen=listen)
    )
    with pytest.raises(OperatorError, match="gone"):
        await world.running.reloads.reload()
    with socket.create_server(("127.0.0.1", listen)):
        await world.connect("direct.test")

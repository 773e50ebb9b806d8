"""A node from start to end: what stops it from starting, reloads that change something or nothing, signals, the end."""

import datetime
import functools
import re
import signal
import socket
from argparse import Namespace
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from ingress.keys import make_keys
from relay.admin.client import ask
from relay.errors import OperatorError
from relay.model.cause import Cause
from relay.serve import serve
from relay.wire.frames import Kind
from relay.wire.setup import Proceed, Welcome
from tests.relay.node.caller import Caller, asked, heard, hello, secured, transit
from tests.relay.node.datagram_caller import DatagramCaller, Echo
from tests.relay.session.pair import RecordingSink
from tests.world import INGRESS, PATIENCE, TWO_PATHS, Journal, World, is_reset, read, read_all, until


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    return await make_world(TWO_PATHS).start("jp", "us")


@pytest.fixture
async def caller(world: World, nursery: trio.Nursery) -> AsyncIterator[Caller]:
    made = Caller(world, "us")
    nursery.start_soon(made.loop.run)
    yield made
    nursery.cancel_scope.cancel()


async def told(world: World, node: str, question: str) -> dict[str, Any]:
    """What the admin socket of *node* answers."""
    with trio.fail_after(PATIENCE):
        return await trio.to_thread.run_sync(ask, world.folder / f"{node}.sock", {"ask": question}, "relay")


# ---- starting


@pytest.mark.parametrize(
    ("name", "options", "text"),
    [
        ("uss", {}, 'there is no node "uss" in the file; .*us'),
        (INGRESS, {}, '"shanghai" is an ingress, not a node; run: ingress serve shanghai'),
        ("us", {"config": Path("/nowhere/paths.toml")}, "/nowhere/paths.toml"),
        ("us", {"keys": Path("/nowhere")}, "there is no such file; run `ingress keys`"),
        ("us", {"admin": "/proc/nowhere/us.sock"}, "the admin socket cannot be made"),
        ("us", {"admin": "/tmp/" + "x" * 120}, "is too long for a socket"),
    ],
)
async def test_what_is_wrong_at_the_start_is_one_line(
    make_world: Callable[..., World], name: str, options: dict[str, object], text: str
) -> None:
    world = make_world()
    with pytest.RaisesGroup(OperatorError, flatten_subgroups=True, allow_unwrapped=True) as caught:
        await serve.serve(world.options(name, **options), _never())
    (error,) = _leaves(caught.value)
    assert re.search(text, str(error)), str(error)
    assert "\n" not in str(error)


async def test_a_port_in_use_is_named(make_world: Callable[..., World]) -> None:
    world = make_world()
    address = ("127.0.0.1", world.ports["us"])
    with socket.create_server(address), pytest.RaisesGroup(OperatorError, flatten_subgroups=True) as caught:
        await serve.serve(world.options("us"), _never())
    (error,) = _leaves(caught.value)
    assert str(error).startswith(f"cannot listen on 127.0.0.1:{world.ports['us']}: Address already in use; another")


async def test_keys_of_an_ingress_are_no_nodes_keys(make_world: Callable[..., World]) -> None:
    world = make_world()
    (world.keys / "us").rename(world.keys / "old")
    (world.keys / INGRESS).rename(world.keys / "us")
    with pytest.raises(OperatorError, match="bring the folder of us"):
        await serve.serve(world.options("us"), _never())


async def test_keys_of_an_ingress_by_the_nodes_name_are_told_apart(make_world: Callable[..., World]) -> None:
    world = make_world()
    make_keys(world.folder / "others", ["us"], [], datetime.datetime.now(datetime.UTC))
    with pytest.raises(OperatorError, match=r"others/us: is the certificate of an ingress; run: .* --renew us"):
        await serve.serve(world.options("us", keys=world.folder / "others"), _never())


def test_a_command_that_cannot_begin_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[object, ...]] = []
    monkeypatch.setattr("relay.serve.process.settle_memory", lambda: told.append(()))
    monkeypatch.setattr("relay.log.configure", lambda *how: told.append(how))
    options = Namespace(config=tmp_path / "paths.toml", node="us", keys=tmp_path, admin=None)
    with pytest.raises(OperatorError, match="there is no such file; name it with --config"):
        serve.run(Namespace(**vars(options), log_format="json", log_level="debug"))
    assert told == [("json", "debug"), ()]


def _never() -> AsyncIterator[int]:
    return trio.open_memory_channel[int](0)[1]


def _leaves(error: BaseException) -> list[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        return [leaf for one in error.exceptions for leaf in _leaves(one)]
    return [error]


# ---- reloading


async def test_a_reload_is_used_from_the_next_carrier_on(world: World, caller: Caller) -> None:
    link = await caller.carrier()
    stream, _ = caller.open(link)
    target = await world.target.accept()
    world.write(world.text() + _line(world, "second"))
    assert (await told(world, "jp", "reload"))["done"] == "reloaded: 2 nodes, 4 lines"
    async with secured(world, "jp") as tls:
        (digest,) = (hop.digest for hop in world.nodes["jp"].hops() if hop.line.name == "second")
        assert isinstance(await asked(tls, transit(world, "second", digest=digest)), Proceed)
    stream.write(b"untouched")
    assert await read(target, 9) == b"untouched"


def _line(world: World, name: str) -> str:
    address = f"127.0.0.1:{world.wires['pacific'].address}"
    return f'\n[line.{name}]\nfrom = "jp"\nto = "us"\naddress = "{address}"\n'


async def test_a_mistake_changes_nothing(world: World, journal: Journal) -> None:
    before = world.nodes["us"].network
    world.write("version = 1\n[node.us]\naddress = 7\n")
    with pytest.raises(OperatorError, match=r"node\.us\.address"):
        await told(world, "us", "reload")
    world.signal("us", signal.SIGHUP)
    await journal.until("reload-failed", "us", level="error")
    assert world.nodes["us"].network is before
    async with secured(world, "us") as tls:
        assert isinstance(await asked(tls, hello(world)), Welcome)


async def test_f6_a_reload_reads_the_names_and_one_that_cannot_changes_nothing(world: World, caller: Caller) -> None:
    hosts, link = world.folder / "hosts", await caller.carrier()
    hosts.write_text("127.0.0.1 new.test\n")
    assert (await told(world, "us", "reload"))["done"]
    _, sink = caller.open(link, host="new.test")
    await until(lambda: sink.took is not None)
    hosts.unlink()
    with pytest.raises(OperatorError, match=r"hosts: No such file or directory; node\.us names it as hosts"):
        await told(world, "us", "reload")
    _, again = caller.open(link, host="new.test")
    await until(lambda: again.took is not None)


async def test_a_node_that_itself_changed_says_restart(world: World) -> None:
    world.write(world.text().replace("the tests' targets", "another reason"))
    with pytest.raises(OperatorError, match=r"\[node.us\] itself has changed; restart"):
        await told(world, "us", "reload")


async def test_renewed_keys_are_used_from_the_next_carrier_on(world: World, journal: Journal) -> None:
    async with secured(world, "us") as tls:
        before = tls.tls.getpeercert(binary_form=True)
    world.make_keys(renew="us")
    world.signal("us", signal.SIGHUP)
    await journal.until("reloaded", "us")
    async with secured(world, "us") as tls:
        assert tls.tls.getpeercert(binary_form=True) != before
        assert isinstance(await asked(tls, hello(world)), Welcome)


async def test_an_ingress_taken_out_of_the_file_is_shut_out(world: World, caller: Caller) -> None:
    passed_on = await caller.carrier(via="jp")
    caller.open(passed_on)
    target = await world.target.accept()
    world.write(world.text().replace(INGRESS, "london"))
    assert (await told(world, "us", "reload"))["done"]
    assert await is_reset(target)
    assert (await told(world, "us", "status"))["sessions"] == 0
    assert (await told(world, "jp", "reload"))["done"]
    assert world.nodes["jp"].transits == {}


async def test_new_nodes_are_no_targets_after_a_reload(world: World, caller: Caller) -> None:
    link = await caller.carrier()
    _, sink = caller.open(link)
    await until(lambda: sink.took is not None)
    node = f'\n[node.new]\naddress = "127.0.0.1:{world.target.port}"\n'
    world.write(world.text() + node)
    assert (await told(world, "us", "reload"))["done"]

    asked_again: list[RecordingSink] = []

    def is_refused() -> bool:
        asked_again.append(caller.open(link)[1])
        return any(sink.cause is Cause.POLICY for sink in asked_again)

    await until(is_refused)


async def test_status_tells_what_it_carries(world: World, caller: Caller) -> None:
    caller.open(await caller.carrier(via="jp"))
    await world.target.accept()
    exit_ = await told(world, "us", "status")
    assert (exit_["node"], exit_["exit"], exit_["sessions"], exit_["carriers"], exit_["streams"]) == (
        "us", True, 1, 1, 1,
    )  # fmt: skip
    await until(lambda: world.nodes["jp"].dials)
    relay = await told(world, "jp", "status")
    assert (relay["passed_on"], relay["draining"]) == (1, False)
    assert relay["counters"]["accepted"] == 1
    ix, pacific = relay["lines"]
    assert (ix["line"], ix["dial"], pacific["line"], pacific["error"]) == ("ix", None, "pacific", None)
    assert 0 <= pacific["dial"] < 5 and 0 <= pacific["age"] < 5
    assert pacific["carriers"] == 1 and pacific["bytes_out"] > 500


# ---- ending


async def test_a_drain_waits_for_streams_and_then_ends(world: World, caller: Caller, journal: Journal) -> None:
    stream, sink = caller.open(await caller.carrier())
    target = await world.target.accept()
    await until(lambda: sink.took is not None)
    world.signal("us", signal.SIGTERM)
    await caller.hears(Kind.GOAWAY)
    stream.write(b"last words")
    stream.finish()
    assert await read_all(target) == b"last words"
    assert not world.processes["us"].ended.is_set()
    await target.send_eof()
    await world.ended("us")
    assert sink.fins == 1
    assert len(journal.of("node-stopped", "us")) == 1
    assert not (world.folder / "us.sock").exists()


async def limited(make_world: Callable[..., World], limits: str) -> World:
    """A network whose exit has these limits."""
    world = make_world(TWO_PATHS)
    world.write(world.text().replace("exit = true", f"exit = true\nlimits = {{ {limits} }}"))
    return await world.start("us")


async def test_what_does_not_end_is_reset(make_world: Callable[..., World], nursery: trio.Nursery) -> None:
    world = await limited(make_world, 'drain = "100ms"')
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    _, sink = caller.open(await caller.carrier())
    target = await world.target.accept()
    world.signal("us", signal.SIGINT)
    assert await is_reset(target)
    await until(lambda: sink.cause is Cause.DRAINING)
    await world.ended("us")
    nursery.cancel_scope.cancel()


async def test_g15_an_exit_keeps_to_its_own_limits(make_world: Callable[..., World], nursery: trio.Nursery) -> None:
    limits = 'handshake = "50ms", keepalive = "7s", memory = "3MiB", streams = 2, half_closed_idle = "200ms"'
    world = await limited(make_world, limits)
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    link = await caller.carrier()
    assert (await told(world, "us", "status"))["vitals"]["memory"]["limit"] == 3 << 20
    first, held = caller.open(link)
    _, other = caller.open(link)
    await until(lambda: held.took is not None and other.took is not None)
    targets = [one.sink.tcp.sock for one in world.nodes["us"].sessions.all_streams()]
    probes = [functools.partial(sock.getsockopt, socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) for sock in targets]
    await until(lambda: [ask() for ask in probes] == [7, 7])  # set once they last
    _, third = caller.open(link)
    await until(lambda: third.cause is Cause.LIMIT)
    assert (await told(world, "us", "status"))["counters"]["streams_refused"] == 1
    first.finish()
    await until(lambda: held.cause is Cause.HALF_CLOSED_IDLE)
    async with secured(world, "us") as silent:
        assert await heard(silent) == b""  # closed after the handshake's time, without a word
    nursery.cancel_scope.cancel()


async def test_a_second_signal_ends_at_once_and_honestly(world: World, caller: Caller) -> None:
    caller.open(await caller.carrier())
    target = await world.target.accept()
    world.signal("us", signal.SIGTERM)
    await caller.hears(Kind.GOAWAY)
    world.signal("us", signal.SIGTERM)
    await world.ended("us")
    assert await is_reset(target)


async def test_a_relay_drains_when_the_ingress_has_left(world: World, caller: Caller) -> None:
    link = await caller.carrier(via="jp")
    world.signal("jp", signal.SIGTERM)
    await until(lambda: world.nodes["jp"].is_draining)
    assert not world.processes["jp"].ended.is_set()
    link.close("left")
    await world.ended("jp")


async def test_an_exit_drains_when_its_associations_are_quiet(
    world: World, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = DatagramCaller(world)
    nursery.start_soon(caller.loop.run)
    label, echo = await caller.label(), Echo(caller.loop)
    label.send(echo.written, b"one")
    await until(lambda: len(label.got) == 1)
    world.signal("us", signal.SIGTERM)
    await caller.hears(Kind.GOAWAY)
    label.send(echo.written, b"two")
    await until(lambda: len(label.got) == 2)
    assert world.nodes["us"].datagrams.are_used and not world.processes["us"].ended.is_set()
    monkeypatch.setattr("relay.exit.associations.USED", 0.0)
    await world.ended("us")
    nursery.cancel_scope.cancel()

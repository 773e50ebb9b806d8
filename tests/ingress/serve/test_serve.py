"""The process of an ingress without any node: its start, its signals, its end."""

import gc
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trio

from ingress.serve import serve
from relay.errors import OperatorError
from tests.relay.session.pair import RecordingSink
from tests.world import INGRESS, Journal, World, until

Make = Callable[..., World]


@pytest.fixture
def memory_as_before() -> Iterator[None]:
    """What a serving process settles for all its life is for one test here."""
    before = gc.get_threshold()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


async def test_it_tells_that_it_serves_and_what_the_file_warns_of(make_world: Make, journal: Journal) -> None:
    world = make_world()
    world.write(world.text() + '\n[node.idle]\naddress = "127.0.0.1:1"\nlisten = "127.0.0.1:1"\n')
    await world.start(INGRESS)
    (started,) = journal.of("ingress-started")
    assert (started["ingress"], started["listen"]) == (INGRESS, f"127.0.0.1:{world.ports[INGRESS]}")
    assert started["admin"] == world.folder / f"{INGRESS}.sock"
    assert [fields["level"] for fields in journal.of("config-warned")] == ["warning"] * len(
        world.running.config.warnings
    )
    assert world.running.config.warnings


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_without_streams_it_ends_at_the_first_signal(make_world: Make, journal: Journal, number: int) -> None:
    world = await make_world().start(INGRESS)
    world.signal(INGRESS, number)
    await world.ended(INGRESS)
    assert [fields["streams"] for fields in journal.of("drain-started")] == [0]
    assert len(journal.of("ingress-stopped")) == 1
    assert not (world.folder / f"{INGRESS}.sock").exists()


async def test_it_waits_for_clients_and_streams_and_no_longer_than_the_file_says(
    make_world: Make, journal: Journal
) -> None:
    world = await make_world(extra='[limits]\ndrain = "100ms"\n').start(INGRESS)
    await world.client()
    sink = RecordingSink()
    session = world.running.fleet.peers["us"].session
    sink.stream = session.open("target.example", 443, sink, (), world.running.loop.now)
    await until(lambda: world.running.entrance.clients == 1)
    start = trio.current_time()
    world.signal(INGRESS, signal.SIGTERM)
    await journal.until("drain-started", INGRESS, streams=1)
    assert world.running.is_draining
    await world.ended(INGRESS)
    assert trio.current_time() - start >= 0.1
    assert sink.cause is not None


async def test_a_second_signal_ends_it_at_once(make_world: Make, journal: Journal) -> None:
    world = await make_world(extra='[limits]\ndrain = "1h"\n').start(INGRESS)
    await world.client()
    await until(lambda: world.running.entrance.clients == 1)
    world.signal(INGRESS, signal.SIGTERM)
    await journal.until("drain-started", INGRESS)
    world.signal(INGRESS, signal.SIGTERM)
    await world.ended(INGRESS)


async def test_sighup_reads_the_files_again_and_a_mistake_is_only_logged(make_world: Make, journal: Journal) -> None:
    world = await make_world().start(INGRESS)
    good, before = world.text(), world.running.config
    world.signal(INGRESS, signal.SIGHUP)
    await journal.until("reloaded", INGRESS)
    after = world.running.config
    assert after is not before
    world.write(good + "[line.x]\n")
    world.signal(INGRESS, signal.SIGHUP)
    told = await journal.until("reload-failed", INGRESS, level="error")
    assert "line.x" in told["why"]
    assert world.running.config is after


async def test_who_cannot_listen_does_not_begin(make_world: Make) -> None:
    world = make_world()
    with (
        socket.create_server(("127.0.0.1", world.ports[INGRESS])),
        pytest.RaisesGroup(pytest.RaisesExc(OperatorError, match="another program listens there")),
    ):
        await serve.serve(world.options(INGRESS), trio.open_memory_channel[int](0)[1])


# ---- as the command runs it


def files(tmp_path: Path, journal: Journal) -> World:
    """A world that is only written."""

    async def make() -> World:
        async with trio.open_nursery() as nursery:
            world = World(tmp_path, nursery, journal)
            nursery.cancel_scope.cancel()
        return world

    return trio.run(make)


@pytest.mark.usefixtures("memory_as_before")
def test_the_command_serves_until_it_is_told_to_stop(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(serve, "LAST_WORDS", 0.0)
    world = files(tmp_path, journal)

    def event(name: str, /, **fields: object) -> None:
        journal.event(name, **fields)
        if name == "ingress-started":
            signal.raise_signal(signal.SIGTERM)

    monkeypatch.setattr("relay.log.event", event)
    assert serve.run(world.options(INGRESS)) == 0
    assert len(journal.of("ingress-stopped")) == 1


@pytest.mark.usefixtures("memory_as_before")
def test_mistakes_are_told_before_anything_runs(tmp_path: Path, journal: Journal) -> None:
    world = files(tmp_path, journal)
    world.write("version = 1\n")
    with pytest.raises(OperatorError):
        serve.run(world.options(INGRESS))
    assert journal.entries == []

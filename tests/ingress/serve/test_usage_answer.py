"""`usage` asked of a running ingress: what was moved is there at once, and what cannot be kept is said."""

import fcntl
import os
from collections.abc import Callable

import pytest
import trio

from ingress.state.place import state_file, state_folder
from relay.errors import OperatorError
from tests.ingress.serve.test_answers_whole import said
from tests.world import INGRESS, NAME, World, until

Make = Callable[..., World]
SIZE = 300_000


async def test_who_moved_what_over_what(make_world: Make) -> None:
    world = await make_world().start()
    await world.up()
    await until(lambda: world.running.keeper.is_open)
    client, target = await world.pair()
    await client.send_all(bytes(SIZE))
    received = 0
    while received < SIZE:
        received += len(await target.receive_some(SIZE))
    answer = await said(world, ask="usage")
    (row,) = answer["rows"]
    assert row == {
        "name": "127.0.0.1",
        "up": SIZE,
        "down": 0,
        "streams": 1,
        "udp_up": 0,
        "udp_down": 0,
        "associations": 0,
    }
    assert (answer["by"], answer["notes"], answer["left_out"]) == ("user", [], 0)
    (line,) = (await said(world, ask="usage", by="line"))["rows"]
    assert line["name"] == "direct" and SIZE < line["tcp_up"] < 1.2 * SIZE
    (site,) = (await said(world, ask="usage", by="site"))["rows"]
    assert (site["name"], site["up"]) == (NAME if "." not in NAME else site["name"], SIZE)
    await client.aclose()


async def test_questions_that_make_no_sense(make_world: Make) -> None:
    world = await make_world().start()
    await until(lambda: world.running.keeper.is_open)
    with pytest.raises(OperatorError, match="summed up by one of: user, client"):
        await said(world, ask="usage", by="weather")
    for since in ("yesterday", -1, 0, 1e11, None):
        with pytest.raises(OperatorError, match="is a number of seconds"):
            await said(world, ask="usage", since=since)  # type: ignore[arg-type]


async def test_a_second_process_says_who_keeps_the_accounts(make_world: Make) -> None:
    folder = state_folder(None)
    folder.mkdir(parents=True)
    lock = os.open(folder / f"{INGRESS}.lock", os.O_RDWR | os.O_CREAT)
    os.write(lock, b"4711")
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        world = await make_world().start()
        await until(lambda: world.running.keeper.trouble)
        with pytest.raises(OperatorError, match=r"no accounts are kept: .*another running ingress's \(process 4711\)"):
            await said(world, ask="usage")
    finally:
        os.close(lock)


async def test_what_could_not_be_written_is_told(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    world = await make_world().start()
    await world.up()
    await until(lambda: world.running.keeper.is_open)
    keeper = world.running.keeper
    assert keeper._file is not None
    await said(world, ask="usage")
    file = keeper._file
    await trio.to_thread.run_sync(lambda: file._connection.execute("PRAGMA query_only = 1"))
    client, _ = await world.pair()
    world.running.usage.clients.dropped = 3
    answer = await said(world, ask="usage")
    assert answer["rows"] == [] and len(answer["notes"]) == 2
    assert answer["notes"][1] == "3 rows were lost while they could not be written"
    await trio.to_thread.run_sync(lambda: file._connection.execute("PRAGMA query_only = 0"))
    (row,) = (await said(world, ask="usage"))["rows"]
    assert row["streams"] == 1 and state_file(state_folder(None), INGRESS).exists()
    await client.aclose()

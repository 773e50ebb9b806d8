"""What an ingress has learned is there when it starts again; what is wrong with its file is said, and harms nobody."""

from collections.abc import Callable

from ingress.measure.capacity import Way
from ingress.serve.answers import make_report
from ingress.state.place import state_file, state_folder
from tests.world import INGRESS, Journal, World, until

Make = Callable[..., World]
LINE = ("direct", Way.DOWN)


async def test_what_was_learned_is_known_to_the_next_process(make_world: Make) -> None:
    world = await make_world().start()
    await until(lambda: world.running.keeper.is_open)
    capacities = world.running.fleet.line_loads.capacities
    capacities.saw(LINE, 5e6, world.running.fleet.line_loads.wall(world.running.loop.now))
    await world.kill(INGRESS)
    await world.start(INGRESS)
    again = world.running.fleet.line_loads.capacities
    assert again is not capacities
    await until(lambda: LINE in again.seen)
    assert again.seen[LINE] == capacities.seen[LINE]
    assert state_file(state_folder(None), INGRESS).exists()


async def test_a_file_that_is_none_is_set_aside_and_streams_go_on(make_world: Make, journal: Journal) -> None:
    world = make_world()
    (world.folder / "kept").mkdir()
    (world.folder / "kept" / f"{INGRESS}.sqlite").write_bytes(b"nothing of the kind" * 1000)
    answer = f'answer = "{world.answer}"'
    world.write(world.text().replace(answer, f'{answer}\nstate = "kept"'))
    await world.start()
    await world.up()
    client, target = await world.pair()
    await client.send_all(b"hello")
    assert await target.receive_some(5) == b"hello"
    assert await journal.until("state-damaged", INGRESS)
    assert (world.folder / "kept" / f"{INGRESS}.sqlite.damaged").exists()


async def test_that_nothing_is_kept_stands_among_the_warnings(make_world: Make, journal: Journal) -> None:
    world = make_world()
    (world.folder / "kept").write_text("a file in the way")
    answer = f'answer = "{world.answer}"'
    world.write(world.text().replace(answer, f'{answer}\nstate = "kept"'))
    await world.start()
    await journal.until("state-not-kept", INGRESS)
    (warning,) = make_report(world.running).warnings
    assert warning.startswith("what is learned is not kept over a restart: ")
    assert warning.endswith("File exists; name another folder: state = …")

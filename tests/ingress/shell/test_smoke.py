from collections.abc import Callable
from tests.world import World, TWO_PATHS, read, read_all, Journal
async def test_it(make_world: Callable[..., World], journal: Journal) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    c, t = await world.pair()
    await c.send_all(b"hello")
    assert await read(t, 5) == b"hello"
    await t.send_all(b"x" * 1_000_000)
    await t.send_eof()
    assert len(await read_all(c)) == 1_000_000
    for e in journal.entries: print(e)

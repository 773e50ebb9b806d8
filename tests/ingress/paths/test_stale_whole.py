"""Files that differ: who is behind is said by the serial, and only what concerns a node makes it stale."""

import signal
from collections.abc import Callable

import pytest

from ingress.serve.answers import node_rows
from relay.model.vitals import LineReport
from relay.wire.status import Status, status
from tests.world import INGRESS, TWO_PATHS, Journal, World, until

Make = Callable[..., World]


def config(world: World) -> dict[str, str | None]:
    """By node: how its file differs, as `ingress paths` shows it."""
    rows = node_rows(world.running)
    assert all(row.stale_config == (row.config is not None) for row in rows)
    return {row.node: row.config for row in rows}


def with_serial(text: str, serial: int) -> str:
    """A file's *text* with a serial."""
    return text.replace("version = 1\n", f"version = 1\nserial = {serial}\n")


async def reload(world: World, text: str, *names: str) -> None:
    """Have *names* read *text*."""
    world.write(text)
    before = {name: len(world.journal.of("reloaded", name)) for name in names}
    for name in names:
        world.signal(name, signal.SIGHUP)
    await until(lambda: all(len(world.journal.of("reloaded", name)) > count for name, count in before.items()))


async def test_an_address_that_only_the_ingress_dials_makes_nobody_stale(make_world: Make, journal: Journal) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    seller = world.wires["direct"].address  # the same door has another address as well: its own
    moved = world.text().replace(f'to = "us"\naddress = "127.0.0.1:{seller}"', 'to = "us"')
    assert moved != world.text()
    carriers = len(journal.of("carrier-up", "us"))
    await reload(world, moved, INGRESS)
    world.wires["direct"].cut()
    await until(lambda: len(journal.of("carrier-up", "us")) > carriers)  # it was welcomed with the new file
    await world.up()
    assert config(world) == {"jp": None, "us": None}
    assert not journal.of("config-differed")


WORDS = [
    (5, 3, "us has an older paths.toml (serial 3, here 5): update us", "update us"),
    (5, 7, "us has a newer paths.toml (serial 7, here 5): update shanghai", "update shanghai"),
    (
        5,
        5,
        "us has another paths.toml with the same serial (5): bring it the right one and raise `serial`",
        "serial (5)",
    ),
]


@pytest.mark.parametrize(("ours", "theirs", "said", "hint"), WORDS)
async def test_the_serial_says_which_side_to_update(
    make_world: Make, journal: Journal, ours: int, theirs: int, said: str, hint: str
) -> None:
    world = make_world(TWO_PATHS)
    other = world.text() + '\n[ingress.london]\nlisten = "127.0.0.1:1"\n'
    await world.start("us", config=world.write(with_serial(other, theirs), "other.toml"))
    world.write(with_serial(world.text(), ours))
    await world.start("jp", INGRESS)
    await world.up()
    assert config(world) == {"jp": None, "us": said}
    told = await journal.until("config-differed", "us", level="warning", serial=theirs, theirs=ours)
    assert hint in told["why"]


async def test_serials_alone_are_no_difference(make_world: Make, journal: Journal) -> None:
    world = make_world()
    await world.start("us", config=world.write(with_serial(world.text(), 9), "other.toml"))
    await world.start(INGRESS)
    await world.up()
    assert config(world) == {"us": None}
    assert not journal.of("config-differed")


async def test_a_node_that_reads_a_new_file_tells_at_once(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    newer = with_serial(world.text(), 4) + f'\n[line.second]\nfrom = "{INGRESS}"\nto = "us"\n'
    await reload(world, newer, "us")
    await until(lambda: config(world)["us"] == "us has a newer paths.toml (serial 4, here 0): update shanghai")
    await reload(world, newer, INGRESS)
    assert config(world) == {"jp": None, "us": None}  # jp has the older file, and nothing in it is wrong


async def test_a_node_is_believed_about_its_own_lines_only(make_world: Make) -> None:
    world = await make_world(TWO_PATHS).start()
    await world.up()
    fleet = world.running.fleet
    for name, line in (("jp", "pacific"), ("us", "pacific")):
        lines = LineReport(line, 50.0 if name == "jp" else 99.0), LineReport("direct", 99.0)
        world.nodes[name].sessions.tell_status(status(Status(bytes(8), 0, lines)))
    await until(lambda: all(peer.told is not None and len(peer.told.lines) == 2 for peer in fleet.peers.values()))
    dials = fleet.dials()
    assert dials["pacific"].took == 50.0
    assert 99.0 not in [dial.took for dial in dials.values()]

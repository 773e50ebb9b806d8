"""A node, and ingresses of other versions: refused in words that both can read, or served as well as both can."""

import signal
import struct
from collections.abc import Callable

import pytest
import trio

from relay.carrier.setup import read_message
from relay.engine.tls_setup import send_all
from relay.wire.codes import OUR_FEATURES, Feature, Purpose, Reason
from relay.wire.fields import join
from relay.wire.frames import HEADER_SIZE, Kind, frame
from relay.wire.setup import Message, Parsed, Proceed, Refused, Welcome, encode
from relay.wire.versions import NEWEST, Versions
from tests.relay.node.caller import Caller, asked, heard, hello, secured, transit
from tests.world import INGRESS, TWO_PATHS, Journal, World, read, until


@pytest.fixture
async def world(make_world: Callable[..., World]) -> World:
    """A relay, an exit, and no ingress."""
    return await make_world(TWO_PATHS).start("jp", "us")


def hello_1() -> bytes:
    """HELLO as version 1 says it: version, purpose, resume, token, digest, program."""
    return frame(1, struct.pack("!BBB16s8s", 1, 1, 0, b"t" * 16, b"d" * 8) + b"0.1.0")


def transit_1() -> bytes:
    """TRANSIT as version 1 says it: version, digest, name of the line."""
    return frame(4, struct.pack("!B8s", 1, b"d" * 8) + b"pacific")


def refused_1(data: bytes) -> tuple[int, str]:
    """Reason and text, as version 1 reads the whole of *data*; it knows reasons 1 to 11, and 1,024 bytes."""
    size = int.from_bytes(data[1:4], "big")
    assert data[0] == 3 and size <= 1024 and len(data) == 4 + size and 1 <= data[4] <= 11
    return data[4], data[5:].decode("ascii")


@pytest.mark.parametrize(("node", "words"), [("us", hello_1()), ("jp", transit_1()), ("jp", hello_1())])
async def test_an_ingress_of_version_1_reads_who_is_to_be_updated(
    world: World, journal: Journal, node: str, words: bytes
) -> None:
    async with secured(world, node) as tls:
        await send_all(tls, words)
        said = refused_1(await heard(tls))
    why = f"{node} speaks version 2, shanghai version 1: update shanghai"
    assert said == (Reason.VERSION, why)
    assert (await journal.until("carrier-refused", node, name=INGRESS))["why"] == why


async def test_a_newer_ingress_is_served_in_the_version_that_both_speak(world: World) -> None:
    newer = Versions(NEWEST, NEWEST + 1)
    async with secured(world, "us") as tls:
        answer = await asked(tls, hello(world, versions=newer, features=Feature(2**40)))
        assert isinstance(answer, Welcome) and answer.agreed == NEWEST and OUR_FEATURES in answer.features
    async with secured(world, "jp") as tls:
        answer = await asked(tls, transit(world, "pacific", versions=newer))
        assert isinstance(answer, Proceed) and answer.agreed == NEWEST


async def answered(world: World, node: str, message: Message, *more: tuple[int, bytes]) -> Parsed:
    """The answer to *message* with some fields behind its own."""
    wire = encode(message)
    async with secured(world, node) as tls:
        await send_all(tls, frame(wire[0], wire[HEADER_SIZE:] + join(more)))
        return await read_message(tls)


async def test_a_field_that_is_not_known_is_named_or_ignored(world: World, journal: Journal) -> None:
    assert isinstance(await answered(world, "us", hello(world), (200, b"?"), (255, b"")), Welcome)
    assert isinstance(await answered(world, "jp", transit(world, "pacific"), (200, b"later")), Proceed)
    for node, message in (("us", hello(world)), ("jp", transit(world, "pacific"))):
        kind = Kind(encode(message)[0]).name
        why = f"{node}: field 99 of {kind} is not understood: update {node}"
        assert await answered(world, node, message, (99, b"?")) == Refused(Reason.NOT_UNDERSTOOD, why)
        await journal.until("carrier-refused", node, name=INGRESS, why=why)


async def test_frames_that_a_node_does_not_know_and_may_ignore_are_passed_over(
    world: World, journal: Journal, nursery: trio.Nursery
) -> None:
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    link = await caller.carrier(Purpose.THIN)
    stream, _ = caller.open(link)
    target = await world.target.accept()
    for kind in (130, 200, 255):
        link.end.send(frame(kind, b"?" * 10_000))
    stream.write(b"as ever")
    assert await read(target, 7) == b"as ever"
    link.end.ping(77)
    await until(lambda: caller.pongs == [77])
    assert not journal.of("carrier-lost")
    nursery.cancel_scope.cancel()


async def test_what_the_ingress_says_of_its_way_is_in_the_log(
    world: World, journal: Journal, nursery: trio.Nursery
) -> None:
    caller = Caller(world, "us")
    nursery.start_soon(caller.loop.run)
    async with secured(world, "us") as tls:
        assert isinstance(await asked(tls, hello(world, via="pacific")), Welcome)
        await journal.until("carrier-up", "us", ingress=INGRESS, via="pacific")
    link = await caller.carrier(via="jp")
    opened = await journal.until("transit-opened", "jp", line="pacific", via="ix")
    link.close("done")
    assert await journal.until("transit-closed", "jp") == opened
    nursery.cancel_scope.cancel()


async def test_a_line_of_the_file_before_the_last_reload_is_still_dialled(world: World) -> None:
    """A new file comes to one node after the other: an ingress may ask for what the node had until just now."""
    first = transit(world, "pacific")
    await reload(world, "jp", world.text().replace("[line.pacific]", "[line.atlantic]"))
    assert isinstance(await answered(world, "jp", first), Proceed)
    assert isinstance(await answered(world, "jp", transit_of_jp(world, "atlantic")), Proceed)
    await reload(world, "jp", world.text().replace("[line.pacific]", "[line.arctic]"))
    answer = await answered(world, "jp", first)
    assert answer == Refused(Reason.UNKNOWN_LINE, "jp has no line pacific in its file: update it")


async def test_a_reload_of_the_same_file_forgets_nothing(world: World) -> None:
    first = transit(world, "pacific")
    other = world.text().replace("[line.pacific]", "[line.atlantic]")
    for _ in range(2):
        await reload(world, "jp", other)
    assert isinstance(await answered(world, "jp", first), Proceed)


async def test_another_digest_than_of_either_file_is_refused(world: World) -> None:
    port = world.wires["pacific"].address
    await reload(world, "jp", world.text().replace(f":{port}", f":{world.wires['direct'].address}"))
    answer = await answered(world, "jp", transit(world, "pacific", digest=b"x" * 8))
    assert answer == Refused(Reason.STALE_CONFIG, "jp has another version of line pacific in its file: update it")


async def test_which_file_is_older_is_said_with_the_refusal(world: World) -> None:
    text = world.text().replace("version = 1\n", "version = 1\nserial = 3\n")
    digest = transit(world, "pacific").digest  # type: ignore[union-attr]
    for name in ("atlantic", "arctic"):
        await reload(world, "jp", text.replace("[line.pacific]", f"[line.{name}]"))
    for serial, update in ((2, "update shanghai, whose file is older (serial 2, here 3)"), (4, "update it")):
        answer = await answered(world, "jp", transit(world, "pacific", digest=digest, serial=serial))
        assert answer == Refused(Reason.UNKNOWN_LINE, f"jp has no line pacific in its file: {update}")


def transit_of_jp(world: World, line: str) -> Message:
    """TRANSIT over a line as the file of jp has it now."""
    (digest,) = (hop.digest for hop in world.nodes["jp"].hops() if hop.line.name == line)
    return transit(world, line, digest=digest)


async def reload(world: World, node: str, text: str) -> None:
    """Have *node* read *text*."""
    world.write(text)
    before = len(world.journal.of("reloaded", node))
    world.signal(node, signal.SIGHUP)
    await until(lambda: len(world.journal.of("reloaded", node)) > before)

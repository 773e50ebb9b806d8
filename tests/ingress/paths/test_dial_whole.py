"""Set-ups that cannot succeed: which state the path shows, what stands in the log, and that strangers get nothing."""

import datetime
import os
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from ingress.keys import make_keys
from ingress.serve import serve
from relay.engine.tls_setup import close, handshake, read_some
from relay.errors import OperatorError
from tests.world import INGRESS, PATIENCE, TWO_PATHS, Journal, World, until

Make = Callable[..., World]


async def shown(world: World, path: str, state: str) -> str:
    """Why *path* is in *state*, once it is."""
    await until(lambda: world.running.fleet.live[path].monitor.health.was_tried and world.word(path) == state)
    return world.running.fleet.live[path].monitor.health.reason


def other_keys(world: World) -> Path:
    """Keys of another CA, with the same names."""
    keys = world.folder / "elsewhere" / "keys"
    make_keys(keys, [INGRESS, "london"], world.names, datetime.datetime.now(datetime.UTC))
    return keys


async def test_another_ca(make_world: Make, journal: Journal) -> None:
    world = make_world()
    await world.start("us", keys=other_keys(world))
    await world.start(INGRESS)
    why = await shown(world, "direct", "auth")
    assert why == "us: what answers there is not to be trusted (self-signed certificate in certificate chain)"
    assert (await journal.until("carrier-failed", INGRESS, level="warning"))["why"] == why
    assert (await journal.until("set-up-failed", "us", level="warning"))["why"] == "tlsv1 alert unknown ca"


async def test_another_node_answers(make_world: Make, journal: Journal) -> None:
    world = make_world(TWO_PATHS)
    world.rewire("direct", world.ports["jp"])
    await world.start()
    assert await shown(world, "direct", "auth") == 'the other end is "jp", and not "us"'
    failed = await journal.until("set-up-failed", "jp", level="warning")
    assert "perhaps it wanted another node than jp" in failed["why"]
    await world.up("ix/pacific")  # the other path serves
    await world.pair()


@pytest.mark.parametrize("who", [INGRESS, "jp"])
async def test_an_impostor_gets_not_a_byte(make_world: Make, who: str, nursery: trio.Nursery) -> None:
    """Somebody with another certificate of ours listens where the exit should."""
    world = make_world(TWO_PATHS)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(world.keys / who / "node.pem", world.keys / who / "node.key")
    heard: list[bytes] = []

    async def serve(stream: trio.SocketStream) -> None:
        sock = socket.socket(fileno=stream.socket.detach())
        sock.setblocking(False)
        try:
            tls = await handshake(sock, context, server_side=True)
        except OSError:
            heard.append(b"")
            return
        try:
            heard.append(await read_some(tls, 1000))
        except OSError:
            heard.append(b"")
        finally:
            close(sock)

    listeners = await trio.open_tcp_listeners(world.ports["us"], host="127.0.0.1")
    nursery.start_soon(trio.serve_listeners, serve, listeners)
    await world.start("jp", INGRESS)
    await shown(world, "direct", "auth")
    await until(lambda: heard)
    assert not any(heard)
    nursery.cancel_scope.cancel()


async def test_an_ingress_that_a_node_does_not_know(make_world: Make, journal: Journal) -> None:
    world = make_world()
    old = world.write(world.text().replace(INGRESS, "london"), "old.toml")
    await world.start("us", config=old)
    await world.start(INGRESS)
    assert await shown(world, "direct", "auth") == "us: shanghai is not an ingress in the file of us"
    await journal.until("carrier-refused", "us", level="warning")


async def test_a_certificate_of_a_relay_is_refused_before_the_start(make_world: Make) -> None:
    world = make_world()
    (world.keys / INGRESS).rename(world.folder / "kept")
    make_keys(world.keys, ["us"], [INGRESS], datetime.datetime.now(datetime.UTC))
    with pytest.raises(OperatorError, match="is the certificate of a relay; run: ingress keys --renew shanghai"):
        serve.read(world.options(INGRESS), None)


STALE = [
    (lambda text: text.replace("[line.pacific]", "[line.atlantic]"), "jp has no line pacific in its file: update it"),
    (lambda text: text + "both = true\n", "jp has another version of line pacific in its file: update it"),
]


@pytest.mark.parametrize(("change", "why"), STALE)
async def test_a_relay_with_another_file(
    make_world: Make, journal: Journal, change: Callable[[str], str], why: str
) -> None:
    world = make_world(TWO_PATHS)
    old = world.write(change(world.text().rstrip() + "\n"), "old.toml")
    await world.start("jp", config=old)
    await world.start("us", INGRESS)
    assert await shown(world, "ix/pacific", "stale config") == why
    await world.up("ix", "direct")  # what does not concern the difference works
    await journal.until("carrier-refused", "jp", level="warning")
    await journal.until("config-differed", "jp")


async def test_a_node_that_is_no_exit_in_its_own_file(make_world: Make) -> None:
    world = make_world(exits=())
    old = world.write(file="old.toml")
    world.exits = ("us",)
    world.write()
    await world.start("us", config=old)
    await world.start(INGRESS)
    assert await shown(world, "direct", "stale config") == "us is no exit in its own file: update it"


async def test_what_is_not_our_program_is_down_and_no_matter_of_certificates(make_world: Make) -> None:
    world = make_world()
    world.rewire("direct", world.target.port)
    await world.start(INGRESS)

    async def answer() -> None:
        while True:
            stream = await world.target.accept()
            await stream.send_all(b"SSH-2.0-OpenSSH_9.2\r\n")

    world.nursery.start_soon(answer)
    assert "wrong version number" in await shown(world, "direct", "down")


async def test_a_connection_that_ends_is_down_and_no_matter_of_certificates(make_world: Make) -> None:
    world = make_world()
    world.wires["direct"].refuse()
    await world.start(INGRESS)
    await until(lambda: world.wires["direct"].accepted > 1)
    assert world.word("direct") == "down"
    world.wires["direct"].release()
    await world.start("us")
    await world.up("direct")


async def test_a_line_whose_password_is_missing_names_it(make_world: Make) -> None:
    world = make_world()
    proxy = 'proxy = { url = "socks5://127.0.0.1:1", user = "u", password = { env = "NO_SUCH_VARIABLE" } }\n'
    world.write(world.text().rstrip() + "\n" + proxy)
    await world.start(INGRESS)
    assert "NO_SUCH_VARIABLE" in await shown(world, "direct", "down")


async def test_a_silent_line_is_given_up_in_time(make_world: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingress.paths.live.SETUP_FLOOR", 0.1)
    monkeypatch.setattr("ingress.paths.live.SETUP_TRIPS", 0)
    world = make_world()
    world.wires["direct"].hold()
    await world.start("us", INGRESS)
    assert await shown(world, "direct", "down") == "no answer along direct within 0.1 s"
    world.wires["direct"].release()
    with trio.fail_after(PATIENCE):
        await world.up("direct")


async def test_a_set_up_that_failed_leaves_nothing_open(make_world: Make, journal: Journal) -> None:
    world = make_world(TWO_PATHS)
    await world.start("jp", INGRESS)  # the exit is missing
    await until(lambda: len(journal.of("carrier-failed", INGRESS)) >= 3)
    before = len(os.listdir("/proc/self/fd"))
    await until(lambda: len(journal.of("carrier-failed", INGRESS)) >= 7)
    assert len(os.listdir("/proc/self/fd")) <= before + 8  # what is being dialled now

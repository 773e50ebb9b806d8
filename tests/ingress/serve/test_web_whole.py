"""The page of a running ingress, asked as browsers and programs ask it."""

import json
import ssl
from collections.abc import Callable

import pytest
import trio
import trustme

from ingress.cli import main
from ingress.serve.running import read
from ingress.users_file import add_user
from relay.admin.client import ask, ask_to_reload
from relay.errors import OperatorError
from tests.ingress.web.visitor import Visit, exchange
from tests.world import INGRESS, NAME, PATIENCE, TWO_PATHS, World, free_ports, is_reset, read_all, until
from tests.world import read as read_bytes

Make = Callable[..., World]
TOKEN = "the-token-of-the-tests"


def with_page(make_world: Make, more: str = "", **others: object) -> tuple[World, int]:
    """A world whose ingress has a page, and the port of that."""
    (port,) = free_ports(1)
    doors = f'web = "127.0.0.1:{port}"\nweb_token = {{ file = "web.token" }}\n{more}'
    world = make_world(doors=doors, **others)
    token = world.folder / "web.token"
    token.write_text(TOKEN + "\n")
    token.chmod(0o600)
    return world, port


async def let_in(world: World, visit: Visit, capsys: pytest.CaptureFixture[str]) -> None:
    """Enter as one does who has run `ingress page`."""
    arguments = ["page", "--admin", str(world.folder / f"{INGRESS}.sock")]
    with trio.fail_after(PATIENCE):
        assert await trio.to_thread.run_sync(main, arguments) == 0
    address = capsys.readouterr().out.strip()
    base, _, token = address.partition("#token=")
    assert base == f"http://127.0.0.1:{visit.port}/"
    await visit.enter({"token": token})


async def test_the_page_is_open_and_what_it_shows_is_not(make_world: Make) -> None:
    world, port = with_page(make_world)
    await world.start()
    visit = Visit(port)
    page = await visit.get("/")
    assert page.status == 200 and b"<script" in page.body
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for path in ("/api/v1/paths", "/api/v1/live", "/api/v1/why?target=x"):
        assert (await visit.get(path)).status == 401


async def test_an_address_of_ingress_page_lets_one_browser_in(
    make_world: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    world, port = with_page(make_world)
    await world.start()
    await world.up()
    visit = Visit(port)
    await let_in(world, visit, capsys)
    answer = (await visit.get("/api/v1/paths")).json()
    assert [row["path"] for row in answer["paths"]] == ["direct"]
    why = (await visit.get("/api/v1/why?target=x.example:80")).json()
    assert (why["target"], why["paths"]) == ("x.example:80", ["direct"])
    first = await visit.first_event("/api/v1/live")
    assert first["paths"][0]["state"] == "up"


async def test_programs_show_the_token(make_world: Make) -> None:
    world, port = with_page(make_world)
    await world.start()
    visit = Visit(port, {"authorization": f"Bearer {TOKEN}"})
    assert (await visit.get("/api/v1/paths")).json()["ingress"] == INGRESS
    visit = Visit(port, {"authorization": "Bearer something-else-entirely"})
    assert (await visit.get("/api/v1/paths")).status == 401


async def test_streams_are_seen_and_ended_by_who_may(make_world: Make) -> None:
    world, port = with_page(make_world)
    await world.start()
    await world.up()
    client, target = await world.pair()
    await client.send_all(b"hello")
    assert await read_bytes(target, 5) == b"hello"
    visit = Visit(port, {"authorization": f"Bearer {TOKEN}"})
    answer = (await visit.get("/api/v1/streams")).json()
    (row,) = answer["streams"]
    assert (answer["total"], answer["matched"]) == (1, 1)
    assert (row["protocol"], row["client"], row["user"]) == ("tcp", "127.0.0.1", "")
    assert (row["target"], row["path"], row["exit"]) == (f"{NAME}:{world.target.port}", "direct", "us")
    assert (row["up"], row["down"], row["moves"]) == (5, 0, 0) and row["age"] >= 0
    assert (await visit.get("/api/v1/streams?match=nowhere")).json()["streams"] == []
    assert (await Visit(port).ask("DELETE", f"/api/v1/streams/{row['id']}")).status == 401
    for nobody in ("999", "9" * 5000, "x", ""):
        assert (await visit.ask("DELETE", f"/api/v1/streams/{nobody}")).status == 404
    assert (await visit.ask("DELETE", f"/api/v1/streams/{row['id']}")).json()["ended"] == row["id"]
    assert await is_reset(client) and await is_reset(target)
    await until(lambda: not world.running.accounts.numbered)
    await world.journal.until("stream-ended-by-hand", INGRESS, by="web_token")


async def test_associations_are_streams_of_datagrams(make_world: Make) -> None:
    world, port = with_page(make_world)
    await world.start()
    await world.up()
    visit = Visit(port, {"authorization": f"Bearer {TOKEN}"})
    client = await world.client()
    await client.send_all(b"\x05\x01\x00\x05\x03\x00\x01" + bytes(6))
    answer = await read_bytes(client, 12)
    assert answer[3] == 0
    (row,) = (await visit.get("/api/v1/streams?match=udp")).json()["streams"]
    assert (row["target"], row["exit"], row["up"]) == ("", "", 0)
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.sendto(
            b"\x00\x00\x00\x01\x7f\x00\x00\x01\x12\x34ping", ("127.0.0.1", int.from_bytes(answer[10:], "big"))
        )
        await until(lambda: [one for one in world.running.accounts.associations if one.look().up])
    (row,) = (await visit.get("/api/v1/streams?sort=-age")).json()["streams"]
    assert (row["target"], row["protocol"], row["up"]) == ("127.0.0.1:4660", "udp", 14)
    assert (await visit.ask("DELETE", f"/api/v1/streams/{row['id']}")).status == 200
    assert await read_all(client) == b""
    assert (await visit.get("/api/v1/streams")).json()["total"] == 0


@pytest.mark.parametrize("query", ["sort=size", "limit=0", "limit=2001", "limit=x", "limit=" + "9" * 5000])
async def test_questions_about_streams_make_sense(make_world: Make, query: str) -> None:
    world, port = with_page(make_world)
    await world.start(INGRESS)
    got = await Visit(port, {"authorization": f"Bearer {TOKEN}"}).get(f"/api/v1/streams?{query}")
    assert got.status == 400 and "error" in got.json()


async def test_users_of_the_page_log_in_and_are_out_when_they_are_taken_out(make_world: Make) -> None:
    world, port = with_page(make_world, 'web_users = "web-users.toml"')
    users = world.folder / "web-users.toml"
    add_user(users, "ann", "secret")
    await world.start(INGRESS)
    visit = Visit(port)
    asked = json.dumps({"user": "ann", "password": "wrong"}).encode()
    assert (await visit.ask("POST", "/api/v1/session", asked, {"x-ingress": "none"})).status == 401
    asked = json.dumps({"user": "ann", "password": "secret"}).encode()
    assert (await visit.ask("POST", "/api/v1/session", asked)).status == 403  # without the header
    await visit.enter({"user": "ann", "password": "secret"})
    assert (await visit.get("/api/v1/session")).json() == {
        "version": 1,
        "session": True,
        "user": "ann",
        "has_users": True,
    }
    stolen = Visit(port, {"cookie": visit.headers["cookie"]})
    assert (await stolen.get("/api/v1/paths")).status == 401  # the key is missing
    assert (await visit.get("/api/v1/paths")).status == 200
    add_user(users, "ben", "other")
    await reload(world)
    assert (await visit.get("/api/v1/paths")).status == 200
    add_user(users, "ann", "changed")
    await reload(world)
    assert (await visit.get("/api/v1/paths")).status == 401
    await world.journal.until("password-wrong", INGRESS)


async def test_a_session_is_ended_by_its_owner(make_world: Make, capsys: pytest.CaptureFixture[str]) -> None:
    world, port = with_page(make_world)
    await world.start(INGRESS)
    visit = Visit(port)
    await let_in(world, visit, capsys)
    assert (await visit.get("/api/v1/paths")).status == 200
    assert (await visit.ask("DELETE", "/api/v1/session")).status == 204
    assert (await visit.get("/api/v1/paths")).status == 401


async def test_a_reload_takes_the_page_away_and_puts_it_elsewhere(make_world: Make) -> None:
    world, port = with_page(make_world)
    await world.start(INGRESS)
    (other,) = free_ports(1)
    text = world.config.read_text()
    world.write(text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}"))
    await reload(world)
    assert (await Visit(other).get("/")).status == 200
    with pytest.raises(OSError):
        await Visit(port).get("/")
    world.write("\n".join(line for line in text.splitlines() if not line.startswith("web")))
    await reload(world)
    with pytest.raises(OSError):
        await Visit(other).get("/")
    with pytest.raises(OperatorError, match="no page is served"):
        await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", {"ask": "page"}, "ingress")


@pytest.mark.parametrize(("token", "why"), [("short", "fewer than 16 characters"), (None, "cannot be read")])
async def test_a_token_that_can_be_guessed_or_is_missing_is_refused(
    make_world: Make, token: str | None, why: str
) -> None:
    world, _ = with_page(make_world)
    file = world.folder / "web.token"
    file.unlink()
    if token is not None:
        file.write_text(token)
        file.chmod(0o600)
    with pytest.raises(OperatorError, match=why):
        read(world.options(INGRESS), None)


async def test_users_of_the_page_that_are_not_there_are_made_by_another_command(make_world: Make) -> None:
    world, _ = with_page(make_world, 'web_users = "others.toml"')
    with pytest.raises(OperatorError, match=r"others\.toml: there is no such file; run `ingress user --page add NAME`"):
        read(world.options(INGRESS), None)


@pytest.mark.parametrize(
    ("path", "has"),
    [
        ("usage?by=user&since=3600", "rows"),
        ("history?since=3600", "version"),
        ("events?since=3600&limit=5", "events"),
        ("nodes", "nodes"),
        ("paths?lang=zh", "paths"),
    ],
)
async def test_what_the_admin_socket_answers_is_answered(make_world: Make, path: str, has: str) -> None:
    world, port = with_page(make_world)
    await world.start(INGRESS)
    visit = Visit(port, {"authorization": f"Bearer {TOKEN}"})
    with trio.fail_after(PATIENCE):
        while "is not open yet" in (got := await visit.get(f"/api/v1/{path}")).body.decode():
            pass
    assert got.status == 200 and got.json()["version"] == 1 and has in got.json()


@pytest.mark.parametrize(
    "path", ["usage?since=x", "usage?by=moon", "history?since=inf", "why?target=", "events?limit=0"]
)
async def test_questions_make_sense(make_world: Make, path: str) -> None:
    world, port = with_page(make_world)
    await world.start(INGRESS)
    got = await Visit(port, {"authorization": f"Bearer {TOKEN}"}).get(f"/api/v1/{path}")
    assert got.status == 400 and got.json()["error"]


async def test_changes_by_the_api(make_world: Make) -> None:
    world, port = with_page(make_world, lines=TWO_PATHS)
    await world.start()
    await world.up()
    visit = Visit(port, {"authorization": f"Bearer {TOKEN}"})

    async def post(path: str, content: object) -> tuple[int, dict[str, object]]:
        got = await visit.ask("POST", f"/api/v1/{path}", json.dumps(content).encode())
        return got.status, got.json()

    status, answer = await post("use", {"use": "direct"})
    assert status == 200 and answer["wishes"] == ["direct"]
    assert (await post("use", {"use": "auto"}))[1]["wishes"] == []
    status, answer = await post("lines/ix/hold", {"seconds": 60})
    assert status == 200 and len(answer["holds"]) == 1  # type: ignore[arg-type]
    assert (await post("lines/ix/release", {}))[1]["holds"] == []
    assert (await post("lines/nothing/hold", {}))[0] == 400
    assert (await post("lines/ix/cut", {}))[0] == (await post("lines/hold", {}))[0] == 404
    assert (await post("reload", {}))[1]["done"].startswith("reloaded")  # type: ignore[attr-defined]
    world.write("version = 1")
    status, answer = await post("reload", {})
    assert status == 400 and "there is no ingress" in str(answer["error"])


async def test_a_certificate_is_served_and_a_wrong_one_refused(make_world: Make) -> None:
    world, port = with_page(make_world, 'web_certificate = { file = "web.pem", key = "web.key" }')
    authority = trustme.CA()
    made = authority.issue_cert("127.0.0.1")
    made.cert_chain_pems[0].write_to_path(world.folder / "web.pem")
    made.private_key_pem.write_to_path(world.folder / "web.key")
    (world.folder / "web.key").chmod(0o600)
    await world.start(INGRESS)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with trio.fail_after(PATIENCE):
        stream = trio.SSLStream(
            await trio.open_tcp_stream("127.0.0.1", port), trusting, server_hostname="127.0.0.1", https_compatible=True
        )
        got = await exchange(stream, "GET", "/", b"", {"host": f"127.0.0.1:{port}"})
        await stream.aclose()
    assert got.status == 200
    asked = await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", {"ask": "page"}, "ingress")
    assert str(asked["address"]).startswith(f"https://127.0.0.1:{port}/#token=")
    (world.folder / "web.pem").write_text("no certificate")
    with pytest.raises(OperatorError, match="no certificate that can be served"):
        await reload(world)
    got_again = await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", {"ask": "page"}, "ingress")
    assert got_again["version"] == 1  # the old one is in force


async def test_a_password_that_was_right_is_right_at_once(make_world: Make) -> None:
    world, port = with_page(make_world, 'web_users = "web-users.toml"\nweb_hosts = "proxy.example"')
    add_user(world.folder / "web-users.toml", "ann", "secret")
    await world.start(INGRESS)
    asked = json.dumps({"user": "ann", "password": "secret"}).encode()
    visit = Visit(port, {"host": "proxy.example", "x-ingress": "none"})
    first = await visit.ask("POST", "/api/v1/session", asked)
    again = await visit.ask("POST", "/api/v1/session", asked)  # known to be right: no hashing
    assert first.status == again.status == 200
    answer = await trio.to_thread.run_sync(ask, world.folder / f"{INGRESS}.sock", {"ask": "page"}, "ingress")
    assert str(answer["address"]).startswith(f"http://proxy.example:{port}/#token=")


async def reload(world: World) -> None:
    with trio.fail_after(PATIENCE):
        await trio.to_thread.run_sync(ask_to_reload, world.folder / f"{INGRESS}.sock", "ingress")


async def test_a_client_of_a_forward_is_seen_and_ended(make_world: Make) -> None:
    (at,) = free_ports(1)
    forward = f'[[forward]]\nlisten = "127.0.0.1:{at}"\ntarget = "127.0.0.1:4660"\nprotocol = "udp"'
    world, port = with_page(make_world, extra=forward)
    await world.start()
    await world.up()
    visit = Visit(port, {"authorization": f"Bearer {TOKEN}"})
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        for sent in (4, 4):
            await sock.sendto(bytes(sent), ("127.0.0.1", at))
            await until(lambda: [one for one in world.running.accounts.associations if one.look().up])
            (row,) = (await visit.get("/api/v1/streams")).json()["streams"]
            assert (row["protocol"], row["client"], row["target"]) == ("udp", "127.0.0.1", "127.0.0.1:4660")
            assert (row["exit"], row["up"]) == ("us", sent)
            assert (await visit.ask("DELETE", f"/api/v1/streams/{row['id']}")).status == 200
            await until(lambda: not world.running.accounts.associations)

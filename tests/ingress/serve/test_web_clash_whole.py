"""What dashboards and scripts made for Clash ask of a running ingress."""

import io
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import trio
from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, Pong, Request, TextMessage

from relay.log import Log
from tests.ingress.serve.test_web_whole import TOKEN, with_page
from tests.ingress.web.visitor import Got, Visit
from tests.world import INGRESS, NAME, PATIENCE, TWO_PATHS, World, is_reset, read, until

Make = Callable[..., World]
BOARD = "https://board.example"
BEARER = {"authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def dashboard(make_world: Make) -> tuple[World, Visit]:
    """A dashboard of somebody else, and the network that it is pointed at."""
    world, port = with_page(make_world, f'web_origins = "{BOARD}"', lines=TWO_PATHS)
    text = world.text().replace("[node.us]", '[node.us]\ngroup = "usa"')
    world.write(text + '[[rule]]\nname = "ads"\nhost = "ads.example"\ndeny = true\n')
    await world.start()
    await world.up()
    return world, Visit(port, {**BEARER, "origin": BOARD})


async def told(visit: Visit, path: str) -> dict[str, Any]:
    got = await visit.get("/clash" + path)
    assert got.status == 200, got
    assert got.headers["access-control-allow-origin"] == BOARD
    return got.json()


async def put(visit: Visit, path: str, content: object) -> Got:
    return await visit.ask("PUT", "/clash" + path, json.dumps(content).encode())


async def test_what_dashboards_ask_at_the_start(dashboard: tuple[World, Visit]) -> None:
    world, visit = dashboard
    assert (await told(visit, "/"))["hello"] == "clash"
    assert (await told(visit, "/version"))["version"].startswith("ingress ")
    assert (await told(visit, "/configs"))["mixed-port"] == world.ports[INGRESS]
    assert (await told(visit, "/providers/proxies")) == (await told(visit, "/providers/rules")) == {"providers": {}}
    rules = (await told(visit, "/rules"))["rules"]
    assert [(row["type"], row["proxy"]) for row in rules] == [("rule ads", "REJECT"), ("Match", "auto")]


async def test_paths_are_proxies_and_groups_of_exits_are_groups(dashboard: tuple[World, Visit]) -> None:
    _, visit = dashboard
    found = (await told(visit, "/proxies"))["proxies"]
    assert {name: one["type"] for name, one in found.items()} == {
        "direct": "Path",
        "ix/pacific": "Path",
        "usa": "URLTest",
        "auto": "URLTest",
        "GLOBAL": "Selector",
        "DIRECT": "Direct",
        "REJECT": "Reject",
    }
    assert set(found["usa"]["all"]) == {"direct", "ix/pacific"} and found["usa"]["fixed"] == ""
    assert found["auto"]["now"] in found["usa"]["all"]
    (bar,) = found["direct"]["history"]
    assert bar["delay"] > 0
    assert (await told(visit, "/proxies/ix%2Fpacific"))["alive"] is True
    assert (await told(visit, "/proxies/ix%2Fpacific/delay?timeout=5000&url=http://x"))["delay"] > 0
    assert (await told(visit, "/proxies/auto/delay"))["delay"] > 0
    assert set(await told(visit, "/group/auto/delay")) == set(await told(visit, "/group/usa/delay"))
    assert set(await told(visit, "/group/usa/delay")) == {"direct", "ix/pacific"}
    assert {one["name"] for one in (await told(visit, "/group"))["proxies"]} == {"usa", "auto", "GLOBAL"}
    assert (await told(visit, "/group/usa"))["name"] == "usa"
    for path in ("/proxies/nothing", "/proxies/nothing/delay", "/group/direct", "/group/nothing/delay"):
        assert (await visit.get("/clash" + path)).status == 404


async def test_choosing_by_hand(dashboard: tuple[World, Visit]) -> None:
    world, visit = dashboard
    assert (await put(visit, "/proxies/auto", {"name": "ix/pacific"})).status == 204
    assert [wish.use for wish in world.running.wishes.in_force(0.0)] == ["ix/pacific"]
    assert (await told(visit, "/proxies/usa"))["fixed"] == "ix/pacific"
    assert (await told(visit, "/proxies/auto"))["now"] == "ix/pacific"
    assert (await put(visit, "/proxies/auto", {"name": "usa"})).status == 204
    assert (await told(visit, "/proxies/auto"))["fixed"] == "usa"
    assert (await visit.ask("DELETE", "/clash/proxies/auto")).status == 204
    assert (await visit.ask("DELETE", "/clash/proxies/auto")).status == 204
    assert not world.running.wishes
    assert (await put(visit, "/proxies/GLOBAL", {"name": "auto"})).status == 204
    assert (await put(visit, "/proxies/usa", {"name": "auto"})).status == 400
    assert (await put(visit, "/proxies/usa", {})).status == 400
    assert (await put(visit, "/proxies/direct", {"name": "direct"})).status == 404
    assert (await visit.ask("DELETE", "/clash/proxies/direct")).status == 404


async def test_a_path_that_is_down_has_no_delay(dashboard: tuple[World, Visit]) -> None:
    world, visit = dashboard
    world.wires["direct"].refuse()
    world.wires["direct"].cut()
    await until(lambda: world.word("direct") == "down")
    assert (await visit.get("/clash/proxies/direct/delay")).status == 503
    assert "direct" not in await told(visit, "/group/auto/delay")


async def test_connections_are_seen_and_ended(dashboard: tuple[World, Visit]) -> None:
    world, visit = dashboard
    client, target = await world.pair()
    other, _ = await world.pair()
    rows = (await told(visit, "/connections"))["connections"]
    assert len(rows) == 2
    row = rows[0]
    assert row["chains"][1:] == ["usa", "auto"] and row["rule"] == "Match"
    meta = row["metadata"]
    assert (meta["host"], meta["destinationPort"], meta["sourceIP"]) == (NAME, str(world.target.port), "127.0.0.1")
    assert (await visit.ask("DELETE", f"/clash/connections/{row['id']}")).status == 204
    assert await is_reset(client) and await is_reset(target)
    for nobody in ("77777", "9" * 5000):
        assert (await visit.ask("DELETE", f"/clash/connections/{nobody}")).status == 204
    assert (await visit.ask("DELETE", "/clash/connections")).status == 204
    assert await is_reset(other)


async def test_what_no_line_carries_and_what_goes_as_datagrams_is_seen_too(make_world: Make) -> None:
    world, port = with_page(make_world, 'hosts = "hosts"\nallow = [{ cidr = "127.0.0.0/8", reason = "here" }]')
    world.write(world.text() + f'[[rule]]\nname = "home"\nhost = "{NAME}"\ndirect = true\n')
    await world.start()
    await world.up()
    visit = Visit(port, {**BEARER, "origin": "http://127.0.0.1:1"})
    client, _ = await world.pair()
    game = await world.client()
    await game.send_all(b"\x05\x01\x00\x05\x03\x00\x01" + bytes(6))
    at = int.from_bytes((await read(game, 12))[10:], "big")
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sock:
        await sock.sendto(b"\x00\x00\x00\x01\x7f\x00\x00\x01\x12\x34ping", ("127.0.0.1", at))
        await until(lambda: [one for one in world.running.accounts.associations if one.look().flow])
    rows = json.loads((await visit.get("/clash/connections")).body)["connections"]
    assert [(row["chains"][-1], row["rule"], row["metadata"]["network"]) for row in rows] == [
        ("DIRECT", "rule home", "tcp"),
        ("auto", "Match", "udp"),
    ]
    assert rows[1]["metadata"]["destinationIP"] == "127.0.0.1" and rows[1]["metadata"]["host"] == ""
    rules = json.loads((await visit.get("/clash/rules")).body)["rules"]
    assert [row["proxy"] for row in rules] == ["DIRECT", "auto"]
    await client.aclose()


async def test_what_an_ingress_has_not_is_said_so(dashboard: tuple[World, Visit]) -> None:
    world, visit = dashboard
    for method, path in (
        ("PATCH", "/configs"),
        ("POST", "/cache/fakeip/flush"),
        ("PUT", "/providers/proxies/x"),
        ("GET", "/dns/query"),
        ("POST", "/restart"),
    ):
        assert (await visit.ask(method, "/clash" + path)).status == 501
    assert (await put(visit, "/configs", {"path": "/etc/passwd"})).status == 501
    assert (await put(visit, "/configs?reload=true", {"path": "", "payload": ""})).status == 204
    await world.journal.until("reloaded", INGRESS)


async def test_only_pages_that_the_file_names_may_ask_and_only_with_the_token(dashboard: tuple[World, Visit]) -> None:
    _, visit = dashboard
    preflight = {"access-control-request-method": "PUT", "access-control-request-private-network": "true"}
    got = await visit.ask("OPTIONS", "/clash/proxies/auto", b"", preflight)
    assert got.status == 204 and got.headers["access-control-allow-methods"] == "DELETE, GET, PUT"
    assert got.headers["access-control-allow-private-network"] == "true"
    foreign = Visit(visit.port, {**BEARER, "origin": "https://evil.example"})
    assert (await foreign.ask("OPTIONS", "/clash/proxies/auto")).status == 405
    assert "access-control-allow-origin" not in (await foreign.get("/clash/version")).headers
    assert (await foreign.ask("DELETE", "/clash/connections")).status == 403
    without = Visit(visit.port, {"origin": BOARD})
    assert (await without.get("/clash/version")).status == 401
    assert (await without.get(f"/clash/version?token={TOKEN}")).status == 200
    assert (await without.get(f"/api/v1/paths?token={TOKEN}")).status == 401
    assert "access-control-allow-origin" not in (await visit.get("/api/v1/paths")).headers


@asynccontextmanager
async def socket(visit: Visit, path: str, origin: str = BOARD) -> AsyncIterator["Messages"]:
    with trio.fail_after(PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", visit.port) as stream:
            yield await Messages(stream).begin(f"127.0.0.1:{visit.port}", "/clash" + path, origin)


class Messages:
    """A WebSocket, as a browser has it."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.side = WSConnection(ConnectionType.CLIENT)
        self.events: list[object] = []

    async def begin(self, host: str, path: str, origin: str) -> "Messages":
        asked = Request(host=host, target=path, extra_headers=[(b"origin", origin.encode())])
        await self.stream.send_all(self.side.send(asked))
        assert isinstance(await self.next(), AcceptConnection)
        return self

    async def next(self) -> object:
        while not self.events:
            data = await self.stream.receive_some()
            self.side.receive_data(bytes(data) or None)
            self.events += self.side.events()
        return self.events.pop(0)

    async def json(self) -> dict[str, Any]:
        event = await self.next()
        assert isinstance(event, TextMessage)
        found = json.loads(event.data)
        assert isinstance(found, dict)
        return found


@pytest.mark.parametrize(("path", "field"), [("traffic", "upTotal"), ("memory", "inuse"), ("connections", "memory")])
async def test_what_goes_on_comes_by_websocket(dashboard: tuple[World, Visit], path: str, field: str) -> None:
    _, visit = dashboard
    async with socket(visit, f"/{path}?token={TOKEN}") as messages:
        first, second = await messages.json(), await messages.json()
        assert first[field] > 0 and second[field] > 0
        await messages.stream.send_all(messages.side.send(TextMessage("nobody reads this")))
        await messages.stream.send_all(messages.side.send(Ping(b"there?")))
        while not isinstance(event := await messages.next(), Pong):
            assert isinstance(event, TextMessage)
        await messages.stream.send_all(messages.side.send(CloseConnection(1000)))
        while not isinstance(event := await messages.next(), CloseConnection):
            assert isinstance(event, TextMessage)
        assert await messages.stream.receive_some() == b""


async def test_the_log_comes_by_websocket(dashboard: tuple[World, Visit], monkeypatch: pytest.MonkeyPatch) -> None:
    _, visit = dashboard
    log = Log(lambda: 0.0)
    log.configure("json", "error", io.StringIO())
    monkeypatch.setattr("ingress.serve.web_clash.log", log)
    async with socket(visit, f"/logs?token={TOKEN}&level=warning") as messages:
        await until(lambda: log._subscribers)
        log.event("reloaded", lines=3)
        for number in range(3):
            log.event("carrier-lost", level="warning", path="direct", number=number)
        told = [await messages.json() for _ in range(3)]
    assert told == [{"type": "warning", "payload": f"carrier-lost path=direct number={number}"} for number in range(3)]
    await until(lambda: not log._subscribers)
    assert (await visit.get("/clash/logs?level=loud")).status == 400


async def test_lines_of_json_come_where_no_websocket_is_asked_for(dashboard: tuple[World, Visit]) -> None:
    _, visit = dashboard
    with trio.fail_after(PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", visit.port) as stream:
            await stream.send_all(
                f"GET /clash/traffic HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer {TOKEN}\r\n\r\n".encode()
            )
            held = b""
            while held.count(b'"downTotal"') < 2:
                held += await stream.receive_some()
    assert b"transfer-encoding: chunked" in held.lower() and held.count(b"}\n") == 2


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ("origin: https://evil.example\r\nsec-websocket-version: 13\r\nsec-websocket-key: eA==\r\n", b" 403 "),
        ("sec-websocket-version: 12\r\nsec-websocket-key: eA==\r\n", b" 400 "),
        ("sec-websocket-version: 13\r\n", b" 400 "),
    ],
)
async def test_sockets_that_are_none_are_refused(dashboard: tuple[World, Visit], headers: str, status: bytes) -> None:
    _, visit = dashboard
    with trio.fail_after(PATIENCE):
        async with await trio.open_tcp_stream("127.0.0.1", visit.port) as stream:
            await stream.send_all(
                f"GET /clash/traffic?token={TOKEN} HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: upgrade\r\n"
                f"upgrade: websocket\r\n{headers}\r\n".encode()
            )
            held = b""
            while b"\r\n" not in held:
                held += await stream.receive_some()
    assert status in held

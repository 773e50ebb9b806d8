"""The page of a running ingress, asked as browsers and programs ask it."""

from collections.abc import Callable

import pytest
import trio

from ingress.cli import main
from tests.ingress.web.visitor import Visit
from tests.world import INGRESS, PATIENCE, World, free_ports

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

"""Who is answered what: strangers, sessions, tokens, foreign pages, and all of it at random."""

import json
from collections.abc import AsyncGenerator

import attrs
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import wait_all_tasks_blocked

from ingress.penalty import BY_ADDRESS
from ingress.web.guards import ALWAYS
from ingress.web.login import MOST_WAITING, login_routes
from ingress.web.sessions import digest_of
from ingress.web.site import Site
from tests.ingress.web.sites import ASSETS, BOARD, SECRET, TOKEN, Scene, said

BEARER = f"Bearer {TOKEN}"


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(
    ("path", "stranger", "session", "token"),
    [
        ("/", 200, 200, 200),
        ("/open/x", 200, 200, 200),
        ("/api/look", 401, 200, 200),
        ("/metrics", 401, 401, 200),
        ("/clash/x", 401, 401, 200),
        ("/nothing", 404, 404, 404),
        ("/api/look/deeper", 404, 404, 404),
    ],
)
async def test_who_may_see_what(scene: Scene, path: str, stranger: int, session: int, token: int) -> None:
    entered = scene.enter()
    assert (await scene.ask("GET", path)).status == stranger
    assert (await scene.ask("GET", path, **entered)).status == session
    assert (await scene.ask("GET", path, authorization=BEARER)).status == token


async def test_every_answer_tells_the_browser_what_it_may(scene: Scene) -> None:
    for path in ("/", "/open/x", "/api/look", "/nothing"):
        headers = (await scene.ask("GET", path)).headers
        assert ALWAYS.items() <= headers.items() and "cache-control" in headers
    assert (await scene.ask("GET", "/api/look", **scene.enter())).headers["cache-control"] == "no-store"


@pytest.mark.parametrize("lacks", ["cookie", "x_ingress"])
async def test_a_session_needs_cookie_and_key(scene: Scene, lacks: str) -> None:
    entered = scene.enter()
    entered.pop(lacks)
    assert (await scene.ask("GET", "/api/look", **entered)).status == 401


async def test_the_key_may_stand_in_the_query(scene: Scene) -> None:
    entered = scene.enter()
    key = entered.pop("x_ingress")
    assert (await scene.ask("GET", f"/api/look?key={key}", **entered)).status == 200
    assert (await scene.ask("GET", "/api/look?key=other", **entered)).status == 401


@pytest.mark.parametrize("host", ["evil.example", "", "127.0.0.2", "evil.example:9090"])
async def test_a_page_whose_name_means_this_machine_gets_nothing(scene: Scene, host: str) -> None:
    for path in ("/", "/api/look"):
        assert (await scene.ask("GET", path, host=host, **scene.enter())).status == 421
    assert scene.called == []


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"origin": "null"}, {"sec_fetch_site": "cross-site"}, {"origin": BOARD}],
)
async def test_another_page_changes_nothing_and_reads_nothing(scene: Scene, headers: dict[str, str]) -> None:
    entered = scene.enter()
    assert (await scene.ask("DELETE", "/api/look", **entered, **headers)).status == 403
    assert (await scene.ask("GET", "/api/look", **entered, **headers)).status == 401
    assert scene.called == []
    assert (await scene.ask("DELETE", "/api/look", **entered, origin="http://127.0.0.1:9090")).status == 200


async def test_dashboards_that_the_file_names_may_ask_what_is_for_them(scene: Scene) -> None:
    asked = {"origin": BOARD, "authorization": BEARER}
    got = await scene.ask("PUT", "/clash/x", **asked)
    assert got.status == 200 and got.headers["access-control-allow-origin"] == BOARD
    assert "access-control-allow-credentials" not in got.headers
    assert (await scene.ask("PUT", "/clash/x", origin=BOARD)).status == 401
    preflight = await scene.ask("OPTIONS", "/clash/x", origin=BOARD)
    assert (preflight.status, preflight.headers["access-control-allow-methods"]) == (204, "GET, PUT")
    for origin in ("https://evil.example", "null"):
        refused = await scene.ask("PUT", "/clash/x", origin=origin, authorization=BEARER)
        assert refused.status == 403 and "access-control-allow-origin" not in refused.headers
    assert "access-control-allow-origin" not in (await scene.ask("GET", "/open/x", **asked)).headers


async def test_the_token_stands_in_the_query_for_dashboards_alone(scene: Scene) -> None:
    assert (await scene.ask("GET", f"/clash/x?token={TOKEN}")).status == 200
    assert (await scene.ask("GET", f"/metrics?token={TOKEN}")).status == 401


async def test_wrong_tokens_are_slowed_down(scene: Scene) -> None:
    for _ in range(BY_ADDRESS.free):
        assert (await scene.ask("GET", "/metrics", authorization="Bearer wrong")).status == 401
    got = await scene.ask("GET", "/metrics", authorization="Bearer wrong")
    assert got.status == 429 and int(got.headers["retry-after"]) >= 1
    assert (await scene.ask("GET", "/metrics", authorization=BEARER)).status == 429  # nothing is learned meanwhile
    scene.now += BY_ADDRESS.longest + 1
    assert (await scene.ask("GET", "/metrics", authorization=BEARER)).status == 200
    assert scene.site.refused == BY_ADDRESS.free + 2


async def test_methods_and_mishaps(scene: Scene) -> None:
    got = await scene.ask("PUT", "/api/look", **scene.enter())
    assert (got.status, got.headers["allow"]) == (405, "DELETE, GET")
    assert (await scene.ask("HEAD", "/api/look", **scene.enter())).status == 200
    assert (await scene.ask("POST", "/")).status == 404
    for word, status in (("bad", 404), ("operator", 400), ("bug", 500)):
        got = await scene.ask("GET", f"/api/fail/{word}", **scene.enter())
        assert got.status == status and "error" in said(got) and "oh" not in str(said(got))


async def test_a_stream_ends_with_its_session(scene: Scene) -> None:
    entered = scene.enter()
    known: list[bool] = []
    got = await scene.ask("GET", "/api/stream", on_known=lambda: known.append(True), **entered)
    assert isinstance(got.body, AsyncGenerator) and known == [True]
    assert [await anext(got.body), await anext(got.body)] == [SECRET, SECRET]
    scene.sessions.close_all_but(lambda user: False)
    with pytest.raises(StopAsyncIteration):
        await anext(got.body)


async def test_a_stream_for_a_token_goes_on(scene: Scene) -> None:
    got = await scene.ask("GET", "/api/stream", authorization=BEARER)
    assert isinstance(got.body, AsyncGenerator)
    assert await anext(got.body) == SECRET
    await got.body.aclose()


async def test_a_stream_for_a_token_ends_with_the_token(scene: Scene) -> None:
    got = await scene.ask("GET", "/api/stream", authorization=BEARER)
    assert isinstance(got.body, AsyncGenerator)
    assert await anext(got.body) == SECRET
    scene.site.settings = attrs.evolve(scene.site.settings, token=digest_of("another-token-of-the-tests"))
    with pytest.raises(StopAsyncIteration):
        await anext(got.body)


# sessions


async def enter(scene: Scene, content: object, **headers: str) -> int:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return (await scene.ask("POST", "/api/v1/session", body, **headers)).status


@pytest.mark.parametrize(
    ("content", "status"),
    [
        ({"user": "ann", "password": "secret"}, 200),
        ({"user": "ann", "password": "wrong"}, 401),
        ({"user": "ann"}, 401),
        ({}, 401),
        ({"token": "made up"}, 401),
        ({"token": 7}, 400),
        ({"user": "a" * 256}, 400),
        ({"user": "a\nb"}, 400),
        ([], 400),
        (b"{", 400),
        (b"[" * 60_000, 400),
        (b"\xff", 400),
    ],
)
async def test_beginning_a_session(scene: Scene, content: object, status: int) -> None:
    assert await enter(scene, content, x_ingress="none") == status
    assert await enter(scene, content) == 403
    assert len(scene.sessions) == (status == 200)


async def test_the_cookie_is_for_this_page_alone(scene: Scene) -> None:
    body = json.dumps({"token": scene.sessions.invite(0.0)}).encode()
    got = await scene.ask("POST", "/api/v1/session", body, x_ingress="none")
    name, *marks = got.headers["set-cookie"].split("; ")
    assert name.startswith("ingress-9090=") and marks == ["Path=/", "HttpOnly", "SameSite=Strict"]
    entered = {"cookie": name, "x_ingress": str(said(got)["key"])}
    assert said(await scene.ask("GET", "/api/v1/session", **entered)) == {
        "version": 1,
        "session": True,
        "user": None,
        "has_users": True,
    }
    assert said(await scene.ask("GET", "/api/v1/session"))["session"] is False
    gone = await scene.ask("DELETE", "/api/v1/session", **entered)
    assert gone.status == 204 and "Max-Age=0" in gone.headers["set-cookie"]
    assert (await scene.ask("GET", "/api/look", **entered)).status == 401


async def test_a_program_has_no_session_to_end(scene: Scene) -> None:
    assert (await scene.ask("DELETE", "/api/v1/session", authorization=BEARER)).status == 204


async def test_logins_at_once_are_bounded() -> None:
    scene, gate = Scene(), trio.Event()
    statuses: list[int] = []

    async def judge(address: str, user: bytes, password: bytes) -> bool:
        await gate.wait()
        return False

    routes = login_routes(scene.sessions, judge, lambda: True, lambda: 0.0)
    scene.site = Site(routes, ASSETS, scene.sessions, lambda: 0.0)

    async def log_in() -> None:
        statuses.append(await enter(scene, {"user": "ann", "password": "x"}, x_ingress="none"))

    async with trio.open_nursery() as nursery:
        for _ in range(MOST_WAITING + 1):
            nursery.start_soon(log_in)
        await wait_all_tasks_blocked()
        assert statuses == [429]
        gate.set()
    assert statuses == [429] + [401] * MOST_WAITING


WORDS = st.sampled_from(
    ["/", "/api/look", "/api/stream", "/metrics", "/clash/x", "/open/x", "/api/v1/session", "/index.html", "/../x"]
)
VALUES = st.one_of(
    st.sampled_from(["127.0.0.1:9090", "evil.example", "proxy.example", BOARD, "http://127.0.0.1:9090", "null"]),
    st.sampled_from(["websocket", "Bearer x", "Bearer ", "ingress-9090=x", "same-origin", "cross-site", "gzip"]),
    st.text(max_size=20),
)
NAMES = st.sampled_from(
    ["host", "origin", "authorization", "cookie", "x_ingress", "upgrade", "sec_fetch_site", "accept_encoding"]
)


@given(
    method=st.sampled_from(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "X"]),
    path=st.one_of(WORDS, st.text(max_size=20).map(lambda text: "/" + text.replace("?", ""))),
    headers=st.dictionaries(NAMES, VALUES),
    body=st.binary(max_size=30),
)
async def test_no_stranger_gets_anything_however_he_asks(
    method: str, path: str, headers: dict[str, str], body: bytes
) -> None:
    scene = Scene()
    scene.enter()
    scene.sessions.invite(0.0)
    got = await scene.ask(method, path, body, **headers)
    assert scene.called == [] and not isinstance(got.body, AsyncGenerator) and SECRET not in got.body
    assert len(scene.sessions) == 1 and "set-cookie" not in got.headers
    assert ALWAYS.keys() <= got.headers.keys()

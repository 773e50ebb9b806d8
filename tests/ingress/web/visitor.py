"""Somebody who visits a page: sends requests over real sockets, keeps its cookie and key."""

import json
from collections.abc import Mapping
from typing import Any

import attrs
import h11
import trio

PATIENCE = 60.0


@attrs.frozen
class Got:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


class Visit:
    """One browser, or one program."""

    def __init__(self, port: int, headers: Mapping[str, str] | None = None) -> None:
        self.port = port
        self.headers = dict(headers or {})

    async def get(self, path: str, **headers: str) -> Got:
        return await self.ask("GET", path, b"", headers)

    async def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Got:
        """One request on a connection of its own."""
        with trio.fail_after(PATIENCE):
            async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
                return await exchange(stream, method, path, body, self._all(headers))

    def _all(self, headers: Mapping[str, str] | None = None) -> dict[str, str]:
        named = {name.replace("_", "-"): value for name, value in (headers or {}).items()}
        return {"host": f"127.0.0.1:{self.port}", **self.headers, **named}

    async def enter(self, what: Mapping[str, str]) -> None:
        """Begin a session with *what*, and keep it."""
        got = await self.ask("POST", "/api/v1/session", json.dumps(what).encode(), {"x-ingress": "none"})
        assert got.status == 200, got
        self.headers["cookie"] = got.headers["set-cookie"].partition(";")[0]
        self.headers["x-ingress"] = got.json()["key"]

    async def first_event(self, path: str) -> dict[str, Any]:
        """The data of the first event of a stream."""
        with trio.fail_after(PATIENCE):
            async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
                lines = [f"GET {path} HTTP/1.1", *(f"{name}: {value}" for name, value in self._all().items())]
                await stream.send_all("\r\n".join([*lines, "", ""]).encode())
                held = b""
                while b"\n\n" not in held:
                    more = await stream.receive_some()
                    assert more, held
                    held += more
        data = held.partition(b"\ndata: ")[2].partition(b"\n\n")[0]
        found = json.loads(data)
        assert isinstance(found, dict)
        return found


async def exchange(stream: trio.abc.Stream, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Got:
    """One request and its answer."""
    side = h11.Connection(h11.CLIENT)
    length = {"content-length": str(len(body))} if body else {}
    head = h11.Request(method=method, target=path, headers=list({**headers, **length}.items()))
    await stream.send_all(
        (side.send(head) or b"") + (side.send(h11.Data(data=body)) or b"") + (side.send(h11.EndOfMessage()) or b"")
    )
    found, content = None, b""
    while True:
        event = side.next_event()
        if event is h11.NEED_DATA:
            side.receive_data(bytes(await stream.receive_some()))
        elif isinstance(event, h11.Response):
            found = event
        elif isinstance(event, h11.Data):
            content += event.data
        elif isinstance(event, h11.EndOfMessage):
            assert found is not None
            return Got(found.status_code, {name.decode(): value.decode() for name, value in found.headers}, content)
        else:
            assert isinstance(event, h11.InformationalResponse), event

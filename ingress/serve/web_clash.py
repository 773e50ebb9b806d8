"""`/clash`: what dashboards and scripts made for Clash ask (docs/api.md). All of it needs the token."""

import json
import time
from collections import deque
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import trio

from ingress.choice.wishes import EVERYBODY, Wish
from ingress.clash.connections import connections
from ingress.clash.delays import Delays, delay
from ingress.clash.proxies import AUTO, delays, groups_of, proxies
from ingress.clash.settings import configs, rules
from ingress.clash.traffic import Speeds
from ingress.report.rows import PathRow
from ingress.report.stream_rows import StreamList
from ingress.serve.answers import make_report
from ingress.serve.running import Running
from ingress.serve.web_streams import end_all, end_one
from ingress.web.exchange import JSON, Handler, Need, WebRequest, WebResponse, WebRoute
from ingress.web.live import Beat
from relay import __version__, log
from relay.log import LEVELS
from relay.serve.vitals import process_vitals

PLACE: Final = "/clash"
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
MOST_LINES: Final = 200
"""Lines of the log that wait for one who takes them slowly; then the oldest go."""
DONE: Final = WebResponse(status=204)


def clash_routes(running: Running, streams: StreamList) -> Sequence[WebRoute]:
    """The routes below PLACE."""
    clash = Clash(running, streams)
    return (
        _route("GET", "/", clash.hello),
        _route("GET", "/version", clash.version),
        _route("GET", "/proxies", clash.proxies),
        _route("GET", "/proxies/", clash.proxy),
        _route("PUT", "/proxies/", clash.choose),
        _route("DELETE", "/proxies/", clash.choose_no_more),
        _route("GET", "/group", clash.groups),
        _route("GET", "/group/", clash.group),
        _route("GET", "/providers/proxies", clash.no_providers),
        _route("GET", "/providers/rules", clash.no_providers),
        _route("GET", "/rules", clash.rules),
        _route("GET", "/configs", clash.configs),
        _route("PUT", "/configs", clash.reload),
        _route("PATCH", "/configs", _not_here),
        _route("GET", "/connections", clash.connections),
        _route("DELETE", "/connections", clash.end_all),
        _route("DELETE", "/connections/", clash.end),
        _route("GET", "/traffic", clash.traffic),
        _route("GET", "/memory", clash.memory),
        _route("GET", "/logs", clash.logs),
        *(_route(method, "/", _not_here) for method in METHODS if method != "GET"),
    )


def _route(method: str, path: str, handler: Handler) -> WebRoute:
    return WebRoute(method, PLACE + path, Need.TOKEN, handler, for_dashboards=True)


class Clash:
    """Answers for one ingress."""

    def __init__(self, running: Running, streams: StreamList) -> None:
        self._running = running
        self._streams = streams
        self._delays = Delays()
        self._speeds = Speeds()
        self._connections = Beat(lambda: _compact(self._all_connections()))
        self._traffic = Beat(self._rates)
        self._memory = Beat(lambda: _compact({"inuse": self._resident(), "oslimit": 0}))

    # ---- what is asked of proxies

    async def hello(self, request: WebRequest) -> WebResponse:
        """Dashboards look whether somebody is there."""
        return _found({"hello": "clash"}) if not request.rest else await _not_here(request)

    async def version(self, _: WebRequest) -> WebResponse:
        """Dashboards take `meta` for: speaks as mihomo does."""
        return _found({"version": f"ingress {__version__}", "meta": True, "premium": True})

    async def proxies(self, _: WebRequest) -> WebResponse:
        """All of them."""
        return _found({"proxies": self._proxies()})

    async def proxy(self, request: WebRequest) -> WebResponse:
        """One of them, or what is asked for behind its name: its delay."""
        found, name = self._proxies(), request.rest
        if name in found:
            return _found(found[name])
        name, _, what = name.rpartition("/")
        if what != "delay" or name not in found:
            return _wrong(404, "Resource not found")
        own = {row.path: delay(row) for row in self._rows()}
        value = own.get(str(found[name].get("now", name)), 0)
        return _found({"delay": value}) if value else _wrong(503, "no path of it is up")

    async def groups(self, _: WebRequest) -> WebResponse:
        """Those that are groups."""
        return _found({"proxies": [one for one in self._proxies().values() if "all" in one]})

    async def group(self, request: WebRequest) -> WebResponse:
        """One of them, or the delays of its members."""
        found, name = self._proxies(), request.rest.removesuffix("/delay")
        if "all" not in found.get(name, {}):
            return _wrong(404, "Resource not found")
        if name == request.rest:
            return _found(found[name])
        members = set(found[name]["all"])
        members |= {path for one in members for path in found.get(one, {}).get("all", ())}
        return _found(delays(self._rows(), tuple(members)))

    async def choose(self, request: WebRequest) -> WebResponse:
        """As `ingress use`."""
        found, name = self._proxies(), request.json().get("name")
        if "all" not in found.get(request.rest, {}):
            return _wrong(404, "Resource not found")
        if not isinstance(name, str) or name not in found[request.rest]["all"]:
            return _wrong(400, f"{name!r} is none of {request.rest}")
        if name == AUTO:
            return await self.choose_no_more(request)
        self._running.use(Wish(name))
        return DONE

    async def choose_no_more(self, request: WebRequest) -> WebResponse:
        """As `ingress use auto`."""
        if "all" not in self._proxies().get(request.rest, {}):
            return _wrong(404, "Resource not found")
        if self._fixed():
            self._running.use(None, EVERYBODY)
        return DONE

    async def no_providers(self, _: WebRequest) -> WebResponse:
        """There are none."""
        return _found({"providers": {}})

    def _rows(self) -> list[PathRow]:
        return [row for row in make_report(self._running).paths if row.rank is not None]

    def _proxies(self) -> dict[str, dict[str, Any]]:
        rows = self._rows()
        self._delays.note(rows, time.time())
        return proxies(rows, groups_of(self._exits(), rows), self._fixed(), self._delays.bars())

    def _exits(self) -> Mapping[str, str | None]:
        """Each with the group that it is in."""
        return {name: node.group for name, node in self._running.config.network.nodes.items() if node.exit}

    def _fixed(self) -> str:
        """What was asked for by hand for everybody."""
        wishes = self._running.wishes.in_force(time.time())
        return next((wish.use for wish in wishes if wish.whom == EVERYBODY), "")

    # ---- what the file says

    async def rules(self, _: WebRequest) -> WebResponse:
        """In words."""
        return _found(rules(self._running.config.rules))

    async def configs(self, _: WebRequest) -> WebResponse:
        """Ports and the like."""
        return _found(configs(self._running.config, str(self._running.options.log_level)))

    async def reload(self, request: WebRequest) -> WebResponse:
        """The file is read again; another one cannot be brought."""
        if any(request.json().values()):
            return _wrong(501, "its file is its own: change that, and reload")
        await self._running.reloads.reload()
        return DONE

    # ---- what is open

    async def connections(self, request: WebRequest) -> WebResponse:
        """Once, or every second."""
        if request.wants_websocket:
            return _messages(self._connections.listen())
        return WebResponse(_compact(self._all_connections()), headers={"content-type": JSON})

    async def end(self, request: WebRequest) -> WebResponse:
        """One of them; nothing is said if it is gone."""
        if end_one(self._running, request.rest):
            log.event("stream-ended-by-hand", id=int(request.rest), by=request.who.name)
        return DONE

    async def end_all(self, request: WebRequest) -> WebResponse:
        """All that is open now."""
        end_all(self._running)
        log.event("stream-ended-by-hand", id="all", by=request.who.name)
        return DONE

    def _all_connections(self) -> Mapping[str, Any]:
        rows = self._streams.rows(self._running.loop.now)
        return connections(rows, self._sums(), self._exits(), self._resident(), time.time())

    # ---- what goes on

    async def traffic(self, _: WebRequest) -> WebResponse:
        """Bytes of the last second, every second."""
        return _messages(self._traffic.listen())

    async def memory(self, _: WebRequest) -> WebResponse:
        """Of this process, every second."""
        return _messages(self._memory.listen())

    async def logs(self, request: WebRequest) -> WebResponse:
        """The log from now on."""
        level = request.query.get("level", "info")
        if level not in LEVELS:
            return _wrong(400, f"level: is one of {', '.join(LEVELS)}")
        return _messages(log_lines(level))

    def _sums(self) -> tuple[int, int]:
        fleet = self._running.fleet
        up = sum(one.bytes_up for one in fleet.traffic.values()) + fleet.past.bytes_up
        return up, sum(one.bytes_down for one in fleet.traffic.values()) + fleet.past.bytes_down

    def _rates(self) -> bytes:
        return _compact(self._speeds.look(self._sums(), self._running.loop.now))

    def _resident(self) -> int:
        running = self._running
        return process_vitals(running.loop, running.memory.statistics(), running.since).resident or 0


class _Everything:
    """The names of all events."""

    def __contains__(self, name: object) -> bool:
        return True


async def log_lines(level: str) -> AsyncGenerator[bytes, None]:
    """What is logged from now on, if it is at least *level*."""
    lines: deque[bytes] = deque(maxlen=MOST_LINES)
    came = trio.Event()

    def told(name: str, its: str, fields: Mapping[str, object]) -> None:
        nonlocal came
        if LEVELS[its] >= LEVELS[level]:
            said = " ".join([name, *(f"{key}={value}" for key, value in fields.items())])
            lines.append(_compact({"type": its, "payload": said}))
            came.set()

    end = log.subscribe(_Everything(), told)
    try:
        while True:
            await came.wait()
            came = trio.Event()
            while lines:
                yield lines.popleft()
    finally:
        end()


async def _not_here(_: WebRequest) -> WebResponse:
    return _wrong(501, "an ingress has nothing of that kind")


def _compact(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _found(content: Mapping[str, Any]) -> WebResponse:
    return WebResponse(_compact(content), headers={"content-type": JSON})


def _messages(body: AsyncGenerator[bytes, None]) -> WebResponse:
    return WebResponse(body, headers={"content-type": JSON}, is_messages=True)


def _wrong(status: int, text: str) -> WebResponse:
    """As Clash says what is wrong."""
    return WebResponse(_compact({"message": text}), status, {"content-type": JSON})

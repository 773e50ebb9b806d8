"""What the admin socket answers, at the page's API: the same questions, with their keys in the query or in a body."""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ingress.messages.forms import LANGUAGES
from ingress.report.live import network_event
from ingress.serve.answers import make_report
from ingress.serve.running import Running
from ingress.web.exchange import EVENTS, BadRequest, Need, WebRequest, WebResponse, WebRoute, json_response
from ingress.web.live import Beat, event
from relay.admin.server import Ask

NUMBERS: Final = frozenset({"since", "until", "step", "limit"})
"""Keys of a query whose values are numbers."""
LOOKS: Final = ("paths", "why", "usage", "history", "events")
"""Questions that change nothing."""
CHANGES: Final = ("use", "reload")
OF_LINES: Final = ("hold", "release")
"""What is done to one line, which the path names."""


def answer_routes(running: Running, asks: Mapping[str, Ask]) -> Sequence[WebRoute]:
    """The routes of *running* that answer as *asks* do, and what moves of `paths`."""
    beats = {language: _beat(running, language) for language in LANGUAGES}

    async def live(request: WebRequest) -> WebResponse:
        return WebResponse(beats[request.language].listen(), headers={"content-type": EVENTS})

    return (
        *(_look(name, asks[name]) for name in LOOKS),
        *(_change(name, asks[name]) for name in CHANGES),
        _nodes(asks["paths"]),
        _lines({name: asks[name] for name in OF_LINES}),
        WebRoute("GET", "/api/v1/live", Need.SESSION, live),
    )


def _beat(running: Running, language: str) -> Beat:
    return Beat(lambda: event("network", _compact(network_event(make_report(running), language))), states(running))


def states(running: Running) -> Callable[[], object]:
    """How the paths are, in words: when that changes, somebody who looks is told at once."""
    live = running.fleet.live
    return lambda: tuple(one.monitor.health.word for one in live.values())


def _look(name: str, ask: Ask) -> WebRoute:
    async def look(request: WebRequest) -> WebResponse:
        question = {key: _number(key, value) if key in NUMBERS else value for key, value in request.query.items()}
        return json_response(await ask({**question, "lang": request.language}))

    return WebRoute("GET", f"/api/v1/{name}", Need.SESSION, look)


def _change(name: str, ask: Ask) -> WebRoute:
    async def change(request: WebRequest) -> WebResponse:
        return json_response(await ask({"lang": request.language, **request.json()}))

    return WebRoute("POST", f"/api/v1/{name}", Need.SESSION, change)


def _nodes(paths: Ask) -> WebRoute:
    """The nodes alone, of the answer to `paths`."""

    async def nodes(request: WebRequest) -> WebResponse:
        answer = await paths({"lang": request.language})
        return json_response({"version": answer["version"], "nodes": answer["nodes"]})

    return WebRoute("GET", "/api/v1/nodes", Need.SESSION, nodes)


def _lines(asks: Mapping[str, Ask]) -> WebRoute:
    async def change(request: WebRequest) -> WebResponse:
        line, _, what = request.rest.rpartition("/")
        if not line or what not in asks:
            raise BadRequest(f"a line and what is to be done to it, as ix-dmit/hold: {', '.join(asks)}", 404)
        return json_response(await asks[what]({"lang": request.language, **request.json(), "line": line}))

    return WebRoute("POST", "/api/v1/lines/", Need.SESSION, change)


def _number(key: str, value: str) -> float:
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise BadRequest(f"{key}: is a number")
    return found


def _compact(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()

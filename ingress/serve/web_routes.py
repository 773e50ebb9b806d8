"""All that the page and its API answer, put together (docs/api.md). What answers is in the files that it names."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ingress.report.live import network_event
from ingress.serve.answers import asks, make_report
from ingress.serve.running import Running
from ingress.serve.web_streams import stream_list, stream_routes
from ingress.web.exchange import EVENTS, Need, WebRequest, WebResponse, WebRoute, json_response
from ingress.web.live import Beat, event
from ingress.web.login import login_routes


def web_routes(running: Running) -> Sequence[WebRoute]:
    """The routes of *running*."""
    web, streams = running.web, stream_list(running)
    return (
        *login_routes(web.sessions, web.judge, lambda: web.has_users),
        *_api(running),
        *stream_routes(running, streams),
    )


def _compact(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()


def _api(running: Running) -> Sequence[WebRoute]:
    answers = asks(running)
    beat = Beat(lambda: event("network", _compact(network_event(make_report(running)))))

    async def paths(_: WebRequest) -> WebResponse:
        return json_response(await answers["paths"]({}))

    async def why(request: WebRequest) -> WebResponse:
        return json_response(await answers["why"](request.query))

    async def live(_: WebRequest) -> WebResponse:
        return WebResponse(beat.listen(), headers={"content-type": EVENTS})

    return (
        WebRoute("GET", "/api/v1/paths", Need.SESSION, paths),
        WebRoute("GET", "/api/v1/why", Need.SESSION, why),
        WebRoute("GET", "/api/v1/live", Need.SESSION, live),
    )

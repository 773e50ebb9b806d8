"""All that the page and its API answer, put together (docs/api.md). What answers is in the files that it names."""

from collections.abc import Sequence

import trio

from ingress.serve.answers import asks
from ingress.serve.running import Running
from ingress.serve.web_answers import answer_routes
from ingress.serve.web_clash import clash_routes
from ingress.serve.web_health import health_routes
from ingress.serve.web_streams import stream_list, stream_routes
from ingress.web.exchange import WebRoute
from ingress.web.login import login_routes


def web_routes(running: Running) -> Sequence[WebRoute]:
    """The routes of *running*."""
    web, streams = running.web, stream_list(running)
    return (
        *login_routes(web.sessions, web.judge, lambda: web.has_users, trio.current_time),
        *answer_routes(running, asks(running)),
        *health_routes(running),
        *stream_routes(running, streams),
        *clash_routes(running, streams),
    )

"""`/api/v1/streams`: what clients have open, and an end to one of them."""

from collections.abc import Sequence
from functools import partial

from ingress.client.client_stream import ClientStream
from ingress.report.stream_rows import MOST, SORTS, StreamList, StreamQuestion
from ingress.serve.running import Running
from ingress.web.exchange import BadRequest, Need, WebRequest, WebResponse, WebRoute, json_response
from relay import log
from relay.model.cause import Cause

PLACE = "/api/v1/streams"


def stream_list(running: Running) -> StreamList:
    """The one of *running*."""
    moving = running.fleet.moving

    def path_of(one: ClientStream) -> str:
        live = None if one.stream is None else moving.live_of(one.stream)
        return "" if live is None else live.name

    return StreamList(running.accounts, path_of)


def stream_routes(running: Running, streams: StreamList) -> Sequence[WebRoute]:
    """The routes of PLACE."""

    async def look(request: WebRequest) -> WebResponse:
        return json_response(streams.answer(_question(request), running.loop.now))

    async def end(request: WebRequest) -> WebResponse:
        if not end_one(running, request.rest):
            raise BadRequest("there is no such stream, or not any more", 404)
        log.event("stream-ended-by-hand", id=int(request.rest), by=request.who.name)
        return json_response({"version": 1, "ended": int(request.rest)})

    return (
        WebRoute("GET", PLACE, Need.SESSION, look),
        WebRoute("DELETE", PLACE + "/", Need.SESSION, end),
    )


def end_one(running: Running, told: str) -> bool:
    """Have the stream or the association whose number is *told* end, soon; False if there is none."""
    accounts = running.accounts
    for stream, own in accounts.numbered.items():
        if str(own) == told:
            running.loop.call_soon(partial(_end_stream, stream))
            return True
    for association, own in accounts.associations.items():
        if str(own) == told:
            running.loop.call_soon(association.end)
            return True
    return False


def end_all(running: Running) -> None:
    """Have all streams and associations of now end, soon."""
    for stream in running.accounts.numbered:
        running.loop.call_soon(partial(_end_stream, stream))
    for association in running.accounts.associations:
        running.loop.call_soon(association.end)


def _end_stream(one: ClientStream) -> None:
    """Reset it at both ends."""
    stream = one.stream
    if stream is not None:
        stream.sink.on_reset(Cause.ENDED)
        stream.abort(Cause.ENDED)


def _question(request: WebRequest) -> StreamQuestion:
    sort, limit = request.query.get("sort", "age"), request.query.get("limit", str(MOST))
    if sort not in SORTS:
        raise BadRequest(f"sort: is one of {', '.join(SORTS)}")
    if not limit.isdecimal() or len(limit) > len(str(MOST)) or not 0 < int(limit) <= MOST:
        raise BadRequest(f"limit: is a number from 1 to {MOST}")
    return StreamQuestion(sort, request.query.get("match", "").lower(), int(limit))

"""How the network is, for machines: `/metrics`."""

from collections.abc import Sequence

import trio

from ingress.metrics.facts import Facts
from ingress.metrics.ledger import CounterLedger
from ingress.serve.answers import make_report
from ingress.serve.running import Running
from ingress.web.exchange import Need, WebRequest, WebResponse, WebRoute
from relay import __version__, log


def health_routes(running: Running) -> Sequence[WebRoute]:
    """The routes of *running*."""
    ledger, turn = CounterLedger(), trio.CapacityLimiter(1)

    async def metrics(_: WebRequest) -> WebResponse:
        from ingress.metrics.exposition import CONTENT_TYPE_LATEST, exposition

        facts = facts_of(running)
        text = await trio.to_thread.run_sync(exposition, facts, ledger, limiter=turn)  # not for streams to wait for
        return WebResponse(text, headers={"content-type": CONTENT_TYPE_LATEST})

    return (WebRoute("GET", "/metrics", Need.SESSION, metrics),)


def facts_of(running: Running) -> Facts:
    """*running* as it is now."""
    peers = running.fleet.peers.items()
    return Facts(
        make_report(running),
        __version__,
        running.opener.open_times,
        running.fleet.moving.pauses.lengths,
        running.fleet.chooser.health.sick.keys(),
        running.identity.expires,
        {name: peer.welcome.not_after for name, peer in peers if peer.welcome is not None},
        {"done": running.reloads.count_done, "refused": running.reloads.count_refused},
        {"lost": log.dropped(), "too_many": log.left_out()},
        not running.keeper.trouble,
    )

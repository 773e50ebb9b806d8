"""What is wrong behind exits: which of them reach no targets, and which sites one alone does not reach."""

from ingress.choice.chooser import Chooser
from ingress.messages.message import Message
from relay.model.cause import Cause

SHOWN = 4
"""Sites that are named at most: the others are counted."""

HOW = {
    Cause.NO_ROUTE: "site.no-route",
    Cause.HOST_UNREACHABLE: "site.no-route",
    Cause.DNS_TIMEOUT: "site.dns",
    Cause.DNS_FAILED: "site.dns",
    Cause.REFUSED: "site.refused",
}
SILENT = "site.silent"


def behind_exits(chooser: Chooser) -> list[Message]:
    """Sentences, the gravest first."""
    sick, failing = chooser.health.sick, chooser.health.failing()
    sites = []
    for site, exit_, cause in chooser.unreached.held():
        others = [name for name in chooser.connect_times.reaching(site) if name != exit_]
        if exit_ not in sick and others:
            why = Message("site.nothing" if exit_ in failing else "site.unwanted")
            sites.append(Message(HOW.get(cause, SILENT), exit=exit_, site=site, other=others[0], why=why))
    more = len(sites) - SHOWN
    rest = [Message("site.more", count=more)] if more > 0 else []
    return [*(one.sentence for one in sick.values()), *sites[-SHOWN:], *rest]

"""What is wrong behind exits: which of them reach no targets, and which sites one alone does not reach."""

from ingress.choice.chooser import Chooser
from relay.model.cause import Cause

SHOWN = 4
"""Sites that are named at most: the others are counted."""

HOW = {
    Cause.NO_ROUTE: "has no route to",
    Cause.HOST_UNREACHABLE: "has no route to",
    Cause.DNS_TIMEOUT: "gets no answer from the DNS for",
    Cause.DNS_FAILED: "gets no answer from the DNS for",
    Cause.REFUSED: "is refused by",
}
SILENT = "gets no answer from"


def behind_exits(chooser: Chooser) -> list[str]:
    """Sentences, the gravest first."""
    sick, failing = chooser.health.sick, chooser.health.failing()
    sites = []
    for site, exit_, cause in chooser.unreached.held():
        others = [name for name in chooser.connect_times.reaching(site) if name != exit_]
        if exit_ not in sick and others:
            why = "it has reached nothing since" if exit_ in failing else "that site may not want its address"
            sites.append(f"exit {exit_} {HOW.get(cause, SILENT)} {site}, and {others[0]} reaches it: {why}")
    more = len(sites) - SHOWN
    rest = [f"and {more} more sites that one exit alone does not reach"] if more > 0 else []
    return [*(one.sentence for one in sick.values()), *sites[-SHOWN:], *rest]
